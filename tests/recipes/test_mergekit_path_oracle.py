"""Layer paths as mergekit's text, with mergekit 0.1.5 as the oracle of what is written and read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.recipes import mergekit_path
from suite.recipes.layer_path import Hop, LayerPath
from tests.mergekit_texts import both, path_slices


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
    data = located(path_slices(scale, top), folders["a"])
    path = mergekit_path.read(data, layers=3, resolve={str(folders["a"]): "a"})
    assert {hop.scale for hop in path.hops} != {1.0}
    found = theirs(data, tmp_path)
    for name, tensor in unrolled(path, folders).items():
        assert found[name].allclose(tensor, rtol=1e-6, atol=0), name
