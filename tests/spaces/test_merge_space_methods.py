"""Search spaces where the merge method is chosen too, for the whole merge or for parts of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe
from suite.spaces.merge_space import MergeSpace
from tests.merge_spaces import SOURCES, UNIT, chosen


def test_a_method_per_group() -> None:
    merge = chosen()
    names = [name for name in merge.space.names if name.startswith("method")]
    assert names == [
        "method.embeddings", "method.layers.0-1", "method.layers.2-3", "method.layers.4-5",
        "method.head",
    ]  # fmt: skip
    values = merge.space.decode(np.full(merge.space.d, 0.5))
    values |= {"method.layers.2-3": "dare_ties", "method.head": "task_arithmetic"}
    recipe = merge.recipe(values)
    found = [recipe.method_on(f"model.layers.{i}.mlp.x") for i in range(6)]
    assert found == ["ties", "ties", "dare_ties", "dare_ties", "ties", "ties"]
    assert recipe.method_on("lm_head.weight") == "task_arithmetic" and recipe.base == "base"
    assert recipe.parameters["seed"] == 3


@pytest.mark.parametrize("scope", ["global", "group", "layer"])
def test_one_method_everywhere_is_an_ordinary_recipe(scope: str) -> None:
    merge = chosen(scope)
    values = merge.space.decode(np.full(merge.space.d, 0.5))
    values |= {name: "task_arithmetic" for name in values if name.startswith("method")}
    recipe = merge.recipe(values)
    both = tuple(Input(source, {"weight": 0.5}) for source in SOURCES)
    assert recipe == Recipe("task_arithmetic", both, "base", {"normalize": False})


@settings(max_examples=40)
@given(st.data())
def test_a_chosen_method_reads_back(data: st.DataObject) -> None:
    merge = chosen(data.draw(st.sampled_from(["global", "group", "layer"])))
    x = data.draw(st.lists(st.floats(0, 1), min_size=merge.space.d, max_size=merge.space.d))
    values = merge.space.decode(x)
    recipe = merge.recipe(values)
    again = merge.settings(recipe)
    for name, value in values.items():
        if name.startswith("method"):
            assert again[name] == value
    assert set(again) == set(values) and merge.encode(recipe).shape == (merge.space.d,)


def test_the_base_is_what_the_chosen_methods_make_of_it() -> None:
    knobs = {"method": {"options": ["linear", "nuslerp"]}, "weight": {"low": 0.1, "high": 1.0}}
    merge = MergeSpace("linear", SOURCES, "base", knobs, {}, layers=6, groups=3)
    weights = {"weight.ja": 0.5, "weight.en": 0.5}
    assert merge.recipe({"method": "linear", **weights}).base is None
    assert merge.recipe({"method": "nuslerp", **weights}).base == "base"


def test_a_recipe_of_another_method_starts_from_the_default() -> None:
    both = (Input("ja", {"weight": 0.4}), Input("en", {"weight": 0.2}))
    found = chosen("global").settings(Recipe("breadcrumbs", both, "base", {"density": 0.5}))
    assert found["method"] == "ties" and found["density.ja.head"] == 0.5
    assert found["weight.ja"] == 0.4
    stock = Recipe("model_stock", tuple(map(Input, SOURCES)), "base")
    assert chosen("global").settings(stock)["density.ja.head"] == 0.9  # 1, the default, is outside


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"method": {"options": ["ties", "slerp"]}}, "method 'task_arithmetic' is not one of"),
        ({"method": {"options": ["task_arithmetic", "magic"]}}, "'magic' is unknown; there are"),
        ({"method": {"low": 0, "high": 1}}, "method needs options"),
        (
            {"method": {"options": ["task_arithmetic"], "scope": "source"}},
            "method has scope 'source'; allowed: global, group, layer",
        ),
        (
            {"method": {"options": ["task_arithmetic", "slerp"], "scope": "layer"}, "t": UNIT},
            "base 'base' must be one of",
        ),
        ({"gamma": UNIT}, "unknown parameter 'gamma'; there are weight"),
    ],
)
def test_impossible_choices_are_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        searched = {"weight": UNIT, **knobs}
        MergeSpace("task_arithmetic", SOURCES, "base", searched, {}, layers=6, groups=3)


def test_a_fixed_value_must_suit_every_method_that_knows_it() -> None:
    knobs = {"method": {"options": ["dare_ties", "ties"], "scope": "group"}, "weight": UNIT}
    fixed = {"rescale": "inverse_density"}
    with pytest.raises(BadInput, match="rescale is 'inverse_density'; allowed is one of l1, none"):
        MergeSpace("dare_ties", SOURCES, "base", knobs, fixed, layers=6, groups=2)


def test_parts_are_filters() -> None:
    recipe = chosen().recipe({n: p.decode(0.5) for n, p in _by_name(chosen()).items()})
    density = recipe.inputs[0].parameters["density"]
    assert isinstance(density, tuple) and density[1] == Filtered("layers.0.", 0.5)


def _by_name(merge: MergeSpace) -> dict[str, Any]:
    return {parameter.name: parameter for parameter in merge.space.parameters}
