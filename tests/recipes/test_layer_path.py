from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.checkpoints.released_path import read_released
from suite.errors import BadInput
from suite.recipes.layer_path import Hop, LayerPath, read_json, released, whole
from suite.recipes.recipe import Input, Recipe

MERGE = Recipe("linear", (Input("x", {"weight": 1.0}), Input("y", {"weight": 3.0})))
HOPS = st.lists(
    st.builds(Hop, st.sampled_from("abm"), st.integers(0, 5), st.floats(-2, 2)), min_size=1
)


@given(HOPS)
def test_a_path_is_its_json(hops: list[Hop]) -> None:
    path = LayerPath("m", tuple(hops), {"m": MERGE})
    again = read_json(json.loads(json.dumps(path.to_json())))
    assert again == path and again.digest == path.digest and hash(again) == hash(path)
    assert pickle.loads(pickle.dumps(path)) == path
    assert set(path.models) <= {"x", "y", "a", "b"} and path.parts[0] == "m"
    product = math.prod(hop.scale for hop in hops)
    assert path.cumulative[-1] == pytest.approx(product)


def test_merges_are_read_as_such() -> None:
    assert read_json(MERGE.to_json()) == MERGE
    assert whole("a", 2) == LayerPath("a", (Hop("a", 0), Hop("a", 1)))


def test_whole_numbers_as_scales_are_the_same_path() -> None:
    one = LayerPath("a", (Hop("a", 0, 1),))
    assert one.digest == LayerPath("a", (Hop("a", 0, 1.0),)).digest


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LayerPath("a", ()), "no hops; at least one layer must run"),
        (lambda: LayerPath("a", (Hop("", 0),)), "'' is not the name of a part"),
        (lambda: LayerPath("a", (Hop("a", -1),)), "whole number, 0 or more"),
        (lambda: LayerPath("a", (Hop("a", 1.0),)), "whole number, 0 or more"),  # type: ignore[arg-type]
        (lambda: LayerPath("a", (Hop("a", 0, math.nan),)), "scale nan is not a finite number"),
        (lambda: LayerPath("a", (Hop("a", 0),), {"b": MERGE}), "merge 'b' is no part"),
        (lambda: whole("a", 3).check_layers({"a": 2}), "layer 2 of 'a'; it has layers 0 to 1"),
        (lambda: whole("a", 3).check_layers({"b": 2}), "no part 'a'; b exist"),
        (lambda: whole("a", 3).check_layers({"a": 3}, 2), "3 hops; the depth limit is 2"),
        (lambda: LayerPath.from_json({"frame": "a"}), "not a layer path"),
        (lambda: released({"input_layers": [0]}, "p"), "no lists of numbers"),
        (lambda: released({"input_layers": [0], "input_scales": [math.inf]}, "p"), "no lists"),
    ],
)  # fmt: skip
def test_impossible_paths_are_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        make()


LAYERS, SCALES = [0, 2, 1, 1, 2], [1.0, 0.75, 1.25, 0.5, 1.0]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """Saves three tiny layers in the format of EvoLLM-JP-v1-10B: the path is two of the tensors."""

    def make(
        layers: Any = LAYERS, scales: Any = SCALES, kind: str = "float32", shards: int = 1
    ) -> Path:
        torch = pytest.importorskip("torch")
        from safetensors.torch import save_file
        from transformers import MistralConfig, MistralForCausalLM

        config = MistralConfig(
            vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=3,
            num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False,
        )  # fmt: skip
        torch.manual_seed(0)
        tensors = {n: p.detach().clone() for n, p in MistralForCausalLM(config).named_parameters()}
        if layers is not None:
            tensors["model.input_layers"] = torch.tensor(layers)
        if scales is not None:
            tensors["model.input_scales"] = torch.tensor(scales, dtype=getattr(torch, kind))
        described = {**config.to_dict(), "model_type": "evomistral", "num_hops": 5}
        (tmp_path / "config.json").write_text(json.dumps(described))
        if shards == 1:
            save_file(tensors, tmp_path / "model.safetensors")
            return tmp_path
        names = sorted(tensors)
        files = {n: f"model-0000{i % shards + 1}.safetensors" for i, n in enumerate(names)}
        for file in set(files.values()):
            save_file({n: tensors[n] for n in names if files[n] == file}, tmp_path / file)
        index = {"weight_map": files}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        return tmp_path

    return make


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("shards", [1, 3])
def test_the_published_format_is_read(
    checkpoint: Callable[..., Path], kind: str, shards: int
) -> None:
    found = read_released(checkpoint(kind=kind, shards=shards), "evo")
    assert found == LayerPath(
        "evo", tuple(Hop("evo", at, by) for at, by in zip(LAYERS, SCALES, strict=True))
    )
    assert read_json(found.to_json()) == found


def test_layers_stored_as_whole_floats_are_read(checkpoint: Callable[..., Path]) -> None:
    found = read_released(checkpoint(layers=[float(at) for at in LAYERS]), "evo")
    assert [hop.layer for hop in found.hops] == LAYERS


def test_bfloat16_scales_are_what_torch_makes_of_them(checkpoint: Callable[..., Path]) -> None:
    import torch

    odd = np.random.default_rng(0).uniform(0.4, 1.5, 5).tolist()
    found = read_released(checkpoint(scales=odd, kind="bfloat16"), "evo")
    assert [hop.scale for hop in found.hops] == torch.tensor(odd, dtype=torch.bfloat16).tolist()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"layers": None}, "no tensor model.input_layers; this checkpoint holds no layer path"),
        ({"scales": None}, "no tensor model.input_scales"),
        ({"layers": [0, 1]}, "2 input_layers, but 5 input_scales"),
        ({"layers": [[0, 2, 1, 1, 2]]}, r"shape \(1, 5\); it must be a vector"),
        ({"layers": [0, 3, 1, 1, 2]}, "hop 1: layer 3 of 'evo'; it has layers 0 to 2"),
        ({"layers": [0, -1, 1, 1, 2]}, "whole number, 0 or more"),
        ({"layers": [0, 0.5, 1, 1, 2]}, "model.input_layers are not whole numbers"),
        ({"layers": [True] * 5}, "is BOOL; known are BF16, I64"),
        ({"scales": [1.0, math.nan, 1.0, 1.0, 1.0]}, "no lists of numbers"),
    ],
)
def test_damaged_paths_are_refused(
    checkpoint: Callable[..., Path], broken: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        read_released(checkpoint(**broken), "evo")


def test_damaged_folders_are_refused(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        read_released(tmp_path / "none", "evo")
    weights = checkpoint() / "model.safetensors"
    whole_file = weights.read_bytes()
    weights.write_bytes(whole_file[:-3])
    with pytest.raises(BadInput, match="not a whole safetensors file"):
        read_released(tmp_path, "evo")
    weights.unlink()
    with pytest.raises(BadInput, match="no such file"):
        read_released(tmp_path, "evo")
    weights.write_bytes(whole_file)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadInput, match=r"config\.json: damaged"):
        read_released(tmp_path, "evo")
