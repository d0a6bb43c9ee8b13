"""mergekit 0.1.5 as the oracle: the same YAML gives the same tensors there and here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from suite.recipes.mergekit import read, write
from suite.recipes.method_table import METHODS
from suite.recipes.recipe import Recipe
from tests.mergekit_alone import LAYERS, SMALL, Tensors, theirs
from tests.mergekit_examples import PUBLISHED, RECIPES

pytest.importorskip("mergekit")
torch = pytest.importorskip("torch")
Ours = Callable[[Recipe], list[Tensors]]


@pytest.fixture(scope="module")
def ours(small_models: dict[str, Path]) -> Ours:
    """`ours(recipe)`: the tensors of our own merge, eager and as it runs here by default."""
    from transformers import MistralConfig, MistralForCausalLM

    from suite.merging import Merger, Sources

    sources, config = Sources.load(small_models), MistralConfig(**SMALL)
    lives = [MistralForCausalLM(config).requires_grad_(False) for _ in range(2)]
    mergers = [Merger(sources, lives[0], "eager"), Merger(sources, lives[1])]

    def merge(recipe: Recipe) -> list[Tensors]:
        for merger in mergers:
            merger.merge(recipe)
        return [{n: p.detach().clone() for n, p in live.named_parameters()} for live in lives]

    return merge


def equal(recipe: Recipe, found: Tensors, expected: Tensors) -> None:
    """Every tensor equal within 16 · 2^-24 of its largest entry.

    A merge is a few multiplications, additions and divisions per element, in float32 on both
    sides but in another order: each rounds by up to 2^-24 of the largest value it meets. Most
    methods stay within 4 roundings; 8 were seen where weights of 0.3 and -0.2 are normalised, which
    magnifies tenfold. Rounded to bfloat16, such a difference can move a value that lies between
    two numbers to the other one, a step of up to 2^-7 of it, and only rarely.
    """
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        mine = found[name].float()
        if recipe.dtype == "bfloat16":
            assert tensor.dtype == torch.bfloat16
            torch.testing.assert_close(mine, tensor.float(), rtol=2.0**-7, atol=1e-6)
            assert (mine != tensor.float()).float().mean() < 0.005, name
            continue
        assert tensor.dtype == torch.float32
        difference = float((mine - tensor).abs().max())
        assert difference <= 16 * 2.0**-24 * float(tensor.abs().max()), (name, difference)


@pytest.mark.parametrize("name", RECIPES)
def test_a_written_recipe_merges_to_the_same_tensors(
    name: str, small_models: dict[str, Path], ours: Ours, tmp_path: Path
) -> None:
    recipe = RECIPES[name]
    expected = theirs(write(recipe), small_models, tmp_path)
    for found in ours(recipe):
        equal(recipe, found, expected)


def test_every_method_is_among_them() -> None:
    assert {recipe.method for recipe in RECIPES.values()} == set(METHODS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_configuration_merges_to_the_same_tensors(
    name: str, small_models: dict[str, Path], ours: Ours, tmp_path: Path
) -> None:
    recipe = read(PUBLISHED[name], layers=LAYERS)
    expected = theirs(PUBLISHED[name], small_models, tmp_path)
    for found in ours(recipe):
        equal(recipe, found, expected)
    assert read(write(recipe)) == recipe
