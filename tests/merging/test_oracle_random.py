"""DARE and DELLA beside mergekit, by distribution: the masks differ, what they follow does not.

Kept shares are binomial: within 5 deviations √(p (1 − p) / n) of p. mergekit draws from torch's
generator, seeded here.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from suite.merging import Merger, Sources
from suite.recipes.recipe import Input, Recipe
from tests.merging.making import Weights, live_model, merged
from tests.merging.oracle import theirs

pytest.importorskip("mergekit")
SHAPE = (64, 501)
N = SHAPE[0] * SHAPE[1]
METHODS = ("dare_linear", "dare_ties", "della", "della_linear")


@pytest.fixture(scope="module")
def models() -> dict[str, Weights]:
    """A base of zeros, so that a merge is its task vector, and two models without zeros."""
    rng = torch.Generator().manual_seed(0)
    near = {name: {"w": 0.01 * torch.randn(SHAPE, generator=rng)} for name in "ab"}
    return {"base": {"w": torch.zeros(SHAPE)}, **near}


def one(method: str, density: float, **shared: Any) -> Recipe:
    source = Input("a", {"weight": 1.0, "density": density})
    return Recipe(method, (source,), "base", {"normalize": False, **shared})


def tensors(recipe: Recipe, models: dict[str, Weights]) -> dict[str, torch.Tensor]:
    """One merge by each: ours in both modes, and mergekit's."""
    torch.manual_seed(2024)  # another stream than the one that the models are made of
    ours = {mode: merged(models, recipe, mode)["w"] for mode in ("eager", "compiled")}
    return {**ours, "mergekit": theirs(recipe, models)}


@pytest.mark.parametrize("density", [0.2, 0.5, 0.84])
@pytest.mark.parametrize("method", METHODS)
def test_kept_share_and_norm(models: dict[str, Weights], method: str, density: float) -> None:
    """L1 norms are kept to rounding, 2⁻²² (mergekit: sums in float32)."""
    vector = models["a"]["w"].double()
    for who, found in tensors(one(method, density), models).items():
        share = float((found != 0).double().mean())
        assert abs(share - density) < 5 * math.sqrt(density * (1 - density) / N), who
        norm = float(found.double().abs().sum() / vector.abs().sum())
        assert norm == pytest.approx(1.0, abs=2**-22 if who != "mergekit" else 1e-5), who
        kept = found != 0
        factors = found[kept].double() / vector[kept]
        assert float(factors.max() / factors.min()) == pytest.approx(1.0, abs=1e-6), who


@pytest.mark.parametrize("density", [0.2, 0.5, 0.84])
@pytest.mark.parametrize("method", ["della", "della_linear"])
def test_kept_share_by_rank(models: dict[str, Weights], method: str, density: float) -> None:
    """Each tenth of the ranks stays with its mean chance, density − ε + 2ε rank / (n − 1)."""
    vector, epsilon, width = models["a"]["w"], 0.15, SHAPE[1]
    ranks = vector.abs().argsort(1).argsort(1)
    for who, found in tensors(one(method, density), models).items():
        for tenth in range(10):
            chosen = (ranks * 10 // width) == tenth
            chances = density - epsilon + 2 * epsilon * ranks[chosen].double() / (width - 1)
            count, share = int(chosen.sum()), float((found[chosen] != 0).double().mean())
            deviation = math.sqrt(float((chances * (1 - chances)).sum())) / count
            assert abs(share - float(chances.mean())) < 5 * deviation, (who, tenth)


@pytest.mark.parametrize("method", ["dare_linear", "della_linear"])
def test_inverse_density_is_unbiased(method: str) -> None:
    """The mean of merges over seeds is the dense merge: χ² of 4,000 standardised means, and 5 deviations.

    An element with chance p has variance Σ (w d)² (1 − p) / p (Yu et al. 2024; Deep et al. 2024).
    mergekit has no such rescaling to compare with.
    """
    shape, seeds = (40, 100), 240
    rng = torch.Generator().manual_seed(1)
    models = {name: {"w": torch.randn(shape, generator=rng)} for name in ("base", "a", "b")}
    weights = {"a": 0.7, "b": -0.4}
    inputs = tuple(Input(n, {"weight": w, "density": 0.4}) for n, w in weights.items())
    live = live_model(models["base"])
    merger, total = Merger(Sources.from_tensors(models), live), torch.zeros(shape).double()
    for seed in range(seeds):
        shared: dict[str, Any] = {"rescale": "inverse_density", "seed": seed}
        merger.merge(Recipe(method, inputs, "base", shared))
        total += live.w.double()
    dense, variance = models["base"]["w"].double(), torch.zeros(shape).double()
    for name, weight in weights.items():
        vector = (models[name]["w"] - models["base"]["w"]).double()
        chance = torch.full(shape, 0.4).double()
        if method == "della_linear":
            ranks = vector.abs().argsort(1).argsort(1)
            chance = 0.25 + 0.3 * ranks.double() / (shape[1] - 1)
        dense = dense + weight * vector
        variance += (weight * vector) ** 2 * (1 - chance) / chance
    z = (total / seeds - dense) / (variance / seeds).sqrt()
    assert float(z.abs().max()) < 5
    assert abs(float(z.mean())) < 5 / math.sqrt(z.numel())
    assert abs(float(z.square().mean()) - 1) < 5 * math.sqrt(2 / z.numel())


@pytest.mark.parametrize("method", METHODS)
def test_elections_among_the_kept(models: dict[str, Weights], method: str) -> None:
    """The four outcomes of two masks have mergekit's values, each with its binomial share."""
    vectors = [models[name]["w"].double() for name in "ab"]
    inputs = tuple(Input(name, {"weight": 1.0, "density": 0.5}) for name in "ab")
    recipe = Recipe(method, inputs, "base", {"rescale": "none", "normalize": True})
    elected = method in ("dare_ties", "della")
    found, counts = tensors(recipe, models), {}
    for who, merge in found.items():
        explained = torch.zeros(SHAPE, dtype=torch.bool)
        for kept in itertools.product((0, 1), repeat=2):
            votes = torch.stack([k * v for k, v in zip(kept, vectors, strict=True)])
            sign = torch.where(votes.sum(0) >= 0, 1.0, -1.0)
            agree = (votes * sign > 0) if elected else torch.ones_like(votes, dtype=torch.bool)
            value = (votes * agree).sum(0) / agree.sum(0).clamp(min=1)
            near = (merge.double() - value).abs() <= 1e-6 * votes.abs().sum(0)
            explained |= near
            counts[who, kept] = int(near.sum())
        assert explained.all(), who
    for kept in itertools.product((0, 1), repeat=2):
        numbers = np.array([counts[who, kept] for who in found])
        assert np.ptp(numbers) < 10 * math.sqrt(N / 4), kept


@pytest.mark.parametrize("method", METHODS)
def test_density_0_and_1(models: dict[str, Weights], method: str) -> None:
    for density in (0.0, 1.0):
        want = density * models["a"]["w"]
        for who, found in tensors(one(method, density), models).items():
            assert torch.allclose(found, want, rtol=2**-21, atol=0.0), (who, density)
