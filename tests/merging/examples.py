"""Random tensors and parameters for comparisons with mergekit, and what both merges must satisfy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st

from suite.merging import MergeFailure
from suite.recipes.recipe import Input, Recipe
from tests.merging.angles import DOUBT
from tests.merging.making import Weights, merged
from tests.merging.oracle import theirs
from tests.merging.reference import expected

often = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
both_modes = pytest.mark.parametrize("mode", ["eager", "compiled"])
NAMES = ("a", "b", "c", "d")
SHAPES = st.one_of(
    st.just((1,)),
    st.tuples(st.integers(2, 40)),
    st.tuples(st.integers(1, 6), st.integers(1, 9)),
)
EIGHTHS = st.integers(-16, 16).map(lambda n: n / 8)  # their sums are exact, and often cancel
WEIGHTS = st.one_of(EIGHTHS, st.floats(-2, 2, width=32).filter(lambda w: w == 0 or abs(w) > 1e-3))
SHARES = st.one_of(st.sampled_from([0.0, 1.0, 1e-9, 0.5]), st.floats(0, 1))


@st.composite
def models(draw: st.DrawFn, least: int = 1, most: int = 4) -> dict[str, Weights]:
    """A base and models around it: normal numbers, or small integers, whose magnitudes tie."""
    shape, count = draw(SHAPES), draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([1.0, 0.01, 1e-4]))
    if draw(st.booleans()):
        unit = 2.0 ** round(np.log2(scale))
        base = rng.integers(-3, 4, shape) * unit
        near = [base + rng.integers(-2, 3, shape) * unit for _ in range(count)]
    else:
        spread = draw(st.sampled_from([1.0, 0.05, 1e-3]))
        base = rng.normal(size=shape) * scale
        near = [base + rng.normal(size=shape) * scale * spread for _ in range(count)]
    pairs = zip(("base", *NAMES), (base, *near), strict=False)
    return {name: {"w": torch.tensor(array, dtype=torch.float32)} for name, array in pairs}


def agree(
    recipe: Recipe, given_models: dict[str, Weights], mode: str, doubt: float = DOUBT, **more: Any
) -> None:
    """Both merges are allowed results, and differ within the bound where one is allowed."""
    chosen = more.pop("chosen", None)
    there = theirs(recipe, given_models, **more).double().numpy().ravel()
    want = expected(recipe, given_models, "w", 1, doubt, chosen)
    try:
        here = merged(given_models, recipe, mode)["w"].double().numpy().ravel()
    except MergeFailure:
        assert not np.isfinite(want.values[0]).all()
        return
    assert not want.misses(there).any()
    assert not want.misses(here).any()
    apart = np.abs(here - there)
    bound = want.bound()
    event(f"no bound: {np.isinf(bound).any()}")
    event(f"several allowed: {(~want.single).any()}")
    assert (apart <= np.where(want.single, bound, np.inf)).all()


def inputs(draw: Any, given_models: dict[str, Weights], **values: Any) -> tuple[Input, ...]:
    names = [name for name in given_models if name != "base"]
    return tuple(Input(n, {k: draw(strategy) for k, strategy in values.items()}) for n in names)
