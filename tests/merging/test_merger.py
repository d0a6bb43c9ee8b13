"""Whole merges into a live model, against each formula applied tensor by tensor in float64."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import BadInput
from suite.merging import MergeFailure, Merger, Sources
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe
from tests.merging.making import PAIR, RECIPES, Weights, inputs, merged, snapshot
from tests.merging.reference import expected
from tests.nonempty import some

Make = Callable[..., Any]
LAYERS = 3
both_modes = pytest.mark.parametrize("mode", ["eager", "compiled"])


def test_every_method_has_a_recipe() -> None:
    assert {method for recipe in RECIPES.values() for method in recipe.methods} == set(METHODS)


@both_modes
@pytest.mark.parametrize("name", RECIPES)
def test_merges_equal_the_formula(
    models: dict[str, Weights], tiny: Make, name: str, mode: Any
) -> None:
    """To within (K + 3) units of rounding of Σ |terms|, element by element."""
    live, recipe = tiny(9), RECIPES[name]
    Merger(Sources.from_tensors(models), live, mode).merge(recipe)
    for tensor, found in some(live.named_parameters()):
        want = expected(recipe, models, tensor, LAYERS)
        assert not want.misses(found.numpy()).any()
        assert not any(map(math.isinf, want.bound()))


@both_modes
def test_same_recipe_same_bytes(models: dict[str, Weights], tiny: Make, mode: Any) -> None:
    live = tiny(9)
    merger = Merger(Sources.from_tensors(models), live, mode)
    first: dict[str, bytes] = {}
    for name, recipe in RECIPES.items():
        merger.merge(recipe)
        first[name] = snapshot(live)
    assert first["ties none"] == first["dare nothing"]  # the base
    assert len(set(first.values())) == len(RECIPES) - 1
    for name in reversed(RECIPES):
        merger.merge(RECIPES[name])
        assert snapshot(live) == first[name]
    fresh = Merger(Sources.from_tensors(models), other := tiny(3), mode)
    fresh.merge(RECIPES["dare ties"])
    assert snapshot(other) == first["dare ties"]


@both_modes
def test_streamed_sources_and_kept_tables_give_the_same_bytes(
    models: dict[str, Weights], mode: Any, tmp_path: Path
) -> None:
    for name, recipe in RECIPES.items():
        usual = snapshot(merged(models, recipe, mode))
        assert snapshot(merged(models, recipe, mode, streamed=True)) == usual, name
        assert snapshot(merged(models, recipe, mode, cache=tmp_path)) == usual, name


@both_modes
def test_loaded_checkpoints_merge_like_their_tensors(tiny: Make, tmp_path: Path, mode: Any) -> None:
    saved = {name: tiny(seed) for seed, name in enumerate(("base", *"abc"))}
    for name, model in saved.items():
        model.save_pretrained(tmp_path / name)
    models = {name: dict(model.named_parameters()) for name, model in saved.items()}
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):  # computed, written, found
        sources = Sources.load({name: tmp_path / name for name in saved})
        merger = Merger(sources, live := tiny(9), mode, cache)
        for name in ("ties", "della", "model stock", "sce topk"):
            merger.merge(RECIPES[name])
            assert snapshot(live) == snapshot(merged(models, RECIPES[name], mode))


@both_modes
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_parent_comes_out_bit_for_bit(
    models: dict[str, Weights], mode: Any, dtype: torch.dtype
) -> None:
    models = {m: {n: t.to(dtype) for n, t in w.items()} for m, w in models.items()}
    for name, weights in models.items():
        one = Recipe("linear", (Input(name, {"weight": 1.0}),))
        assert snapshot(merged(models, one, mode, dtype)) == snapshot(weights)
        assert snapshot(merged(models, Recipe("passthrough", (Input(name),)), mode, dtype)) == (
            snapshot(weights)
        )


@both_modes
def test_each_part_of_the_model_by_its_own_method(models: dict[str, Weights], mode: Any) -> None:
    recipe = RECIPES["by part"]
    found = merged(models, recipe, mode)
    for method in some(recipe.methods):
        alone = Recipe(method, _known(recipe, method), METHODS_BASE.get(method))
        whole = merged(models, alone, mode)
        places = [name for name in found if recipe.method_on(name) == method]
        assert places
        for name in places:
            assert torch.equal(found[name], whole[name])


METHODS_BASE = {"ties": "base", "dare_linear": "base", "model_stock": "base"}


def _known(recipe: Recipe, method: str) -> tuple[Input, ...]:
    known = METHODS[method].parameters
    return tuple(
        Input(i.model, {n: v for n, v in i.parameters.items() if n in known}) for i in recipe.inputs
    )


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


def test_untied_heads_and_sources_that_list_a_tied_one(
    models: dict[str, Weights], tiny: Make
) -> None:
    untied = {
        name: {n: p.clone() for n, p in tiny(seed, tied=False).named_parameters()}
        for seed, name in enumerate("ab")
    }
    live = tiny(5, tied=False)
    Merger(Sources.from_tensors(untied), live).merge(Recipe("slerp", PAIR, "a", {"t": 1.0}))
    assert torch.equal(live.lm_head.weight, untied["b"]["lm_head.weight"])
    for weights in models.values():
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    live = tiny(9)
    Merger(Sources.from_tensors(models), live).merge(Recipe("linear", inputs()[:1]))
    assert torch.equal(live.lm_head.weight, models["a"]["lm_head.weight"])


@both_modes
def test_rounding_to_the_recipes_type(models: dict[str, Weights], tiny: Make, mode: Any) -> None:
    full, half = tiny(9), tiny(9).to(torch.bfloat16)
    sources = Sources.from_tensors(models)
    recipe = Recipe("task_arithmetic", inputs(), "base", dtype="bfloat16")
    Merger(sources, full, mode).merge(recipe)
    Merger(sources, half, mode).merge(recipe)
    Merger(sources, exact := tiny(9), mode).merge(Recipe("task_arithmetic", inputs(), "base"))
    for p, q, e in zip(full.parameters(), half.parameters(), exact.parameters(), strict=True):
        assert p.dtype == torch.float32 and torch.equal(p, q.float())
        assert torch.equal(p, e.bfloat16().float())
    assert snapshot(full) != snapshot(exact)


@both_modes
def test_results_that_are_not_finite(models: dict[str, Weights], tiny: Make, mode: Any) -> None:
    live = tiny(9)
    merger = Merger(Sources.from_tensors(models), live, mode)
    opposite = (Input("a", {"weight": (1.0, 1.0, -1.0)}), Input("b", {"weight": 1.0}))
    with pytest.raises(MergeFailure, match=r"'model\.layers\.2.*' holds NaN or infinity"):
        merger.merge(Recipe("linear", opposite))
    huge = (Input("a", {"weight": (Filtered("norm", 1e39), Filtered(None, 1.0))}),)
    with pytest.raises(MergeFailure, match=r"norm\.weight' holds NaN or infinity"):
        merger.merge(Recipe("linear", huge, None, {"normalize": False}))
    merger.merge(RECIPES["ties"])
    assert all(bool(p.isfinite().all()) for p in live.parameters())


def test_results_beyond_the_live_type(models: dict[str, Weights]) -> None:
    huge = (Input("a", {"scale": 1e6}),)
    with pytest.raises(MergeFailure, match="holds NaN or infinity"):
        merged(models, Recipe("passthrough", huge), "compiled", torch.float16)


@both_modes
def test_unknown_models_and_parameters_change_nothing(
    models: dict[str, Weights], tiny: Make, mode: Any
) -> None:
    live = tiny(9)
    merger, before = Merger(Sources.from_tensors(models), live, mode), snapshot(live)
    with pytest.raises(BadInput, match="model 'x' is no source; there are base, a, b, c"):
        merger.merge(Recipe("ties", (Input("x", {"weight": 1.0}),), "base"))
    with pytest.raises(BadInput, match="model 'y' is no source"):
        merger.merge(Recipe("ties", (Input("a", {"weight": 1.0}),), "y"))
    partial = (Filtered("mlp", "ties"), Filtered("norm", "linear"))
    with pytest.raises(BadInput, match="no method for tensor"):
        merger.merge(Recipe(partial, (Input("a", {"weight": 1.0}),), "base"))
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
    code = "import sys, suite.merging, suite.recipes.mergekit; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
