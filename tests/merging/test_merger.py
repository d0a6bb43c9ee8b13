"""Whole merges into a live model, against each formula applied tensor by tensor in float64."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.errors import BadInput
from suite.merging import MergeFailure, Merger, Sources
from suite.merging.masks import bound, random_bits
from suite.recipe import Input, Recipe
from suite.values import Filtered

Weights = dict[str, torch.Tensor]
Make = Callable[..., Any]
LAYERS = 3
PER_LAYER = (0.2, -0.4, 0.9)
WEIGHTS: tuple[dict[str, Any], ...] = (
    {"weight": PER_LAYER},
    {"weight": (Filtered("mlp", (0.7, 0.1)), Filtered("self_attn", 0.0), Filtered(None, 0.5))},
    {"weight": 0.3},
)


def inputs(**more: Any) -> tuple[Input, ...]:
    return tuple(Input(m, {**w, **more}) for m, w in zip("abc", WEIGHTS, strict=True))


def numbers(recipe: Recipe, name: str, tensor: str) -> Any:
    return np.array([recipe.value(name, tensor, LAYERS, i) for i in recipe.inputs], dtype=float)


def flat(weights: Weights, name: str) -> Any:
    return weights[name].double().numpy().ravel()


def sparse(recipe: Recipe, vector: Any, tensor: str, source: Input) -> Any:
    """A task vector after TIES' trim or DARE's drop and rescale."""
    density = float(recipe.value("density", tensor, LAYERS, source))
    if recipe.method == "ties":
        k = max(1, math.floor(density * vector.size))
        keep = np.argsort(-np.abs(vector), kind="stable")[:k]
        return np.where(np.isin(np.arange(vector.size), keep), vector, 0.0)
    if density >= 1:
        return vector
    seed = int(recipe.value("seed", tensor, LAYERS))
    bits = random_bits(seed, tensor, source.model, 0, vector.size).numpy()
    dropped = np.where(bits < bound(density), vector, 0.0)
    before, after = np.abs(vector).sum(), np.abs(dropped).sum()
    ratio = before / after if min(before, after) >= 1e-7 else 1.0
    inverse = 1 / density if density else 1.0
    return (
        dropped
        * {"l1": ratio, "inverse_density": inverse, "none": 1.0}[
            str(recipe.value("rescale", tensor, LAYERS))
        ]
    )


def expected(recipe: Recipe, models: dict[str, Weights], tensor: str) -> Any:
    given = [flat(models[i.model], tensor) for i in recipe.inputs]
    if recipe.method == "slerp":
        a, b = sorted(recipe.inputs, key=lambda i: i.model != recipe.base)
        x, y = flat(models[a.model], tensor), flat(models[b.model], tensor)
        t, cosine = float(recipe.value("t", tensor, LAYERS)), x @ y
        cosine /= np.linalg.norm(x) * np.linalg.norm(y)
        if abs(cosine) > 0.9995:
            return (1 - t) * x + t * y
        theta = np.arccos(cosine)
        return (np.sin((1 - t) * theta) * x + np.sin(t * theta) * y) / np.sin(theta)
    weights = numbers(recipe, "weight", tensor)
    normalize = recipe.value("normalize", tensor, LAYERS)
    if recipe.method == "linear":
        return weights @ given / (weights.sum() if normalize else 1.0)
    base = flat(models[str(recipe.base)], tensor)
    # the trim is decided on float32 task vectors
    vectors = [(m.astype(np.float32) - base.astype(np.float32)).astype(float) for m in given]
    if recipe.method != "task_arithmetic":
        pairs = zip(vectors, recipe.inputs, strict=True)
        vectors = [sparse(recipe, vector, tensor, i) for vector, i in pairs]
    weighted = weights[:, None] * np.array(vectors)
    keep = np.ones_like(weighted, dtype=bool)
    if recipe.method.endswith("ties"):
        keep = np.sign(weighted) == np.where(weighted.sum(0) >= 0, 1.0, -1.0)
    divisor = (weights[:, None] * keep).sum(0)
    divisor = np.where(np.abs(divisor) < 1e-12, 1.0, divisor) if normalize else 1.0
    scale = float(recipe.value("lambda", tensor, LAYERS))
    return base + scale * (weighted * keep).sum(0) / divisor


PAIR = (Input("a"), Input("b"))
GRADIENT = (Filtered("self_attn", (0.0, 0.5, 0.3, 0.7, 1.0)), Filtered(None, 0.5))
DENSE = {"density": (Filtered("mlp", (0.1, 0.6)), Filtered(None, 0.5))}
RECIPES = {
    "linear": Recipe("linear", inputs()),
    "linear sum": Recipe("linear", inputs(), None, {"normalize": False}),
    "slerp": Recipe("slerp", PAIR, "a", {"t": 0.3}),
    "slerp swapped": Recipe("slerp", PAIR, "b", {"t": GRADIENT}),
    "task arithmetic": Recipe("task_arithmetic", inputs(), "base", {"lambda": (0.4, 1.0)}),
    "task arithmetic mean": Recipe("task_arithmetic", inputs(), "base", {"normalize": True}),
    "other base": Recipe("task_arithmetic", inputs()[1:], "a"),
    "ties": Recipe("ties", inputs(**DENSE), "base", {"lambda": 0.7}),
    "ties sum": Recipe("ties", inputs(density=0.2), "base", {"normalize": False}),
    "ties least": Recipe("ties", inputs(density=0.0), "base"),
    "ties all": Recipe("ties", inputs(density=1.0), "base"),
    "dare linear": Recipe("dare_linear", inputs(**DENSE), "base", {"seed": 3}),
    "dare paper": Recipe(
        "dare_linear", inputs(density=0.3), "base", {"rescale": "inverse_density"}
    ),
    "dare mean": Recipe("dare_linear", inputs(density=0.3), "base", {"normalize": True}),
    "dare ties": Recipe("dare_ties", inputs(density=0.53), "base", {"lambda": 0.5}),
    "dare ties mean": Recipe(
        "dare_ties", inputs(**DENSE), "base", {"normalize": True, "rescale": "none"}
    ),
    "dare nothing": Recipe("dare_ties", inputs(density=0.0), "base"),
    "dare all": Recipe("dare_linear", inputs(density=1.0), "base"),
}


@pytest.mark.parametrize("chunk", [1 << 18, 100])
@pytest.mark.parametrize("name", RECIPES)
def test_merges_equal_the_formula(
    models: dict[str, Weights], tiny: Make, name: str, chunk: int
) -> None:
    live, recipe = tiny(9), RECIPES[name]
    merger = Merger(Sources.from_tensors(models), live)
    merger._chunk = chunk
    merger.merge(recipe)
    for tensor, found in live.named_parameters():
        want = expected(recipe, models, tensor)
        # a few roundings of sums of float32 terms of size 1 or less, over divisors of 0.1 or more
        np.testing.assert_allclose(found.numpy().ravel(), want, rtol=1e-5, atol=3e-6)


def snapshot(model: Any) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


def test_same_recipe_same_bytes(models: dict[str, Weights], tiny: Make) -> None:
    live = tiny(9)
    merger = Merger(Sources.from_tensors(models), live)
    first: dict[str, bytes] = {}
    for name, recipe in RECIPES.items():
        merger.merge(recipe)
        first[name] = snapshot(live)
    assert len(set(first.values())) == len(RECIPES)
    for name in reversed(RECIPES):
        merger.merge(RECIPES[name])
        assert snapshot(live) == first[name]
    other = tiny(3)
    fresh = Merger(Sources.from_tensors(models), other)
    fresh.merge(RECIPES["dare ties"])
    assert snapshot(other) == first["dare ties"]


def test_threads_do_not_matter() -> None:
    rng = torch.Generator().manual_seed(0)
    models = {name: {"weight": torch.randn(300, 500, generator=rng)} for name in ("base", *"abc")}
    sources, live = Sources.from_tensors(models), torch.nn.Linear(500, 300, bias=False)
    merger, found = Merger(sources, live), set()
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            merger.merge(RECIPES["dare ties"])
            ties = snapshot(live)
            merger.merge(RECIPES["dare linear"])
            found.add((ties, snapshot(live)))
    finally:
        torch.set_num_threads(before)
    assert len(found) == 1


def test_a_parent_comes_out_bit_for_bit(models: dict[str, Weights], tiny: Make) -> None:
    live = tiny(9)
    merger = Merger(Sources.from_tensors(models), live)
    for name, weights in models.items():
        merger.merge(Recipe("linear", (Input(name, {"weight": 1.0}),)))
        assert all(torch.equal(p, weights[tensor]) for tensor, p in live.named_parameters())


def test_masks_depend_on_the_seed_and_keep_the_norm(models: dict[str, Weights], tiny: Make) -> None:
    live, tensor = tiny(9), "model.layers.1.mlp.up_proj.weight"
    merger = Merger(Sources.from_tensors(models), live)
    vectors = []
    for seed in (0, 1):
        one = (Input("a", {"weight": 1.0, "density": 0.5}),)
        merger.merge(Recipe("dare_linear", one, "base", {"seed": seed}))
        vectors.append(live.get_parameter(tensor) - models["base"][tensor])
    assert not torch.equal(*vectors)
    norm = float((models["a"][tensor] - models["base"][tensor]).abs().sum())
    for vector in vectors:
        assert float(vector.abs().sum()) == pytest.approx(norm, rel=1e-4)
        share = float((vector != 0).float().mean())
        assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(vector.numel())


def test_dare_is_unbiased(models: dict[str, Weights], tiny: Make) -> None:
    """Over many seeds the dropped and rescaled vectors average to the vector (Yu et al. 2024)."""
    live, tensor, seeds = tiny(9), "model.layers.0.mlp.up_proj.weight", 200
    merger = Merger(Sources.from_tensors(models), live)
    one = (Input("a", {"weight": 1.0, "density": 0.5}),)
    total = torch.zeros_like(models["a"][tensor])
    for seed in range(seeds):
        merger.merge(
            Recipe("dare_linear", one, "base", {"seed": seed, "rescale": "inverse_density"})
        )
        total += live.get_parameter(tensor) - models["base"][tensor]
    vector = models["a"][tensor] - models["base"][tensor]
    # each element has variance d² (1 − p)/p = d²
    deviation = (total / seeds - vector) / vector.abs() * math.sqrt(seeds)
    assert float(deviation.abs().max()) < 6 and abs(float(deviation.mean())) < 0.15


def test_the_live_model_computes_with_the_merged_weights(
    models: dict[str, Weights], tiny: Make, tmp_path: Path
) -> None:
    live, other = tiny(9), tiny(8)
    merger = Merger(Sources.from_tensors(models), live)
    merger.merge(RECIPES["ties"])
    other.load_state_dict({name: p.clone() for name, p in live.state_dict().items()})
    ids = torch.arange(20).view(2, 10)
    assert torch.equal(live(ids).logits, other(ids).logits)
    assert live.lm_head.weight is live.model.embed_tokens.weight
    live.save_pretrained(tmp_path)
    again = type(live).from_pretrained(tmp_path)
    assert torch.equal(again(ids).logits, live(ids).logits)


def test_untied_heads_are_merged_on_their_own(tiny: Make) -> None:
    models = {
        name: {n: p.clone() for n, p in tiny(seed, tied=False).named_parameters()}
        for seed, name in enumerate("ab")
    }
    live = tiny(5, tied=False)
    Merger(Sources.from_tensors(models), live).merge(Recipe("slerp", PAIR, "a", {"t": 1.0}))
    assert torch.equal(live.lm_head.weight, models["b"]["lm_head.weight"])


def test_sources_that_list_a_tied_head(models: dict[str, Weights], tiny: Make) -> None:
    for weights in models.values():
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    live = tiny(9)
    Merger(Sources.from_tensors(models), live).merge(Recipe("linear", inputs()[:1]))
    assert torch.equal(live.lm_head.weight, models["a"]["lm_head.weight"])


def test_half_precision(models: dict[str, Weights], tiny: Make) -> None:
    full, half = tiny(9), tiny(9).to(torch.bfloat16)
    sources = Sources.from_tensors(models)
    recipe = Recipe("task_arithmetic", inputs(), "base", dtype="bfloat16")
    Merger(sources, full).merge(recipe)
    Merger(sources, half).merge(recipe)
    Merger(sources, exact := tiny(9)).merge(RECIPES["task arithmetic mean"])
    for p, q in zip(full.parameters(), half.parameters(), strict=True):
        assert p.dtype == torch.float32 and torch.equal(p, q.float())
    assert any((p != p.bfloat16().float()).any() for p in exact.parameters())


def test_results_that_are_not_finite(models: dict[str, Weights], tiny: Make) -> None:
    live = tiny(9)
    merger = Merger(Sources.from_tensors(models), live)
    opposite = (Input("a", {"weight": (1.0, 1.0, -1.0)}), Input("b", {"weight": 1.0}))
    with pytest.raises(MergeFailure, match=r"'model\.layers\.2.*' holds NaN or infinity"):
        merger.merge(Recipe("linear", opposite))
    huge = (Input("a", {"weight": (Filtered("norm", 1e39), Filtered(None, 1.0))}),)
    with pytest.raises(MergeFailure, match=r"norm\.weight' holds NaN or infinity"):
        merger.merge(Recipe("linear", huge, None, {"normalize": False}))
    merger.merge(RECIPES["ties"])
    assert all(bool(p.isfinite().all()) for p in live.parameters())


def test_unknown_models_change_nothing(models: dict[str, Weights], tiny: Make) -> None:
    live = tiny(9)
    merger, before = Merger(Sources.from_tensors(models), live), snapshot(live)
    with pytest.raises(BadInput, match="model 'x' is no source; there are base, a, b, c"):
        merger.merge(Recipe("ties", (Input("x", {"weight": 1.0}),), "base"))
    with pytest.raises(BadInput, match="model 'y' is no source"):
        merger.merge(Recipe("ties", (Input("a", {"weight": 1.0}),), "y"))
    assert snapshot(live) == before


def test_live_models_that_do_not_fit(models: dict[str, Weights], tiny: Make) -> None:
    sources = Sources.from_tensors(models)
    with pytest.raises(BadInput, match=r"live model's tensor 'lm_head\.weight' is in no source"):
        Merger(sources, tiny(tied=False))
    with pytest.raises(BadInput, match=r"'weight' has shape \[2, 3\] .* \[3, 2\] in the sources"):
        Merger(
            Sources.from_tensors({"a": {"weight": torch.ones(3, 2)}}),
            torch.nn.Linear(3, 2, bias=False),
        )
    with pytest.raises(BadInput, match="sources' tensor 'bias' is no parameter"):
        tensors = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
        Merger(Sources.from_tensors({"a": tensors}), torch.nn.Linear(3, 2, bias=False))
    mixed = tiny(9)
    mixed.model.norm.half()
    with pytest.raises(BadInput, match="mixes floating types"):
        Merger(sources, mixed)


def test_the_package_imports_without_torch() -> None:
    code = "import sys, suite.merging, suite.mergekit; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
