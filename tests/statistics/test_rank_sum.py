"""The rank sum test against enumeration and simulation: p values, limits and error rates."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from suite.statistics import rank_sum


def enumerated(a: list[float], b: list[float]) -> float:
    """Twice the smaller tail of U over all ways to deal the pooled values out."""
    pooled, n = np.array(a + b), len(a)

    def u(chosen: tuple[int, ...]) -> float:
        rest = [i for i in range(len(pooled)) if i not in chosen]
        pairs = [(pooled[i], pooled[j]) for i in chosen for j in rest]
        return float(sum((x > y) + 0.5 * (x == y) for x, y in pairs))

    every = np.array([u(c) for c in itertools.combinations(range(len(pooled)), n)])
    observed = u(tuple(range(n)))
    return float(min(1.0, 2 * min((every <= observed).mean(), (every >= observed).mean())))


few = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=5)


@given(few, few)
@settings(max_examples=60, deadline=None)
def test_with_ties_p_is_that_of_enumeration(a: list[float], b: list[float]) -> None:
    assert rank_sum.mann_whitney(a, b) == pytest.approx(enumerated(a, b), rel=1e-12)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_without_ties_p_is_scipys(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n) + rng.normal(), rng.normal(size=k)
    expected = mannwhitneyu(a, b, method="exact").pvalue
    assert rank_sum.mann_whitney(a, b) == pytest.approx(expected, rel=1e-9)


@given(few, few, st.sampled_from([0.1, 3.7]))
@settings(max_examples=30, deadline=None)
def test_sides_and_a_monotone_scale_do_not_matter(
    a: list[float], b: list[float], step: float
) -> None:
    p = rank_sum.mann_whitney(a, b)
    assert rank_sum.mann_whitney(b, a) == pytest.approx(p, rel=1e-12)
    moved = [[step * v**3 - 2 for v in side] for side in (a, b)]
    assert rank_sum.mann_whitney(*moved) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(
    ("a", "b"), [([0.0], [0.0]), ([0.1, 0.1], [0.1]), ([2.0] * 30, [2.0] * 30)]
)
def test_equal_values_prove_nothing(a: list[float], b: list[float]) -> None:
    assert rank_sum.mann_whitney(a, b) == 1.0


def test_beyond_the_exact_size_p_goes_on_from_it() -> None:
    rng = np.random.default_rng(4)
    a, b = np.round(rng.normal(0.3, 1, 100), 1), np.round(rng.normal(0, 1, 101), 1)
    exact = rank_sum.mann_whitney(a, b[:100])
    expected = mannwhitneyu(a, b[:100], method="asymptotic").pvalue
    assert exact == pytest.approx(expected, rel=0.02)
    expected = mannwhitneyu(a, b, method="asymptotic").pvalue
    assert rank_sum.mann_whitney(a, b) == expected


@pytest.mark.parametrize(
    ("a", "b"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([[1.0]], [1])]
)
def test_samples_that_are_none_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="rank sum test"):
        rank_sum.mann_whitney(a, b)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_smallest_p_is_that_of_complete_separation(n: int) -> None:
    low, high = np.arange(n), np.arange(n) + 100
    assert rank_sum.smallest_p(n, n) == pytest.approx(rank_sum.mann_whitney(low, high))


def test_probability_of_improvement_counts_pairs() -> None:
    assert rank_sum.probability_of_improvement([3, 2], [1, 2]) == (1 + 1 + 1 + 0.5) / 4


def test_one_strategy_under_two_labels_does_not_differ_from_itself() -> None:
    rng = np.random.default_rng(9)
    p = [rank_sum.mann_whitney(*rng.standard_normal((2, 8))) for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) <= 0.08


def test_the_detectable_shift_is_found_with_its_power() -> None:
    shift = rank_sum.detectable_shift(8)
    rng = np.random.default_rng(10)
    p = [
        rank_sum.mann_whitney(rng.standard_normal(8) + shift, rng.standard_normal(8))
        for _ in range(400)
    ]
    assert 0.74 < np.mean(np.array(p) < 0.05) < 0.86


def test_nothing_is_detectable_when_separation_is_not_enough() -> None:
    assert rank_sum.detectable_shift(3) == math.inf
    assert rank_sum.detectable_shift(5, 0.05 / 7) == math.inf
    assert rank_sum.detectable_shift(5, 0.05 / 6) < math.inf
