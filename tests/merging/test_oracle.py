"""mergekit 0.1.5 as the oracle: each deterministic method gives its tensors, in float32.

The bound asserted is that of rounding: a merged element is a sum of K + 2 terms (the K weighted
vectors, the base, and the product with λ), so that two ways to compute it differ by at most
(K + 3) ε Σ |terms| and 2 ε of the result, ε = 2⁻²³; with normalisation, times the condition of the
sum of the weights. It is computed for each element of each example (`reference.expected`); no
absolute tolerance is added but 1e-37 for underflow. Where an outcome hangs on the order of a
float32 sum (the sign that TIES elects, whether weights cancel), either is right, and both merges
must be one of the allowed results. SLERP, NuSLERP and Model Stock take their angle in float64
here and in float32 there: the bound adds what an error of 8 ε in the cosine makes of the
coefficients. They and the Karcher mean are also compared with mergekit in float64, where the plain
bound of rounding holds.

Methods that choose elements by magnitude are in `test_oracle_trims`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from suite.merging import MergeFailure
from suite.recipes.recipe import Input, Recipe
from tests.merging.angles import karcher
from tests.merging.examples import SHARES, WEIGHTS, agree, both_modes, inputs, models, often
from tests.merging.formulas import EPS, Reader, flat
from tests.merging.making import Weights, merged
from tests.merging.oracle import theirs
from tests.merging.reference import expected

pytest.importorskip("mergekit")
pytestmark = pytest.mark.filterwarnings("ignore")


@both_modes
@often
@given(st.data(), models(), st.booleans())
def test_linear(mode: str, data: Any, given_models: dict[str, Weights], normalize: bool) -> None:
    chosen = inputs(data.draw, given_models, weight=WEIGHTS)
    total = float(np.sum([i.parameters["weight"] for i in chosen]))
    if normalize and total == 0:
        with pytest.raises(MergeFailure, match="'w' holds NaN"):
            merged(given_models, Recipe("linear", chosen), mode)
        return
    agree(Recipe("linear", chosen, None, {"normalize": normalize}), given_models, mode)


@both_modes
@often
@given(models(1, 1), WEIGHTS)
def test_passthrough(mode: str, given_models: dict[str, Weights], scale: float) -> None:
    agree(Recipe("passthrough", (Input("a", {"scale": scale}),)), given_models, mode)


@both_modes
@often
@given(models(2, 2), SHARES, st.booleans(), st.booleans())
def test_slerp(
    mode: str, given_models: dict[str, Weights], t: float, swapped: bool, far: bool
) -> None:
    if far:  # two models without a common base are almost orthogonal
        given_models["b"]["w"] = given_models["b"]["w"] - given_models["base"]["w"]
    pair = (Input("a"), Input("b"))
    recipe = Recipe("slerp", pair[::-1] if swapped else pair, "a", {"t": t})
    agree(recipe, given_models, mode)
    sixty_four(recipe, given_models, mode)


def sixty_four(recipe: Recipe, given_models: dict[str, Weights], mode: str) -> None:
    """Ours, but for rounding, is mergekit in float64: no angle is lost in float32.

    The task vectors are those of float32 arithmetic.
    """
    shift, vectors = torch.zeros(()), given_models
    if recipe.base == "base":
        shift = given_models["base"]["w"]
        vectors = {name: {"w": w["w"] - shift} for name, w in given_models.items()}
    there = theirs(recipe, vectors, dtype=torch.float64) + shift.double()
    want = expected(recipe, given_models, "w", 1)
    here = merged(given_models, recipe, mode)["w"].double().numpy().ravel()
    assert (np.abs(here - there.numpy().ravel()) <= want.bounds[0]).all()


@both_modes
@often
@given(st.data(), models(2, 2), st.booleans(), st.booleans(), st.booleans())
def test_nuslerp(
    mode: str,
    data: Any,
    given_models: dict[str, Weights],
    base: bool,
    flatten: bool,
    row_wise: bool,
) -> None:
    chosen = inputs(data.draw, given_models, weight=WEIGHTS)
    switches = {"nuslerp_flatten": flatten, "nuslerp_row_wise": row_wise}
    recipe = Recipe("nuslerp", chosen, "base" if base else None, switches)
    agree(recipe, given_models, mode)
    if flatten:
        sixty_four(recipe, given_models, mode)


@both_modes
@often
@given(models(2), st.booleans())
def test_model_stock(mode: str, given_models: dict[str, Weights], rows: bool) -> None:
    plain = tuple(Input(name) for name in given_models if name != "base")
    recipe = Recipe("model_stock", plain, "base", {"filter_wise": rows})
    agree(recipe, given_models, mode)
    if not rows:
        sixty_four(recipe, given_models, mode)


@both_modes
@often
@given(models(), st.integers(0, 12), st.sampled_from([1e-5, 1e-3]))
def test_karcher(mode: str, given_models: dict[str, Weights], most: int, tol: float) -> None:
    names = list(given_models)[1:]
    recipe = Recipe("karcher", tuple(map(Input, names)), None, {"max_iter": most, "tol": tol})
    stack = np.array([flat(given_models[name], "w") for name in names]).astype(float)
    units = stack / np.maximum(np.linalg.norm(stack, axis=1, keepdims=True), 1e-30)
    assume((units @ units.T).min() > -0.5)  # farther apart, the mean of few is not unique
    here = merged(given_models, recipe, mode)["w"].double().numpy().ravel()
    want = karcher(Reader(recipe, "w", 1), stack)
    assert not want.misses(theirs(recipe, given_models).numpy()).any()
    assert not want.misses(here).any()
    sharp = theirs(recipe, given_models, dtype=torch.float64).numpy().ravel()
    norms = np.linalg.norm(stack, axis=1)
    size = (np.abs(units) * norms.mean()).sum(0)
    assert (np.abs(here - sharp) <= 8 * EPS * size + 1e-37).all()


@both_modes
@often
@given(st.data(), models(), WEIGHTS, st.booleans())
def test_task_arithmetic(
    mode: str, data: Any, given_models: dict[str, Weights], scale: float, normalize: bool
) -> None:
    chosen = inputs(data.draw, given_models, weight=WEIGHTS)
    shared: dict[str, Any] = {"lambda": scale, "normalize": normalize}
    agree(Recipe("task_arithmetic", chosen, "base", shared), given_models, mode)


def test_all_of_mergekits_method_names_that_are_ours() -> None:
    from mergekit.merge_methods import registry

    from suite.recipes.method_table import METHODS

    assert set(METHODS) <= {method.spec.name for method in registry.registered_methods()}
