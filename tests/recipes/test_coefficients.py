"""Multipliers of task vectors, as a search space reads them from recipes of every method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suite.recipes.coefficients import multiplier
from suite.recipes.recipe import Input, Recipe
from tests.merge_spaces import SOURCES, UNIT, space


def test_lambda_and_normalisation_are_folded_into_a_start() -> None:
    merge = space("source")
    both = (Input("ja", {"weight": 1.0}), Input("en", {"weight": 3.0}))
    arithmetic = Recipe("task_arithmetic", both, "base", {"lambda": 0.2})
    assert merge.settings(arithmetic) == pytest.approx({"weight.ja": 0.2, "weight.en": 0.6})
    assert merge.settings(Recipe("linear", both)) == pytest.approx(
        {"weight.ja": 0.25, "weight.en": 0.75}
    )
    slerp = Recipe("slerp", (Input("ja"), Input("en")), "ja", {"t": 0.3})
    assert merge.settings(slerp) == pytest.approx({"weight.ja": 0.7, "weight.en": 0.3})
    alone = Recipe("linear", (Input("en", {"weight": 1.0}),))
    assert merge.settings(alone) == {"weight.ja": 0.0, "weight.en": 1.0}


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (("dare_linear", {"normalize": True, "lambda": 0.5}), (0.125, 0.375)),
        (("task_arithmetic", {"normalize": True}), (0.25, 0.75)),
        (("breadcrumbs", {"lambda": 0.5}), (0.1, 0.3)),
        (("della", {"lambda": 0.5}), (0.1, 0.3)),
        (("nuslerp", {}), (0.25, 0.75)),
    ],
)
def test_normalisation_is_folded_where_it_is_one_number(
    recipe: tuple[str, dict[str, Any]], expected: tuple[float, float]
) -> None:
    both = (Input("ja", {"weight": 0.2}), Input("en", {"weight": 0.6}))
    found = space("source").settings(Recipe(recipe[0], both, "base", recipe[1]))
    assert tuple(found.values()) == pytest.approx(expected)


def test_folded_sums_are_the_same_merge() -> None:
    rng = np.random.default_rng(0)
    base, tasks = rng.normal(size=9), rng.normal(size=(2, 9))
    both = (Input("ja", {"weight": 0.2}), Input("en", {"weight": 0.6}))
    recipe = Recipe("task_arithmetic", both, "base", {"normalize": True, "lambda": 0.7})
    found = np.array([*space("source").settings(recipe).values()])
    expected = base + 0.7 * (0.2 * tasks[0] + 0.6 * tasks[1]) / 0.8
    assert base + found @ tasks == pytest.approx(expected)


@pytest.mark.parametrize("method", ["linear", "task_arithmetic", "dare_linear", "nuslerp"])
def test_a_negative_sum_of_weights_keeps_its_sign(method: str) -> None:
    both = (Input("ja", {"weight": -3.0}), Input("en", {"weight": 1.0}))
    switch = {} if method == "nuslerp" else {"normalize": True}
    base = None if method == "linear" else "base"
    recipe = Recipe(method, both, base, switch)
    found = [multiplier(recipe, source, "model.norm.weight", 6) for source in both]
    assert found == pytest.approx([1.5, -0.5])


def test_lambda_is_not_counted_twice() -> None:
    merge = space(weight=UNIT, **{"lambda": {"low": 0.0, "high": 2.0}})
    both = (Input("ja", {"weight": 0.4}), Input("en", {"weight": 0.2}))
    found = merge.settings(Recipe("task_arithmetic", both, "base", {"lambda": 0.5}))
    assert found == pytest.approx({"weight.ja": 0.4, "weight.en": 0.2, "lambda": 0.5})


@pytest.mark.parametrize("method", ["model_stock", "karcher", "sce"])
def test_methods_without_weights_start_from_the_mean(method: str) -> None:
    base = None if method == "karcher" else "base"
    recipe = Recipe(method, tuple(map(Input, SOURCES)), base)
    assert space("source").settings(recipe) == {"weight.ja": 0.5, "weight.en": 0.5}
    assert space("global").settings(recipe) == {"weight": 0.5}
