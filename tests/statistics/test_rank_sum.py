"""The rank sum test against enumeration and simulation: p values, limits and error rates."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from suite.statistics import rank_sum


@pytest.mark.parametrize("b", [[4.0, 5.5, 6.0, 7.0, 8.0], [1.0, 2.0, 4.0, 6.0, 6.0]])
def test_mann_whitney_by_enumeration(b: list[float]) -> None:
    a = [1.0, 2.0, 3.0, 5.0, 6.5]
    pooled = np.array(a + b)

    def u(chosen: tuple[int, ...]) -> float:
        rest = [i for i in range(10) if i not in chosen]
        pairs = [(pooled[i], pooled[j]) for i in chosen for j in rest]
        return float(sum((x > y) + 0.5 * (x == y) for x, y in pairs))

    every = [u(chosen) for chosen in itertools.combinations(range(10), 5)]
    observed = u((0, 1, 2, 3, 4))
    tails = [np.mean([v <= observed for v in every]), np.mean([v >= observed for v in every])]
    assert rank_sum.mann_whitney(a, b) == pytest.approx(min(1.0, 2 * min(tails)))


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
