from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suite.errors import BadInput
from suite.merging import Sources, planner
from suite.merging.plan import Plan, Whole
from suite.merging.tables import Tables
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe
from tests.merging.making import RECIPES, family

SHAPES = {
    "embed_tokens.weight": (9, 4),
    **{f"layers.{i}.{part}": (4, 4) for i in range(3) for part in ("mlp.up", "self_attn.q")},
    "norm": (4,),
}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return Tables(Sources.from_tensors(family(SHAPES)))


def plans(recipe: Recipe, tables: Tables) -> list[Any]:
    return list(planner.plans(recipe, tables))


@pytest.mark.parametrize("name", RECIPES)
def test_each_tensor_is_in_one_plan(tables: Tables, name: str) -> None:
    found = np.concatenate([plan.places for plan in plans(RECIPES[name], tables)])
    assert sorted(found) == list(range(len(SHAPES)))


def test_values_by_layer_and_filter(tables: Tables) -> None:
    weights = (Filtered("mlp", (0.0, 1.0)), Filtered(None, 2.0))
    one = (Input("a", {"weight": weights}),)
    (plan,) = plans(Recipe("linear", one, None, {"normalize": False}), tables)
    names = [tables.layout.segments[place].name for place in plan.places]
    found = dict(zip(names, plan.weights[:, 0].tolist(), strict=True))
    assert [found[f"layers.{i}.mlp.up"] for i in range(3)] == [0.0, 0.5, 1.0]
    assert found["layers.1.self_attn.q"] == found["norm"] == 2.0


def test_switches_by_filter_are_plans_of_their_own(tables: Tables) -> None:
    switch = (Filtered("mlp", True), Filtered(None, False))
    two = tuple(Input(name, {"weight": 2.0}) for name in "ab")
    first, second = plans(Recipe("ties", two, "base", {"normalize": switch}), tables)
    assert {first.divide, second.divide} == {"no", "kept"}
    whole = [Recipe("model_stock", (Input("a"), Input("b")), "base", {"filter_wise": switch})]
    whole.append(Recipe("nuslerp", two, None, {"nuslerp_flatten": switch}))
    for recipe in whole:
        assert [type(plan) for plan in plans(recipe, tables)] == [Plan, Whole]


def test_a_method_for_each_part(tables: Tables) -> None:
    part = (Filtered("mlp", "ties"), Filtered("norm", "linear"), Filtered(None, "slerp"))
    two = tuple(Input(name, {"weight": 1.0}) for name in ("a", "b"))
    with pytest.raises(BadInput, match="slerp"):
        Recipe(part, two, "base", {"t": 0.5})
    partial = (Filtered("mlp", "ties"), Filtered("norm", "linear"))
    with pytest.raises(BadInput, match=r"no method for tensor 'embed_tokens\.weight'"):
        plans(Recipe(partial, two, "base"), tables)


@pytest.mark.parametrize(("density", "epsilon"), [(0.9, 0.1), (0.1, 0.1), (0.5, 0.5)])
def test_della_needs_chances_inside_0_and_1(tables: Tables, density: float, epsilon: float) -> None:
    one = (Input("b", {"weight": 1.0, "density": density, "epsilon": epsilon}),)
    with pytest.raises(BadInput, match=r"della: density .* ± epsilon .* of model 'b' must lie"):
        plans(Recipe("della", one, "base"), tables)


def test_a_parameter_without_a_value_on_a_tensor(tables: Tables) -> None:
    one = (Input("a", {"weight": (Filtered("mlp", 1.0),)}),)
    with pytest.raises(BadInput, match="weight of model 'a' has no value for tensor 'embed_tok"):
        plans(Recipe("linear", one), tables)


def test_rows_of_a_plan(tables: Tables) -> None:
    (plan,) = plans(RECIPES["breadcrumbs"], tables)
    part = plan.rows(slice(2, 4))
    assert part.places.tolist() == plan.places[2:4].tolist() and part.weights.shape == (2, 3)
    assert part.low.cut.shape == part.high.after.shape == (2, 3) and part.mask == plan.mask


def test_nothing_of_a_recipe_is_computed_from_other_models(tables: Tables) -> None:
    """Tables are asked for the recipe's models only: sources may hold many."""
    asked = Tables(tables.sources)
    plans(RECIPES["ties"], asked)
    assert {key[0] for key in asked._kept} == {"descending"}
    plans(RECIPES["linear"], quiet := Tables(tables.sources))
    assert not quiet._kept
