from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import places
from suite.errors import BadInput
from suite.merge_space import MergeSpace
from suite.recipe import Input, Recipe
from suite.rules import METHODS
from suite.values import Filtered

SOURCES = ["ja", "en"]
UNIT = {"low": 0.0, "high": 1.0}
RESULTS = Path(__file__).parents[1] / "results" / "ja_math_micro"


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


def chosen(scope: str = "group", **more: Any) -> MergeSpace:
    """A search over three methods with a weight per source."""
    options = ["task_arithmetic", "ties", "dare_ties"]
    knobs = {
        "method": {"options": options, "scope": scope},
        "weight": {**UNIT, "scope": "source"},
        "density": {"low": 0.1, "high": 0.9, "scope": "group"},
        **more,
    }
    fixed = {"normalize": False, "seed": 3}
    return MergeSpace("ties", SOURCES, "base", knobs, fixed, layers=6, groups=3)


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


@settings(max_examples=40, deadline=None)
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


@pytest.mark.parametrize("path", sorted((places.data("conf") / "merge").glob("*.yaml")), ids=str)
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
    for line in lines[::10]:
        trial = json.loads(line)
        assert merge.recipe(merge.space.decode(trial["x"])).to_json() == trial["recipe"]
