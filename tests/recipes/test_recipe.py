from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.recipes.parameters import Filtered, interpolate, layer_of, position
from suite.recipes.recipe import Input, Recipe

MLP = "model.layers.3.mlp.up_proj.weight"
ATTENTION = "model.layers.3.self_attn.q_proj.weight"
EMBEDDING, NORM = "model.embed_tokens.weight", "model.norm.weight"


def ties(own: dict[str, Any], top: dict[str, Any] | None = None) -> Recipe:
    return Recipe("ties", (Input("a", own), Input("b", {"weight": 1.0})), "base", top or {})


@pytest.mark.parametrize(
    ("own", "top", "tensor", "expected"),
    [
        ({"weight": 0.5}, {"weight": 0.9}, MLP, 0.5),
        ({}, {"weight": 0.9}, MLP, 0.9),
        ({"weight": (Filtered("mlp", 0.2), Filtered(None, 0.3))}, {}, MLP, 0.2),
        ({"weight": (Filtered("mlp", 0.2), Filtered("*", 0.3))}, {}, ATTENTION, 0.3),
        ({"weight": (Filtered(None, 0.3), Filtered("mlp", 0.2))}, {}, MLP, 0.3),
        ({"weight": (Filtered("mlp", 0.2), Filtered("up_proj", 0.7))}, {}, MLP, 0.2),
        ({"weight": (Filtered("self_attn", 0.2),)}, {"weight": 0.9}, MLP, 0.9),
        ({"weight": (Filtered("self_attn", 0.2),)}, {"weight": (Filtered("mlp", 0.4),)}, MLP, 0.4),
        ({"weight": (0.0, 0.5, 1.0)}, {}, MLP, 0.75),
        ({"weight": (Filtered("mlp", (0.0, 1.0)),)}, {}, MLP, 0.75),
        ({"weight": (0.25, 0.5, 1.0)}, {}, EMBEDDING, 0.25),
        ({"weight": (0.25, 0.5, 1.0)}, {}, NORM, 0.25),
        ({"weight": (0.25, 0.5, 1.0)}, {}, "lm_head.weight", 0.25),
        ({"weight": (0.6,)}, {}, MLP, 0.6),
    ],
)
def test_precedence(own: dict[str, Any], top: dict[str, Any], tensor: str, expected: float) -> None:
    recipe = ties(own, top)
    assert recipe.value("weight", tensor, 5, recipe.inputs[0]) == pytest.approx(expected, abs=1e-15)


def test_defaults_come_last() -> None:
    recipe = ties({"weight": 1.0, "density": (Filtered("mlp", 0.2),)})
    first, second = recipe.inputs
    assert recipe.value("density", MLP, 5, first) == 0.2
    assert recipe.value("density", ATTENTION, 5, first) == 1.0
    assert recipe.value("density", ATTENTION, 5, first, default=0.4) == 0.4
    assert recipe.value("density", MLP, 5, second) == 1.0
    assert recipe.value("normalize", MLP, 5) is True


def test_a_value_that_no_filter_gives() -> None:
    recipe = ties({"weight": (Filtered("self_attn", 0.2),)})
    with pytest.raises(BadInput, match=f"weight of model 'a' has no value for tensor '{MLP}'"):
        recipe.value("weight", MLP, 5, recipe.inputs[0])


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=9), st.floats(0, 1, allow_subnormal=False))
def test_gradients_interpolate_linearly(anchors: list[float], t: float) -> None:
    expected = np.interp(t, np.linspace(0, 1, len(anchors)), anchors)
    assert interpolate(tuple(anchors), t) == pytest.approx(float(expected), abs=1e-9)


def test_as_many_anchors_as_layers_give_each_layer_its_own() -> None:
    for layers in range(1, 40):
        anchors = tuple(float(i) for i in range(layers))
        for layer in range(layers):
            t = position(f"model.layers.{layer}.mlp.weight", layers)
            assert interpolate(anchors, t) == pytest.approx(layer, abs=1e-12)


def test_layers_and_positions() -> None:
    assert layer_of(MLP) == 3 and layer_of(EMBEDDING) is None
    assert position(MLP, 4) == 1.0 and position(MLP, 7) == 0.5 and position(NORM, 7) == 0.0
    assert position("model.layers.0.mlp.weight", 1) == 1.0


def test_digest_depends_on_content_only() -> None:
    one = Recipe("linear", (Input("a", {"weight": 1}),), None, {"normalize": True})
    same = Recipe("linear", (Input("a", {"weight": 1.0}),), None, {"normalize": True})
    other = Recipe("linear", (Input("a@main", {"weight": 1.0}),), None, {"normalize": True})
    assert one == same and one.digest == same.digest and hash(one) == hash(same)
    assert one != other and one.digest != other.digest
    assert len(one.digest) == 64 and int(one.digest, 16) >= 0
    assert ties({"weight": 1.0}, {"normalize": True, "lambda": 1.0}).digest == (
        ties({"weight": 1.0}, {"lambda": 1.0, "normalize": True}).digest
    )


def test_json_and_pickle_return_the_same_recipe() -> None:
    recipe = ties(
        {"weight": (Filtered("mlp", (0.1, 0.3)), Filtered(None, 1 / 3)), "density": (0.1, 0.2)},
        {"normalize": (Filtered("mlp", True), Filtered(None, False)), "lambda": 0.7},
    )
    line = json.dumps(recipe.to_json(), allow_nan=False)
    for again in (Recipe.from_json(json.loads(line)), pickle.loads(pickle.dumps(recipe))):
        assert again == recipe and again.digest == recipe.digest
    assert copy.deepcopy(recipe) == recipe


def test_recipes_do_not_change() -> None:
    own: dict[str, Any] = {"weight": 1.0}
    recipe = Recipe("linear", (Input("a", own),))
    own["weight"] = 2.0
    assert recipe.inputs[0].parameters["weight"] == 1.0
    with pytest.raises(TypeError):
        recipe.inputs[0].parameters["weight"] = 2.0  # type: ignore[index]


A, B, C = (Input(name, {"weight": 1.0}) for name in "abc")
BAD: list[tuple[str, tuple[Any, ...]]] = [
    ("'magic' is unknown; there are linear", ("magic", (A,))),
    ("dtype 'int8' is unknown", ("linear", (A,), None, {}, "int8")),
    ("linear merges at least one model, not 0", ("linear", ())),
    ("slerp merges exactly 2 models, not 3", ("slerp", tuple(map(Input, "abc")), "a", {"t": 0.5})),
    ("slerp merges exactly 2 models, not 1", ("slerp", (Input("a"),), "a", {"t": 0.5})),
    ("slerp needs a base", ("slerp", (Input("a"), Input("b")), None, {"t": 0.5})),
    ("'c' must be one of a, b", ("slerp", (Input("a"), Input("b")), "c", {"t": 0.5})),
    ("parameter t is missing", ("slerp", (Input("a"), Input("b")), "a")),
    ("t is 1.5; allowed .* in \\[0, 1\\]", ("slerp", (Input("a"), Input("b")), "a", {"t": 1.5})),
    ("t belongs at the top", ("slerp", (Input("a", {"t": 0.5}), Input("b")), "a", {"t": 0.5})),
    ("task_arithmetic needs a base model", ("task_arithmetic", (A,))),
    ("'a' cannot be merged into itself", ("ties", (A, B), "a")),
    ("'a' cannot be merged into itself", ("task_arithmetic", (A, B), "a")),
    ("'a' cannot be merged into itself", ("nuslerp", (A, B), "a")),
    ("models named twice: a", ("linear", (A, A))),
    ("model 'b' has no weight", ("linear", (A, Input("b")))),
    ("model 'a': weight is nan", ("linear", (Input("a", {"weight": math.nan}),))),
    ("lambda is inf", ("task_arithmetic", (A,), "base", {"lambda": math.inf})),
    ("density is 1.2", ("ties", (Input("a", {"weight": 1.0, "density": 1.2}),), "base")),
    ("density is -0.1", ("dare_ties", (A,), "base", {"density": (0.5, -0.1)})),
    ("unknown parameter 'gamma'; there are", ("ties", (A,), "base", {"gamma": 0.01})),
    ("unknown parameter 'density'", ("linear", (A,), None, {"density": 0.5})),
    ("rescale is True; allowed is one of l1", ("dare_ties", (A,), "base", {"rescale": True})),
    ("seed is -1", ("dare_ties", (A,), "base", {"seed": -1})),
    ("'' is not the name of a model", ("linear", (Input("", {"weight": 1.0}),))),
]


@pytest.mark.parametrize(("message", "arguments"), BAD)
def test_bad_recipes(message: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(BadInput, match=message) as error:
        Recipe(*arguments)
    assert "\n" not in str(error.value)


def test_a_base_that_is_also_merged_is_one_model() -> None:
    """SLERP's base is one of its two models, and a linear merge may hold it too: it is read once."""
    slerp = Recipe("slerp", (Input("a"), Input("b")), "b", {"t": 0.5})
    assert slerp.models == ("b", "a")
    assert Recipe("linear", (A, B), "b").models == ("b", "a")
    assert ties({"weight": 1.0}).models == ("base", "a", "b")


@pytest.mark.parametrize("data", [{}, {"method": "linear", "inputs": 3}, [], {"inputs": [{}]}])
def test_bad_json(data: Any) -> None:
    with pytest.raises(BadInput, match="not a recipe"):
        Recipe.from_json(data)


MIXED = (Filtered("mlp", "ties"), Filtered("embed", "linear"), Filtered(None, "dare_ties"))


def mixed(parameters: dict[str, Any] | None = None, method: Any = MIXED) -> Recipe:
    inputs = (Input("a", {"weight": 1, "density": 0.5}), Input("b", {"weight": (0.0, 1.0)}))
    return Recipe(method, inputs, "base", parameters or {})


def test_a_method_per_part() -> None:
    recipe = mixed()
    assert recipe.methods == ("ties", "linear", "dare_ties")
    assert recipe.title == "ties + linear + dare_ties"
    found = [recipe.method_on(tensor) for tensor in (MLP, ATTENTION, EMBEDDING, NORM)]
    assert found == ["ties", "dare_ties", "linear", "dare_ties"]
    some = mixed(method=MIXED[:2])
    with pytest.raises(BadInput, match=rf"no method for tensor '{ATTENTION}'; add one without"):
        some.method_on(ATTENTION)


def test_each_part_has_its_methods_defaults() -> None:
    recipe = mixed()
    assert recipe.value("rescale", MLP, 5) == "none"
    assert recipe.value("rescale", ATTENTION, 5) == "l1"
    assert recipe.value("normalize", MLP, 5) and not recipe.value("normalize", ATTENTION, 5)
    names = [MLP, ATTENTION, EMBEDDING]
    assert recipe.column("normalize", names, 5) == [True, False, True]
    assert recipe.column("weight", names, 5, recipe.inputs[1]) == [0.75, 0.75, 0.0]
    assert recipe.column("density", names, 5, recipe.inputs[0]) == [0.5] * 3
    with pytest.raises(BadInput, match="density has no value for tensor"):
        recipe.value("density", EMBEDDING, 5)


def test_a_method_per_part_is_kept_and_named() -> None:
    recipe = mixed()
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe and again.digest == recipe.digest and again.method == MIXED
    assert mixed(method=MIXED[::-1]).digest != recipe.digest


@pytest.mark.parametrize(
    ("message", "method", "parameters"),
    [
        ("'magic' is unknown", (Filtered("mlp", "magic"), Filtered(None, "ties")), {}),
        ("entries with filter and value", ("ties", "linear"), {}),
        (r"merge method \(\) is unknown", (), {}),
        ("ties .* rescale is 'inverse_density'", MIXED, {"rescale": "inverse_density"}),
        ("ties .* unknown parameter 'gamma'; there are weight", MIXED, {"gamma": 0.1}),
        ("unknown parameter 'weight'; there are select_topk", (Filtered(None, "sce"),), {}),
        ("the base 'base' must be one", (*MIXED, Filtered("x", "slerp")), {"t": 0.5}),
        ("passthrough merges exactly one model, not 2", (*MIXED, Filtered("x", "passthrough")), {}),
    ],
)
def test_bad_methods_per_part(message: str, method: Any, parameters: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=message) as error:
        mixed(parameters, method)
    assert "\n" not in str(error.value)
