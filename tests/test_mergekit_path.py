"""Layer paths as mergekit's text, with mergekit 0.1.5 as the oracle of what is written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suite import mergekit_path
from suite.errors import BadInput
from suite.layer_path import Hop, LayerPath, whole
from suite.recipe import Input, Recipe

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


def slices(scale: Any, top: Any = None, where: str = "source") -> dict[str, Any]:
    """Three layers of a, the last two scaled."""
    source: dict[str, Any] = {"model": "a", "layer_range": [1, 3]}
    second: dict[str, Any] = {"sources": [source]}
    (source if where == "source" else second)["parameters"] = {"scale": scale}
    data = {
        "merge_method": "passthrough",
        "slices": [{"sources": [{"model": "a", "layer_range": [0, 1]}]}, second],
    }
    return {**data, **({} if top is None else {"parameters": {"scale": top}})}


def both(value: Any) -> list[dict[str, Any]]:
    return [{"filter": part, "value": value} for part in ("down_proj", "o_proj")]


@pytest.mark.parametrize("where", ["source", "slice"])
def test_scales_are_understood_wherever_mergekit_has_them(where: str) -> None:
    def found(scale: Any, top: Any = None) -> list[float]:
        path = mergekit_path.read(slices(scale, top, where))
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
        (slices(2.0), "scale 2 on model.norm.weight; .* scales o_proj and down_proj only"),
        (slices([{"filter": "mlp", "value": 2.0}]), "2 on model.layers.1.mlp.gate_proj.weight;"),
        (slices([{"filter": "o_proj", "value": 2.0}]), "slice 2: layer 1: scale 2 on self_attn.o_p"),
        (slices(both(0.0)), "layer 1: scale 0 on .* one positive scale"),
        (slices(both(-1.0)), "layer 1: scale -1 on"),
        (slices(both("x")), "scale 'x' is not a number"),
        (slices(both(2.0), 3.0), "scale 3 on model.embed_tokens.weight"),
        (slices([{"filter": "o_proj.weight", "value": 2.0}, {"filter": "down_proj", "value": 2.0}]),
         "2 on self_attn.o_proj.weight, 1 on self_attn.o_proj.bias"),
        (slices(both(2.0), [{"filter": "lm_head", "value": 2.0}]), "scale 2 on lm_head.weight"),
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


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Two tiny models of three layers."""
    pytest.importorskip("mergekit")
    torch = pytest.importorskip("torch")
    from transformers import MistralConfig, MistralForCausalLM

    logging.disable(logging.CRITICAL)
    root = tmp_path_factory.mktemp("models")
    config = MistralConfig(
        vocab_size=16, hidden_size=8, intermediate_size=12, num_hidden_layers=3,
        num_attention_heads=2, num_key_value_heads=1, head_dim=4, tie_word_embeddings=False,
    )  # fmt: skip
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        model = MistralForCausalLM(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        model.save_pretrained(root / name)
    yield {name: root / name for name in "ab"}
    logging.disable(logging.NOTSET)


def unrolled(path: LayerPath, folders: dict[str, Path]) -> dict[str, Any]:
    """The checkpoint that a path stands for, by the formula of the fold."""
    from safetensors.torch import load_file

    parts = {name: load_file(folder / "model.safetensors") for name, folder in folders.items()}
    found = {n: t for n, t in parts[path.frame].items() if ".layers." not in n}
    c = 1.0
    for place, hop in enumerate(path.hops):
        c *= hop.scale
        for name, tensor in parts[hop.part].items():
            if f".layers.{hop.layer}." in name:
                folded = tensor * (1 / c) if "o_proj" in name or "down_proj" in name else tensor
                found[name.replace(f".layers.{hop.layer}.", f".layers.{place}.")] = folded
    return found


def theirs(data: dict[str, Any], out: Path) -> dict[str, Any]:
    """What mergekit makes of a configuration."""
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions
    from safetensors.torch import load_file

    options = MergeOptions(cuda=False, copy_tokenizer=False, write_model_card=False, quiet=True)
    run_merge(MergeConfiguration.model_validate(data), str(out), options)
    return {n: t for f in out.glob("*.safetensors") for n, t in load_file(f).items()}


@pytest.mark.parametrize(
    "hops",
    [
        "a0 a1 a0 a1 a2",
        "b0*.5 a2 b2*1.4",
        "a0 b0*.7 b1 b2 a1*1.3 a1*.6 a2*1.1",
        "b1*.4 b1*.4 b1*.4",
    ],
)
def test_mergekit_makes_the_unrolled_checkpoint(
    hops: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    words = [word.split("*") for word in hops.split()]
    path = LayerPath(
        "a", tuple(Hop(w[0][0], int(w[0][1]), float(w[1]) if w[1:] else 1.0) for w in words)
    )
    text = mergekit_path.write(path, {name: str(folders[name]) for name in path.parts})
    found = theirs(yaml.safe_load(text), tmp_path)
    expected = unrolled(path, folders)
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and found[name].equal(tensor), name
    config = yaml.safe_load((tmp_path / "config.json").read_text())
    assert config["num_hidden_layers"] == len(path.hops)


def located(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """`data` after two more layers, its model the one in `folder`."""
    data["slices"][:0] = [{"sources": [{"model": "a", "layer_range": [0, 2]}]}]
    for entry in data["slices"]:
        entry["sources"][0]["model"] = str(folder)
    return data


@pytest.mark.parametrize(
    ("scale", "top"),
    [
        (both([2.0, 4.0]), None),
        (both(2.0), both(4.0)),
        ([{"filter": f"layers.2.{end}", "value": 4.0} for end in ("self_attn.o", "mlp.down")], None),
        (both("2"), [{"filter": "lm_head", "value": 1}, {"value": 1.0}]),
    ],
)  # fmt: skip
def test_scales_are_read_as_mergekit_reads_them(
    scale: Any, top: Any, folders: dict[str, Path], tmp_path: Path
) -> None:
    data = located(slices(scale, top), folders["a"])
    path = mergekit_path.read(data, layers=3, resolve={str(folders["a"]): "a"})
    assert {hop.scale for hop in path.hops} != {1.0}
    found = theirs(data, tmp_path)
    for name, tensor in unrolled(path, folders).items():
        assert found[name].allclose(tensor, rtol=1e-6, atol=0), name
