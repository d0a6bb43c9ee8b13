"""Layer paths as mergekit's text: written, read back, and refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.recipes import mergekit_path
from suite.recipes.layer_path import Hop, LayerPath, whole
from suite.recipes.recipe import Input, Recipe
from tests.mergekit_texts import both, path_slices

SCALES = st.integers(1, 3000).map(lambda n: n / 1000) | st.just(1.0)
PATHS = st.lists(
    st.builds(Hop, st.sampled_from(["a", "b", "org/c@v1"]), st.integers(0, 4), SCALES),
    min_size=1,
    max_size=12,
).map(lambda hops: LayerPath("a", tuple(hops)))
FRANKEN = """
slices:
- sources: [{model: a, layer_range: [0, 24]}]
- sources: [{model: a, layer_range: [20, 40]}]
merge_method: passthrough
dtype: float16
"""


def read(text: str, **options: Any) -> LayerPath:
    return mergekit_path.read(yaml.safe_load(text), **options)


@given(PATHS)
def test_what_is_written_reads_back(path: LayerPath) -> None:
    assert read(mergekit_path.write(path), layers=5) == path


@given(PATHS)
def test_names_are_translated_both_ways(path: LayerPath) -> None:
    names = {"a": "org/a", "b": "./b", "org/c@v1": "c"}
    back = {there: here for here, there in names.items()}
    text = mergekit_path.write(path, names)
    assert read(text, resolve=back, layers=dict.fromkeys(names, 5)) == path


def test_neighbouring_layers_share_a_slice() -> None:
    hops = (Hop("a", 0), Hop("a", 1), Hop("a", 2, 0.5), Hop("a", 3), Hop("a", 3), Hop("a", 4, 2.0))
    data = yaml.safe_load(mergekit_path.write(LayerPath("a", hops)))
    ranges = [entry["sources"][0]["layer_range"] for entry in data["slices"]]
    assert ranges == [[0, 2], [2, 4], [3, 4], [4, 5]]
    assert [entry["sources"][0].get("parameters") for entry in data["slices"]] == [
        None,
        *[{"scale": [{"filter": f, "value": 2.0} for f in ("o_proj", "down_proj")]}] * 2,
        None,
    ]


def test_a_frankenmerge_is_read() -> None:
    found = read(FRANKEN, layers={"a": 40})
    assert [hop.layer for hop in found.hops] == [*range(24), *range(20, 40)]
    assert found.frame == "a" and {hop.scale for hop in found.hops} == {1.0}
    with pytest.raises(BadInput, match="layer 32 of 'a'; it has layers 0 to 31"):
        read(FRANKEN, layers=lambda model: 32)


@pytest.mark.parametrize(
    ("ranges", "layers", "found"),
    [
        ([("a", 0, 24), ("a", 20, 40)], 40, True),
        ([("a", 0, 2), ("a", 2, 4)], 4, False),
        ([("a", 0, 4)], 4, False),
        ([("a", 0, 4)], None, False),
        ([("a", 0, 3)], 4, True),
        ([("a", 1, 4)], None, True),
        ([("a", 0, 2), ("b", 2, 4)], 4, True),
    ],
)
def test_slices_that_are_one_model_in_order_are_no_path(
    ranges: list[tuple[str, int, int]], layers: int | None, found: bool
) -> None:
    slices = [{"sources": [{"model": m, "layer_range": [i, j]}]} for m, i, j in ranges]
    data = {"merge_method": "passthrough", "slices": slices}
    assert mergekit_path.is_path(data, layers) is found
    assert not mergekit_path.is_path({**data, "merge_method": "linear"}, layers)
    assert not mergekit_path.is_path({"merge_method": "passthrough", "models": []}, layers)


@pytest.mark.parametrize("where", ["source", "slice"])
def test_scales_are_understood_wherever_mergekit_has_them(where: str) -> None:
    def found(scale: Any, top: Any = None) -> list[float]:
        path = mergekit_path.read(path_slices(scale, top, where))
        return [hop.scale for hop in path.hops]

    assert found(both(2.0)) == [1.0, 0.5, 1.0]
    assert found([*both("0.5"), {"value": 1}]) == [1.0, 2.0, 1.0]
    assert found(both([2.0, 4.0])) == [1.0, 0.5, 0.5]  # a gradient over the slice
    assert found([{"filter": "layers.2.self_attn.o", "value": 4.0},
                  {"filter": "layers.2.mlp.down", "value": 4.0}]) == [1.0, 1.0, 0.25]  # fmt: skip
    assert found(both(2.0), both(4.0)) == [0.25, 2.0, 1.0]
    assert found(1.0, both(4.0)) == [0.25, 4.0, 1.0]


def franken(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load(FRANKEN), **changes}


ONE, TWO = ({"model": m, "layer_range": [0, 2]} for m in "ab")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (path_slices(2.0), "scale 2 on model.norm.weight; .* scales o_proj and down_proj only"),
        (path_slices([{"filter": "mlp", "value": 2.0}]), "2 on model.layers.1.mlp.gate_proj.weight;"),
        (path_slices([{"filter": "o_proj", "value": 2.0}]), "slice 2: layer 1: scale 2 on self_attn.o_p"),
        (path_slices(both(0.0)), "layer 1: scale 0 on .* one positive scale"),
        (path_slices(both(-1.0)), "layer 1: scale -1 on"),
        (path_slices(both("x")), "scale 'x' is not a number"),
        (path_slices(both(2.0), 3.0), "scale 3 on model.embed_tokens.weight"),
        (path_slices([{"filter": "o_proj.weight", "value": 2.0}, {"filter": "down_proj", "value": 2.0}]),
         "2 on self_attn.o_proj.weight, 1 on self_attn.o_proj.bias"),
        (path_slices(both(2.0), [{"filter": "lm_head", "value": 2.0}]), "scale 2 on lm_head.weight"),
        (franken(merge_method="linear"), "merge_method 'linear' is no layer path"),
        (franken(modules={}), "modules is not supported"),
        (franken(dtype="int8"), "dtype 'int8' is unknown"),
        (franken(tokenizer_source="union"), "tokenizer source 'union' is not supported"),
        (franken(tokenizer={"source": "union"}), "tokenizer source 'union' is not supported"),
        (franken(base_model="b"), "base_model 'b' must be 'a'"),
        (franken(parameters={"weight": 1}), "passthrough: unknown parameter 'weight'"),
        (franken(slices=[]), "slices must be a list that is not empty"),
        (franken(slices=[{"sources": [ONE, TWO]}]), "slice 1 has 2 sources; passthrough takes one"),
        (franken(slices=[{"sources": [ONE]}, {"sources": [TWO]}]),
         "embeddings are of 'a', final norm and head of 'b'"),
        (franken(slices=[{"sources": [{**ONE, "layer_range": [2, 0]}]}]), "two whole numbers in or"),
        (franken(slices=[{"sources": [{**ONE, "layer_range": [0, 0]}]}]), "path: no hops"),
        (franken(slices=[{"sources": [{"model": "a+b", "layer_range": [0, 1]}]}]), "adapters"),
        (franken(slices=[{"sources": [ONE], "residual_weight": 0.5}]), "residual_weight is not supp"),
    ],
)  # fmt: skip
def test_what_a_path_cannot_say_is_refused_by_name(data: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        mergekit_path.read(data)


MERGE = Recipe("linear", (Input("x", {"weight": 1.0}),))


@pytest.mark.parametrize(
    ("path", "names", "said"),
    [
        (whole("a", 2, {"a": MERGE}), None, "part 'a' is a merge, .* export it first"),
        (LayerPath("a", (Hop("a", 0), Hop("a", 1, 0.0))), None, "hop 1 has scale 0"),
        (LayerPath("a", (Hop("a", 0, -1.0), Hop("a", 1, -1.0))), None, "hop 0 has scale -1"),
        (LayerPath("a", (Hop("a", 0, 1e200),) * 2), None, r"hop 1 has scale 1e\+200 \(cumulative"),
        (whole("a", 2), {"b": "b"}, "model 'a' has no name; there are b"),
        (LayerPath("a", (Hop("b", 0),)), {"a": "m", "b": "m"}, "'m' stands for another"),
        (whole("a+b", 2), None, "adapters are not supported"),
    ],
)
def test_what_mergekit_cannot_say_is_refused(
    path: LayerPath, names: dict[str, str] | None, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        mergekit_path.write(path, names)
