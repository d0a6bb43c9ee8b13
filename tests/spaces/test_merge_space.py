"""Search spaces over recipes: scopes, parts, whole numbers, bounds, and what is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import resources
from suite.errors import BadInput
from suite.recipes.method_table import METHODS
from suite.recipes.recipe import Input, Recipe
from suite.spaces.merge_space import MergeSpace
from tests.merge_spaces import SOURCES, UNIT, space
from tests.nonempty import some

RESULTS = Path(__file__).parents[2] / "results" / "ja_math_micro"


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


@pytest.mark.parametrize(
    ("low", "high", "said"), [(-0.1, 0.5, "density is -0.1"), (0.5, 1.2, "density is 1.2")]
)
def test_bounds_that_no_merge_allows_are_refused_at_either_end(
    low: float, high: float, said: str
) -> None:
    knobs = {"density": {"low": low, "high": high, "scope": "source"}}
    fixed = {"weight": 1.0}
    with pytest.raises(BadInput, match=said):
        MergeSpace("ties", SOURCES, "base", knobs, fixed, layers=6)


def test_corners_of_the_cube_are_the_bounds_of_every_knob() -> None:
    knobs = {
        "weight": {"low": -0.1, "high": 0.7, "scope": "group"},
        "density": {"low": 0.05, "high": 0.3, "scope": "source"},
    }
    merge = space(method="ties", **knobs)
    for corner, bound in ((0.0, "low"), (1.0, "high")):
        settings = merge.space.decode(np.full(merge.space.d, corner))
        assert {*settings} == {*merge.space.names}
        for name, value in settings.items():
            assert value == knobs[name.split(".")[0]][bound], name


def test_impossible_groups_are_refused() -> None:
    with pytest.raises(BadInput, match="1 to 6 layers"):
        MergeSpace(
            "task_arithmetic", SOURCES, "base",
            {"weight": {"low": 0, "high": 1, "scope": "group"}}, {}, layers=6, groups=7,
        )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_number_of_every_method_can_be_searched(method: str) -> None:
    rules = METHODS[method].parameters
    numbers = {name: rule for name, rule in rules.items() if rule.kind in ("number", "integer")}
    knobs = {
        name: {"low": 1, "high": 20} if rule.kind == "integer" else {**UNIT, "scope": "layer"}
        for name, rule in numbers.items()
    }
    knobs |= {n: {"options": [True, False], "scope": "layer"} for n in rules if n == "normalize"}
    if not knobs:
        pytest.skip("nothing to search")
    sources = ["ja"] if method == "passthrough" else SOURCES
    merge = MergeSpace(method, sources, "base", knobs, {}, layers=6)
    values = merge.space.decode(np.random.default_rng(0).random(merge.space.d))
    recipe = merge.recipe(values)
    for name, value in values.items():
        knob, *place = name.split(".", 1)
        if knob == "normalize" or rules[knob].kind == "integer":
            continue
        source = place[0].split(".")[0] if rules[knob].per_input else None
        own = next((i for i in recipe.inputs if i.model == source), None)
        tensor = "model.embed_tokens.weight"
        if "layers" in name:
            tensor = f"model.layers.{name.rsplit('.', 1)[1]}.mlp.x"
        elif name.endswith("head"):
            tensor = "lm_head.weight"
        assert recipe.value(knob, tensor, 6, own) == value, name


def test_whole_numbers_are_searched_as_such_and_globally() -> None:
    knobs = {"max_iter": {"low": 1, "high": 20}, "tol": {"low": 1e-9, "high": 1e-2, "kind": "log"}}
    merge = MergeSpace("karcher", SOURCES, None, knobs, {}, layers=6)
    assert [p.kind for p in merge.space.parameters] == ["int", "log"]
    recipe = merge.recipe(merge.space.decode([0.999, 0.5]))
    assert recipe.parameters["max_iter"] == 20
    assert merge.settings(recipe)["max_iter"] == 20
    with pytest.raises(BadInput, match="max_iter has scope 'layer'; allowed: global"):
        knobs = {"max_iter": {"low": 1, "high": 20, "scope": "layer"}}
        MergeSpace("karcher", SOURCES, None, knobs, {}, layers=6)


@pytest.mark.parametrize("path", sorted((resources.data("conf") / "merge").glob("*.yaml")), ids=str)
def test_shipped_spaces_hold_their_recipes(path: Path) -> None:
    merge = yaml.safe_load(path.read_text(encoding="utf-8"))
    sources = merge.pop("sources", ["japanese", "math_add", "math_mul"])
    space = MergeSpace(**merge, sources=sources, base="base", layers=6)
    rng = np.random.default_rng(0)
    for _ in range(5):
        recipe = space.recipe(space.space.decode(rng.random(space.space.d)))
        assert Recipe.from_json(recipe.to_json()) == recipe
        space.encode(recipe)


@pytest.mark.skipif(not RESULTS.is_dir(), reason="the reference study is not here")
@pytest.mark.parametrize("optimizer", ["random", "cma_es", "nsga2", "tpe"])
def test_the_reference_study_can_be_resumed(optimizer: str) -> None:
    run = RESULTS / optimizer / "seed=0"
    task = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["task"]
    sources = [name for name in task["models"] if name != task["base"]]
    merge = MergeSpace(**task["merge"], sources=sources, base=task["base"], layers=6)
    lines = (run / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    for line in some(lines[::10]):
        trial = json.loads(line)
        assert merge.recipe(merge.space.decode(trial["x"])).to_json() == trial["recipe"]
