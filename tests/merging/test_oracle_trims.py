"""TIES, Breadcrumbs and SCE beside mergekit, with the bound of `test_oracle`.

Of equal magnitudes mergekit trims any (its sort is not stable beyond 16 elements), ours the later
ones: masks may differ in such elements, and in SCE's selection also where variances differ by
rounding; each merge is then held to the formula with its own mask.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from suite.recipes.recipe import Input, Recipe
from tests.merging.examples import SHARES, WEIGHTS, agree, both_modes, inputs, models, often
from tests.merging.formulas import EPS, Reader, flat, masked
from tests.merging.making import Weights, merged
from tests.merging.oracle import theirs
from tests.merging.reference import expected, most_varied

pytest.importorskip("mergekit")


@both_modes
@settings(often, max_examples=400)
@given(
    st.data(),
    models(),
    WEIGHTS,
    st.booleans(),
    st.sampled_from(["none", "l1"]),
    st.sampled_from(["ties", "breadcrumbs", "breadcrumbs_ties"]),
)
def test_trims(
    mode: str,
    data: Any,
    given_models: dict[str, Weights],
    scale: float,
    normalize: bool,
    rescale: str,
    method: str,
) -> None:
    more = {"gamma": SHARES} if method != "ties" else {}
    chosen = inputs(data.draw, given_models, weight=WEIGHTS, density=SHARES, **more)
    shared: dict[str, Any] = {"lambda": scale, "normalize": normalize, "rescale": rescale}
    recipe = Recipe(method, chosen, "base", shared)
    here, there = trims(recipe, given_models)
    if (here == there).all():
        agree(recipe, given_models, mode)
    else:
        event("masks differ")
        agree_apart(recipe, given_models, mode, here, there)


def trims(recipe: Recipe, given_models: dict[str, Weights]) -> tuple[Any, Any]:
    """Our masks and mergekit's (K, n): as many elements, of the same magnitudes."""
    from mergekit.sparsify import magnitude, magnitude_outliers

    found, read = [], Reader(recipe, "w", 1)
    for source in recipe.inputs:
        vector = given_models[source.model]["w"] - given_models["base"]["w"]
        plain: dict[str, Any] = dict(source.parameters)
        there = (
            magnitude(vector, plain["density"])
            if recipe.method == "ties"
            else magnitude_outliers(vector, plain["density"], gamma=plain["gamma"])
        )
        here = masked(read, flat({"w": vector}, "w"), tuple(vector.shape), source)
        sizes = [np.sort(np.abs(each)) for each in (here, there.numpy().ravel())]
        assert (sizes[0] == sizes[1]).all()
        found.append((here != 0, there.numpy().ravel() != 0))
    return np.array([h for h, _ in found]), np.array([t for _, t in found])


def agree_apart(
    recipe: Recipe, given_models: dict[str, Weights], mode: str, here: Any, there: Any
) -> None:
    """Each merge is what the formula makes of its own masks."""
    want = expected(recipe, given_models, "w", 1, chosen=there)
    assert not want.misses(theirs(recipe, given_models).numpy()).any()
    want = expected(recipe, given_models, "w", 1, chosen=here)
    assert not want.misses(merged(given_models, recipe, mode)["w"].numpy()).any()


@both_modes
@settings(often, max_examples=400)
@given(models(), SHARES)
def test_sce(mode: str, given_models: dict[str, Weights], share: float) -> None:
    """Selections differ only in elements whose variance is within rounding of the smallest chosen."""
    from mergekit.merge_methods.sce import sce_mask

    names = [name for name in given_models if name != "base"]
    recipe = Recipe("sce", tuple(map(Input, names)), "base", {"select_topk": share})
    base = given_models["base"]["w"]
    vectors = torch.stack([given_models[name]["w"] - base for name in names])
    there = sce_mask(vectors, share).numpy().ravel().astype(bool)
    flats = vectors.numpy().reshape(len(names), -1).astype(float)
    here = most_varied(flats, share)
    if (here == there).all():
        agree(recipe, given_models, mode)
        return
    event("selections differ")
    found = flats.var(0)
    edge = found[here].min()
    assert here.sum() == there.sum()
    assert (np.abs(found[here != there] - edge) <= 4 * len(names) * EPS * edge).all()
    agree_apart(recipe, given_models, mode, here, there)
