"""Layer paths as ordinary checkpoints: loaded by transformers alone, equal to what was searched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma2ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from suite import resources
from suite.checkpoints import metadata
from suite.errors import BadInput
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.models import handle
from suite.export import checkpoint, unrolled
from suite.export.checkpoint import Plan, Weights
from suite.merging import PathMerger, Sources
from suite.recipes.layer_path import Hop, LayerPath
from tests.export.unrolling import SOUP, MakePlan, difference, logits, searched, ten_hops


@pytest.fixture
def sharp(parents: dict[str, Path]) -> None:
    """The copies with an epsilon so small that only rounding can tell."""
    for folder in parents.values():
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-12}))


def exported(plan: Plan, out: Path) -> tuple[float, Weights]:
    """How far the model that transformers alone loads is from the searched one."""
    assert isinstance(plan.recipe, LayerPath)
    weights = checkpoint.write(plan, out, lambda _: {})
    model = AutoModelForCausalLM.from_pretrained(out, trust_remote_code=False)
    assert str(model.dtype) == f"torch.{plan.live}"
    assert len(model.model.layers) == 10
    config = json.loads((out / "config.json").read_text())
    assert config["num_hidden_layers"] == 10
    assert config["model_type"] == "mistral"
    assert not list(out.glob("*.py"))
    wanted = logits(searched(plan).model)
    found = difference(logits(model), wanted)
    hops = tuple(replace(hop, scale=1.0) for hop in plan.recipe.hops)
    unfolded = LayerPath(plan.recipe.frame, hops, plan.recipe.merges)
    without = difference(logits(searched(replace(plan, recipe=unfolded)).model), wanted)
    assert without > 10 * found  # the fold is what makes them equal
    return found, weights


PATHS = [ten_hops(0), ten_hops(1), ten_hops(2, mix=SOUP)]


@pytest.mark.usefixtures("sharp")
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 5e-6), ("bfloat16", 4e-2)])
@pytest.mark.parametrize("path", PATHS)
def test_folding_is_exact_but_for_rounding(
    plan: MakePlan, tmp_path: Path, path: LayerPath, dtype: str, bound: float
) -> None:
    found, weights = exported(plan(recipe=path, live=dtype), tmp_path / "out")
    assert 0 < found < bound
    assert 0 < weights.folding < bound


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 2e-3), ("bfloat16", 4e-2)])
@pytest.mark.parametrize("path", PATHS)
def test_the_norms_epsilon_tells_little_on_real_prompts(
    plan: MakePlan, tmp_path: Path, path: LayerPath, dtype: str, bound: float
) -> None:
    found, _ = exported(plan(recipe=path, live=dtype), tmp_path / "out")
    assert 0 < found < bound


def test_without_scales_the_export_is_the_searched_model_bit_for_bit(
    plan: MakePlan, tmp_path: Path
) -> None:
    plain = plan(recipe=ten_hops(0, 1.0, 1.0, mix=SOUP))
    weights = checkpoint.write(plain, tmp_path / "out", lambda _: {})
    assert weights.folding == 0.0
    assert weights.altered == 0.0
    live, again = searched(plain), handle.load(tmp_path / "out", "cpu")
    assert torch.equal(logits(live.model), logits(again.model))
    items = resources.resolve("zoo:ja_math_micro/items/ja_general")
    evaluator = GenerationEvaluator("g", items, "exact", 4)
    evaluator.splits["search"] = evaluator.splits["search"][:12]
    assert evaluator.evaluate(live, "search") == evaluator.evaluate(again, "search")
    assert evaluator.samples(live, "search", 12) == evaluator.samples(again, "search", 12)


def test_every_layer_is_written_divided_by_its_own_factor(plan: MakePlan, tmp_path: Path) -> None:
    hops = (Hop("base", 0, 0.5), Hop("japanese", 3, 0.5), Hop("base", 0, 4.0), Hop("base", 5, 3.0))
    weights = checkpoint.write(
        plan(recipe=LayerPath("japanese", hops), shard=checkpoint.shard_bytes("800KB")),
        tmp_path / "out",
        lambda _: {},
    )
    files = sorted((tmp_path / "out").glob("*.safetensors"))
    assert len(files) > 2
    found = {name: tensor for file in files for name, tensor in load_file(file).items()}
    parts = {
        n: load_file(plan().folders[n] / "model.safetensors", "cpu") for n in ("base", "japanese")
    }
    for place, (hop, factor) in enumerate(zip(hops, (0.5, 0.25, 1.0, 3.0), strict=True)):
        prefix = f"model.layers.{hop.layer}."
        for name, tensor in parts[hop.part].items():
            if name.startswith(prefix):
                folded = name.endswith(("o_proj.weight", "down_proj.weight"))
                wanted = tensor.float() / (factor if folded else 1.0)
                assert torch.equal(found.pop(f"model.layers.{place}.{name[len(prefix) :]}"), wanted)
    assert found.keys() == {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}
    assert all(torch.equal(t, parts["japanese"][n].float()) for n, t in found.items())
    shapes = metadata.read("base", str(plan().folders["base"])).shapes
    assert weights.parameters == unrolled.parameters(LayerPath("japanese", hops), shapes)
    AutoTokenizer.from_pretrained(tmp_path / "out")


def test_biases_are_divided_and_kinds_of_attention_kept() -> None:
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=60,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            use_sliding_window=True,
            sliding_window=4,
            max_window_layers=2,
            initializer_range=0.3,
        )
    ).eval()
    model.requires_grad_(False)
    for layer in model.model.layers:
        layer.self_attn.o_proj.bias = torch.nn.Parameter(torch.randn(32), False)
    sources = Sources.from_tensors({"a": {n: p.clone() for n, p in model.named_parameters()}})
    path = LayerPath("a", (Hop("a", 3, 0.7), Hop("a", 0, 1.5), Hop("a", 3, 0.9)))
    PathMerger(sources, model, "eager").merge(path)
    assert 0 < unrolled.unroll(model, path) < 1e-4
    assert model.config.layer_types == ["sliding_attention", "full_attention", "sliding_attention"]
    places = [layer.self_attn.o_proj.bias.data_ptr() for layer in model.model.layers]
    assert len(set(places)) == 3
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("scales", "said"),
    [
        ((1.0, -0.5), "hop 1 .'base' layer 1.: scale -0.5; a plain checkpoint needs positive"),
        ((0.0, 1.0), "hop 0 .*needs positive scales"),
        ((1e-20, 1e-20), "hop 1: the scales up to here multiply to 1.0e-40"),
    ],
)
def test_scales_that_cannot_be_folded_are_refused_before_anything_is_loaded(
    plan: MakePlan, tmp_path: Path, scales: tuple[float, float], said: str
) -> None:
    path = LayerPath("base", tuple(Hop("base", layer, s) for layer, s in enumerate(scales)))
    with pytest.raises(BadInput, match=said):
        checkpoint.check(plan(recipe=path), tmp_path / "out")
    with pytest.raises(BadInput, match=said):
        checkpoint.write(plan(recipe=path), tmp_path / "out", lambda _: {})
    assert not (tmp_path / "out").exists()


def test_norms_after_the_blocks_are_refused_only_with_scales() -> None:
    config = Gemma2Config(
        vocab_size=60,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
    )
    model = Gemma2ForCausalLM(config).eval()
    sources = Sources.from_tensors({"a": {n: p.clone() for n, p in model.named_parameters()}})
    merger = PathMerger(sources, model, "eager")
    plain, scaled = (LayerPath("a", (Hop("a", 1, s), Hop("a", 0))) for s in (1.0, 0.5))
    merger.merge(scaled)
    with pytest.raises(BadInput, match="cannot be folded into a Gemma2DecoderLayer"):
        unrolled.unroll(model, scaled)
    merger.merge(plain)
    assert unrolled.unroll(model, plain) == 0.0


def test_the_disk_is_checked_for_every_layer_that_is_written(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "free")
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: usage(9_000_000))
    checkpoint.check(plan(), tmp_path / "out")
    with pytest.raises(BadInput, match="too little disk"):
        checkpoint.check(plan(recipe=ten_hops()), tmp_path / "out")
