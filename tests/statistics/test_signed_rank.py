"""Wilcoxon's signed-rank test against enumeration of all signs, and against scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from scipy.stats import wilcoxon as scipy_wilcoxon

from suite.statistics import signed_rank


def enumerated(d: list[float]) -> float:
    """Pratt's: ranks of all sizes, zeros dropped afterwards; twice the smaller tail."""
    ranks = rankdata(np.abs(d))[np.array(d) != 0]
    moved = np.array([v for v in d if v != 0])
    if not len(moved):
        return 1.0
    signs = np.array(list(itertools.product([0, 1], repeat=len(moved))))
    every, observed = signs @ ranks, ranks[moved > 0].sum()
    return float(min(1.0, 2 * min((every <= observed).mean(), (every >= observed).mean())))


@given(st.lists(st.integers(-4, 4).map(float), min_size=0, max_size=9))
@settings(max_examples=80, deadline=None)
def test_with_ties_and_zeros_p_is_that_of_enumeration(d: list[float]) -> None:
    assert signed_rank.wilcoxon(d) == pytest.approx(enumerated(d), rel=1e-12)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_without_ties_p_is_scipys(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = rng.normal(rng.normal(), 1, n)
    expected = scipy_wilcoxon(d, method="exact").pvalue
    assert signed_rank.wilcoxon(d) == pytest.approx(expected, rel=1e-9)
    assert signed_rank.wilcoxon(-d) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [1, 5, 15])
def test_the_least_p_is_that_of_one_sign_throughout(n: int) -> None:
    assert signed_rank.wilcoxon(np.arange(1.0, n + 1)) == signed_rank.smallest_p(n)


def test_beyond_the_exact_size_p_goes_on_from_it() -> None:
    d = np.round(np.random.default_rng(5).normal(0.08, 1, 301), 1)
    below = scipy_wilcoxon(d[:300], zero_method="pratt", method="asymptotic").pvalue
    assert signed_rank.wilcoxon(d[:300]) == pytest.approx(below, rel=0.02)
    above = scipy_wilcoxon(d, zero_method="pratt", method="asymptotic").pvalue
    assert signed_rank.wilcoxon(d) == above


def test_what_is_no_vector_of_differences_is_refused() -> None:
    for bad in ([[1.0]], [math.inf]):
        with pytest.raises(ValueError, match="signed rank test"):
            signed_rank.wilcoxon(bad)
