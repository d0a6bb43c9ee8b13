"""Layer paths as ordinary checkpoints: loaded by transformers alone, equal to what was searched."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma2ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from suite import header, places
from suite.__main__ import main
from suite.commands import assemble
from suite.errors import BadInput
from suite.evaluators import handle
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.items import read as read_items
from suite.export import checkpoint, unrolled
from suite.export.card import Made, Origin, texts
from suite.export.checkpoint import Plan, Weights
from suite.export.parents import Parent
from suite.export.pick import Pick
from suite.layer_path import Hop, LayerPath, read_json
from suite.merging import PathMerger, Sources
from suite.recipe import Input, Recipe
from suite.trial import Score, Trial

MakePlan = Callable[..., Plan]
LAYERS = 6
SOUP = Recipe("linear", (Input("base", {"weight": 1}), Input("math_add", {"weight": 2})))


def ten_hops(seed: int = 0, low: float = 0.5, high: float = 1.4, **merges: Recipe) -> LayerPath:
    """A path over two models and what `merges` names, with seeded scales."""
    rng = random.Random(seed)
    parts = ["base", "japanese", *merges]
    middle = [(part, rng.randrange(LAYERS)) for part in (parts * 8)[:8]]
    order = [("base", 0), *middle, ("base", LAYERS - 1)]
    return LayerPath("base", tuple(Hop(*hop, rng.uniform(low, high)) for hop in order), merges)


@cache
def prompts() -> torch.Tensor:
    """The beginnings of 8 real prompts, token ids of shape (8, 20)."""
    items = read_items(places.resolve("zoo:ja_math_micro/items/ja_math/search.jsonl"))[:8]
    live = handle.load(places.resolve("zoo:ja_math_micro/base"), "cpu")
    return torch.tensor([ids[:20] for ids in live.encode([item.prompt for item in items])])


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=prompts()).logits.float()  # type: ignore[no-any-return]


def searched(plan: Plan) -> handle.TransformersHandle:
    """The model as the search has it."""
    live = handle.load(plan.folders[plan.base], "cpu", dtype=plan.live)
    PathMerger(Sources.load(dict(plan.folders)), live.model).merge(plan.recipe)
    return live


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


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
    assert str(model.dtype) == f"torch.{plan.live}" and len(model.model.layers) == 10
    config = json.loads((out / "config.json").read_text())
    assert config["num_hidden_layers"] == 10 and config["model_type"] == "mistral"
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
    assert 0 < found < bound and 0 < weights.folding < bound


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
    assert weights.folding == 0.0 and weights.altered == 0.0
    live, again = searched(plain), handle.load(tmp_path / "out", "cpu")
    assert torch.equal(logits(live.model), logits(again.model))
    items = places.resolve("zoo:ja_math_micro/items/ja_general")
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
    shapes = header.read("base", str(plan().folders["base"])).shapes
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


def card_of(path: LayerPath, weights: Weights) -> dict[str, str]:
    parents = {n: Parent(n, f"local/{n}", Path(n)) for n in ("base", "japanese", "math_add")}
    made = Made("mine", "suite export", "x86_64", {})
    trial = Trial(7, (), {}, "ok", None, {}, (0.5,), {})
    origin = Origin(
        Pick(trial, "the knee", "search"), "t", "nsga2", 0, [], {"search": {"m": Score(1, 0, 1)}},
        "x86_64",
    )  # fmt: skip
    return texts(path, parents, made, weights, origin)


def test_the_card_says_which_layers_repeat_and_that_scores_are_not_bit_equal() -> None:
    hops = (Hop("base", 0, 1.0), Hop("mix", 2, 0.5), Hop("mix", 2, 0.5))
    path = LayerPath("base", hops, {"mix": SOUP})
    files = card_of(path, Weights(9, "float32", "float32", 0.0, 4.2e-7))
    card = files["README.md"]
    for said in (
        "A layer path of 3 layers over base, mix (embeddings, final norm and head of base), found",
        "3 layers, 2 of them different; 1 are copies of an earlier one.",
        "mix is itself a `linear` merge of base, math_add.",
        "| layer | is layer | of | which is here | input scale s | divided by c |",
        "| 0 | 0 | base | once | 1 | 1 |",
        "| 2 | 2 | mix | 2 times | 0.5 | 0.25 |",
        "by 4.2e-07 (relative norm)",
        "here the weights are divided by them, so expect nearly the same scores, not the same bit",
    ):
        assert said in card
    assert "gives the same scores bit for bit" not in card
    narrow = card_of(path, Weights(9, "float32", "bfloat16", 0.5, 4.2e-7))["README.md"]
    assert "here the weights are rounded to bfloat16 and divided" in narrow
    assert read_json(json.loads(files["recipe.json"])) == path
    plain = LayerPath("base", (Hop("base", 0), Hop("base", 1)))
    card = card_of(plain, Weights(9, "float32", "float32", 0.0))["README.md"]
    assert "2 layers, 2 of them different; none is repeated." in card
    assert "gives the same scores bit for bit" in card and "divided" not in card


@pytest.mark.parametrize("file", ["recipe.json", "mergekit_config.yml"])
def test_an_exported_path_is_made_again_from_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    merges = {"mix": SOUP} if file == "recipe.json" else {}
    path = ten_hops(0, **merges)
    models = {n: {"model": f"zoo:ja_math_micro/{n}"} for n in path.models}
    given = tmp_path / "given.json"
    given.write_text(json.dumps({**path.to_json(), "models": models}))
    assert main(["merge", str(given), str(tmp_path / "one")]) == 0, capsys.readouterr().err
    assert path.title in capsys.readouterr().out
    assert main(["merge", str(tmp_path / "one" / file), str(tmp_path / "two")]) == 0
    one, two = (load_file(tmp_path / out / "model.safetensors") for out in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():  # mergekit's factors are 1 / c: the last bit may differ
        torch.testing.assert_close(two[name], tensor, rtol=3e-7, atol=0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "bad.json: not a recipe"),
        ("{", "bad.json: cannot be read"),
        (json.dumps(LayerPath("base", (Hop("base", 9),)).to_json()), "it has layers 0 to 5"),
        (json.dumps({"method": "path", "hops": [], "frame": "a", "merges": {}}), "no hops"),
    ],
)
def test_files_that_hold_no_path_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    file = tmp_path / "bad.json"
    if text.startswith("{") and len(text) > 1:
        models = {"base": {"model": "zoo:ja_math_micro/base"}}
        text = json.dumps({**json.loads(text), "models": models})
    file.write_text(text)
    assert main(["merge", str(file), str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_a_trial_of_a_run_is_exported_with_its_scores(
    few_items: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: float
) -> None:
    assert main(["run", f"results={tmp_path}", *few_items, "optimizer=random", "trials=1"]) == 0
    (run,) = (file.parent for file in tmp_path.rglob("trials.jsonl"))
    order = [("japanese", 0), ("soup", 1), ("japanese", 1), ("soup", 1), ("japanese", 5)]
    path = LayerPath("japanese", tuple(Hop(*hop, scale) for hop in order), {"soup": SOUP})
    config = yaml.safe_load((run / "config.yaml").read_text())
    evaluators = [assemble.evaluator(e, config) for e in config["task"]["evaluators"].values()]

    def scores(live: handle.TransformersHandle) -> dict[str, Any]:
        return {
            f"{each.name}.{figure}": score.to_json()
            for each in evaluators
            for figure, score in each.evaluate(live, "search").items()
        }

    folders = {n: places.resolve(f"zoo:ja_math_micro/{n}") for n in ("base", *path.models)}
    live = handle.load(folders["base"], "cpu", config["batch_size"])
    PathMerger(Sources.load(folders), live.model).merge(path)
    line = json.loads((run / "trials.jsonl").read_text())
    line |= {"recipe": path.to_json(), "scores": scores(live)}
    (run / "trials.jsonl").write_text(json.dumps(line) + "\n")
    capsys.readouterr()
    out = tmp_path / "out"
    assert main(["export", str(run), str(out), "--trial", "0"]) == 0, capsys.readouterr().err
    assert "path of 5 hops over japanese, soup" in capsys.readouterr().out
    card = (out / "README.md").read_text()
    if scale == 1.0:
        assert scores(handle.load(out, "cpu", config["batch_size"])) == line["scores"]
    assert ("gives the same scores bit for bit" in card) == (scale == 1.0)
    assert read_json(json.loads((out / "recipe.json").read_text())) == path
    assert not (out / "mergekit_config.yml").exists()  # a part is a merge
    assert "mergekit cannot express it" in card
