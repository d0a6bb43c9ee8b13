"""Tests against enumeration and simulation: p values, intervals and their error rates."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from suite import stats
from suite.errors import BadInput


def outcomes(won: int, lost: int, both: int, none: int) -> tuple[list[int], list[int]]:
    a = [1] * won + [0] * lost + [1] * both + [0] * none
    b = [0] * won + [1] * lost + [1] * both + [0] * none
    return a, b


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (6, 1), (9, 9), (30, 14)])
def test_binary_outcomes_give_the_exact_mcnemar_p(won: int, lost: int) -> None:
    n = won + lost
    tail = sum(math.comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
    found = stats.paired(*outcomes(won, lost, 20, 10))
    assert found.p == pytest.approx(min(1.0, 2 * tail))
    assert found.difference == pytest.approx((won - lost) / (n + 30))
    assert found.low <= found.difference <= found.high


def test_graded_outcomes_give_the_exact_sign_flip_p() -> None:
    a = np.array([0.9, 0.4, 0.75, 0.3, 0.8, 0.5, 0.61])
    b = np.array([0.1, 0.5, 0.3, 0.25, 0.1, 0.5, 0.4])
    d = a - b
    flips = np.array(list(itertools.product([1, -1], repeat=len(d))))
    expected = np.mean(np.abs(flips @ d) >= abs(d.sum()) - 1e-12)
    assert stats.paired(a, b).p == pytest.approx(expected)
    assert stats.paired_seeds(a, b) == pytest.approx(expected)


def test_one_pair_or_none_that_differs_proves_nothing() -> None:
    assert stats.paired_seeds([0.7], [0.2]) == 1.0
    assert stats.paired_seeds([0.7, 0.4], [0.2, 0.4]) == 1.0
    assert stats.paired_seeds([], []) == 1.0


def test_interval_is_the_bootstrap_over_items() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random(60), rng.random(60) ** 2
    drawn = rng.integers(0, 60, size=(20000, 60))
    expected = np.quantile((a - b)[drawn].mean(axis=1), [0.025, 0.975])
    found = stats.paired(a, b, np.random.default_rng(1))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.004)


def test_interval_covers_the_truth_and_the_null_is_kept() -> None:
    rng = np.random.default_rng(6)
    covered = rejected = 0
    for _ in range(400):
        ease = rng.random(200)
        a, b = (rng.random(200) < ease).astype(float), (rng.random(200) < ease).astype(float)
        found = stats.paired(a, b, rng)
        covered += found.low <= 0 <= found.high
        rejected += found.p < 0.05
    assert 0.91 < covered / 400 < 0.985
    assert rejected / 400 <= 0.07


def test_a_planted_difference_is_found() -> None:
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(100):
        ease = rng.random(800)
        a = (rng.random(800) < np.minimum(ease + 0.09, 1)).astype(float)
        found += stats.paired(a, (rng.random(800) < ease).astype(float), rng).p < 0.05
    assert found >= 90


def test_the_same_outcomes_give_the_same_figures_and_swapping_mirrors_them() -> None:
    a, b = outcomes(12, 4, 30, 20)
    assert stats.paired(a, b) == stats.paired(a, b)
    forth, back = stats.paired(a, b), stats.paired(b, a)
    assert (back.difference, back.p) == (-forth.difference, forth.p)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1], [1, 0]), ([[1]], [[0]]), ([math.nan], [1])])
def test_outcomes_that_do_not_pair_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(BadInput, match="paired comparison"):
        stats.paired(a, b)


def test_no_interval_under_five_seeds() -> None:
    assert stats.bootstrap_median([0.1, 0.2, 0.3, 0.4]) is None
    interval = stats.bootstrap_median([0.1, 0.2, 0.3, 0.4, 0.5])
    assert interval is not None
    assert 0.1 <= interval[0] < 0.3 < interval[1] <= 0.5


def test_median_interval_covers_about_what_it_says() -> None:
    rng = np.random.default_rng(8)
    intervals = [stats.bootstrap_median(rng.standard_normal(20), rng) for _ in range(200)]
    covered = np.mean([low <= 0 <= high for low, high in filter(None, intervals)])
    assert 0.88 <= covered <= 1.0


def test_median_index_takes_the_lower_middle() -> None:
    assert stats.median_index([3.0, 1.0, 2.0]) == 2
    assert stats.median_index([4.0, 1.0, 3.0, 2.0]) == 3


@pytest.mark.parametrize(
    ("a", "b", "p", "kind", "resolved"),
    [
        ([0.1, 0.1], [0.2, 0.2], [0.01, 0.04], "dominates", True),
        ([0.1, 0.1], [0.2, 0.2], [0.01, 0.20], "dominates", False),
        ([0.3, 0.2], [0.2, 0.2], [0.01, 1.0], "dominated", False),
        ([0.3, 0.3], [0.2, 0.2], [0.01, 0.01], "dominated", True),
        ([0.1, 0.3], [0.2, 0.2], [0.01, 0.01], "incomparable", True),
        ([0.1, 0.3], [0.2, 0.2], [0.03, 0.03], "incomparable", False),  # Holm doubles the smaller
        ([0.1, 0.3], [0.2, 0.2], [], "incomparable", False),
        ([0.1, 0.1], [0.2, 0.2], [math.nan, 0.01], "dominates", False),
        ([0.2, 0.2], [0.2, 0.2], [1.0, 1.0], "incomparable", False),
    ],
)
def test_relation(
    a: list[float], b: list[float], p: list[float], kind: str, resolved: bool
) -> None:
    found = stats.relation(a, b, p)
    assert (found.kind, found.resolved) == (kind, resolved)


def test_holm_worked_by_hand() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert stats.holm([]).size == 0
    with pytest.raises(ValueError, match="p values"):
        stats.holm([math.nan])


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
    assert stats.mann_whitney(a, b) == pytest.approx(min(1.0, 2 * min(tails)))


@pytest.mark.parametrize("n", [3, 5, 8])
def test_smallest_p_is_that_of_complete_separation(n: int) -> None:
    low, high = np.arange(n), np.arange(n) + 100
    assert stats.smallest_p(n, n) == pytest.approx(stats.mann_whitney(low, high))


def test_probability_of_improvement_counts_pairs() -> None:
    assert stats.probability_of_improvement([3, 2], [1, 2]) == (1 + 1 + 1 + 0.5) / 4


def test_one_strategy_under_two_labels_does_not_differ_from_itself() -> None:
    rng = np.random.default_rng(9)
    p = [stats.mann_whitney(*rng.standard_normal((2, 8))) for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) <= 0.08


def test_the_detectable_shift_is_found_with_its_power() -> None:
    shift = stats.detectable_shift(8)
    rng = np.random.default_rng(10)
    p = [
        stats.mann_whitney(rng.standard_normal(8) + shift, rng.standard_normal(8))
        for _ in range(400)
    ]
    assert 0.74 < np.mean(np.array(p) < 0.05) < 0.86


def test_nothing_is_detectable_when_separation_is_not_enough() -> None:
    assert stats.detectable_shift(3) == math.inf
    assert stats.detectable_shift(5, 0.05 / 7) == math.inf
    assert stats.detectable_shift(5, 0.05 / 6) < math.inf


@pytest.mark.parametrize("n", [5, 8, 11])
def test_medians_of_many_columns_are_those_of_one(n: int) -> None:
    values = np.random.default_rng(11).normal(size=(n, 6))
    ends = stats.bootstrap_medians(values)
    assert ends is not None
    drawn = np.random.default_rng(12).integers(n, size=(20000, n))
    for column in range(6):
        assert stats.bootstrap_median(values[:, column]) == tuple(ends[:, column])
        medians = np.median(values[:, column][drawn], axis=1)
        expected = np.quantile(medians, [0.025, 0.975], method="inverted_cdf")
        assert tuple(ends[:, column]) == pytest.approx(tuple(expected), abs=0.25)
    assert stats.bootstrap_medians(values[:4]) is None
