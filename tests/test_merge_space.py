from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.merge_space import MergeSpace
from suite.recipe import Input, Recipe

SOURCES = ["ja", "en"]


def space(scope: str = "layer", method: str = "task_arithmetic", **searched) -> MergeSpace:  # type: ignore[no-untyped-def]
    knobs = searched or {"weight": {"low": 0.0, "high": 1.0, "scope": scope}}
    fixed = {} if method in ("linear", "slerp") else {"lambda": 1.0, "normalize": False}
    return MergeSpace(method, SOURCES, "base", knobs, fixed, layers=6, groups=3)


@pytest.mark.parametrize(
    ("scope", "d"), [("global", 1), ("source", 2), ("group", 10), ("layer", 16)]
)
def test_a_scope_decides_the_number_of_parameters(scope: str, d: int) -> None:
    assert space(scope).space.d == d


@given(st.data())
@settings(max_examples=30)
def test_every_tensor_gets_its_layers_weight(data: st.DataObject) -> None:
    merge = space("layer")
    values = {name: data.draw(st.floats(0, 1), label=name) for name in merge.space.names}
    recipe = merge.recipe(values)
    for source in recipe.inputs:
        for layer in range(6):
            tensor = f"model.layers.{layer}.mlp.up_proj.weight"
            assert (
                recipe.value("weight", tensor, 6, source)
                == values[f"weight.{source.model}.layers.{layer}"]
            )
        for tensor, part in (
            ("model.embed_tokens.weight", "embeddings"),
            ("lm_head.weight", "head"),
            ("model.norm.weight", "head"),
        ):
            assert (
                recipe.value("weight", tensor, 6, source) == values[f"weight.{source.model}.{part}"]
            )


def test_groups_share_a_value_between_consecutive_layers() -> None:
    names = space("group").space.names
    assert [n for n in names if n.startswith("weight.ja")] == [
        "weight.ja.embeddings", "weight.ja.layers.0-1", "weight.ja.layers.2-3",
        "weight.ja.layers.4-5", "weight.ja.head",
    ]  # fmt: skip


def test_a_recipe_of_the_space_reads_back_as_its_settings() -> None:
    merge = space("layer")
    x = np.random.default_rng(0).random(merge.space.d)
    assert merge.encode(merge.recipe(merge.space.decode(x))) == pytest.approx(x)


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


def test_a_start_outside_the_bounds_moves_to_the_nearest() -> None:
    both = (Input("ja", {"weight": 5.0}), Input("en", {"weight": -1.0}))
    recipe = Recipe("task_arithmetic", both, "base", {})
    assert space("source").settings(recipe) == {"weight.ja": 1.0, "weight.en": 0.0}


def test_slerp_has_one_t_for_the_pair() -> None:
    merge = space(method="slerp", t={"low": 0.0, "high": 1.0, "scope": "layer"})
    assert merge.space.d == 8
    recipe = merge.recipe(dict.fromkeys(merge.space.names, 0.25))
    assert recipe.base == "ja" and recipe.value("t", "lm_head.weight", 6) == 0.25


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"weight": {"low": 0, "high": 1, "scope": "row"}}, "scope 'row'; allowed"),
        ({"colour": {"low": 0, "high": 1, "scope": "source"}}, "colour"),
        ({"weight": {"low": 0, "high": float("nan"), "scope": "source"}}, "weight"),
    ],
)
def test_impossible_spaces_are_refused(knobs: dict, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInput, match=said):
        space(**knobs)


def test_impossible_groups_are_refused() -> None:
    with pytest.raises(BadInput, match="1 to 6 layers"):
        MergeSpace(
            "task_arithmetic", SOURCES, "base",
            {"weight": {"low": 0, "high": 1, "scope": "group"}}, {}, layers=6, groups=7,
        )  # fmt: skip
