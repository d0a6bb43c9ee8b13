"""Two models on the same items, against enumeration and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from suite.errors import BadInput
from suite.statistics import items


def outcomes(won: int, lost: int, both: int, none: int) -> tuple[list[int], list[int]]:
    a = [1] * won + [0] * lost + [1] * both + [0] * none
    b = [0] * won + [1] * lost + [1] * both + [0] * none
    return a, b


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (6, 1), (9, 9), (30, 14)])
def test_binary_outcomes_give_the_exact_mcnemar_p(won: int, lost: int) -> None:
    n = won + lost
    tail = sum(math.comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
    found = items.paired(*outcomes(won, lost, 20, 10))
    assert found.p == pytest.approx(min(1.0, 2 * tail))
    assert found.difference == pytest.approx((won - lost) / (n + 30))
    assert found.low <= found.difference <= found.high


def test_graded_outcomes_give_the_exact_sign_flip_p() -> None:
    a = np.array([0.9, 0.4, 0.75, 0.3, 0.8, 0.5, 0.61])
    b = np.array([0.1, 0.5, 0.3, 0.25, 0.1, 0.5, 0.4])
    d = a - b
    flips = np.array(list(itertools.product([1, -1], repeat=len(d))))
    expected = np.mean(np.abs(flips @ d) >= abs(d.sum()) - 1e-12)
    assert items.paired(a, b).p == pytest.approx(expected)


def test_interval_is_the_bootstrap_over_items() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random(60), rng.random(60) ** 2
    drawn = rng.integers(0, 60, size=(20000, 60))
    expected = np.quantile((a - b)[drawn].mean(axis=1), [0.025, 0.975])
    found = items.paired(a, b, np.random.default_rng(1))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.004)


def test_interval_covers_the_truth_and_the_null_is_kept() -> None:
    rng = np.random.default_rng(6)
    covered = rejected = 0
    for _ in range(400):
        ease = rng.random(200)
        a, b = (rng.random(200) < ease).astype(float), (rng.random(200) < ease).astype(float)
        found = items.paired(a, b, rng)
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
        found += items.paired(a, (rng.random(800) < ease).astype(float), rng).p < 0.05
    assert found >= 90


def test_the_same_outcomes_give_the_same_figures_and_swapping_mirrors_them() -> None:
    a, b = outcomes(12, 4, 30, 20)
    assert items.paired(a, b) == items.paired(a, b)
    forth, back = items.paired(a, b), items.paired(b, a)
    assert (back.difference, back.p) == (-forth.difference, forth.p)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1], [1, 0]), ([[1]], [[0]]), ([math.nan], [1])])
def test_outcomes_that_do_not_pair_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(BadInput, match="paired comparison"):
        items.paired(a, b)


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
    found = items.relation(a, b, p)
    assert (found.kind, found.resolved) == (kind, resolved)
