"""Each test and aggregate against scipy, a published value, or one worked by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tests.independent import statistics

RNG = np.random.default_rng(7)


def test_mann_whitney_is_scipys_without_ties_and_counts_all_splits_with_them() -> None:
    a, b = RNG.random(9), RNG.random(7) + 0.3
    expected = stats.mannwhitneyu(a, b, method="exact").pvalue
    assert statistics.mann_whitney(a, b) == pytest.approx(expected, rel=1e-12)
    tied = RNG.integers(0, 4, 9).tolist()
    ranks = stats.rankdata(tied)
    sums = np.array([sum(split) for split in itertools.combinations(ranks, 4)])
    tails = np.mean(sums <= sum(ranks[:4])), np.mean(sums >= sum(ranks[:4]))
    assert statistics.mann_whitney(tied[:4], tied[4:]) == pytest.approx(min(1, 2 * min(tails)))
    assert statistics.mann_whitney(range(5), range(5, 10)) == pytest.approx(2 / 252)
    assert statistics.mann_whitney([1.0] * 4, [1.0] * 5) == 1.0


def test_thirty_and_thirty_apart_are_two_of_all_splits() -> None:
    p = statistics.mann_whitney(range(30), range(30, 60))
    assert p == pytest.approx(2 / math.comb(60, 30), rel=1e-12)


def test_sign_flip_by_all_signs() -> None:
    d = RNG.normal(0.4, 1, 9)
    means = [abs(np.dot(s, d)) for s in itertools.product((1, -1), repeat=9)]
    assert statistics.sign_flip(d) == np.mean(np.array(means) >= abs(d.sum()) - 1e-12)
    assert statistics.sign_flip([0.1] * 10) == 2 / 1024


def test_mcnemar_is_the_binomial_test() -> None:
    a, b = RNG.integers(0, 2, 300) * 1.0, RNG.integers(0, 2, 300) * 1.0
    won, lost = int((a > b).sum()), int((a < b).sum())
    expected = stats.binomtest(won, won + lost).pvalue
    assert statistics.mcnemar(a, b) == pytest.approx(expected, rel=1e-10)
    assert statistics.mcnemar(a, a) == 1.0


def test_holm_by_hand() -> None:
    found = statistics.holm([0.01, 0.04, math.nan, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, math.nan, 0.06, 0.02], nan_ok=True)


def test_signed_rank_is_scipys_and_treats_zeros_after_pratt() -> None:
    d = RNG.normal(0.3, 1, 12)
    expected = stats.wilcoxon(d, method="exact").pvalue
    assert statistics.signed_rank(d) == pytest.approx(expected, rel=1e-12)
    # |d| ranks 1.5, 1.5 (zeros), 3, 4, 5: the 3 is negative; sums of 8 sign patterns of 3, 4, 5
    assert statistics.signed_rank([0, 0, -1, 2, 3]) == 4 / 8
    assert statistics.signed_rank([1] * 15) == 2 / 2**15


def test_friedman_is_scipys() -> None:
    values = RNG.integers(0, 5, (9, 4)) * 1.0
    expected = stats.friedmanchisquare(*values.T).statistic
    assert statistics.friedman(values) == pytest.approx(expected)


def test_aggregates() -> None:
    values = RNG.random(10)
    assert statistics.iqm(values.tolist()) == pytest.approx(stats.trim_mean(values, 0.25))
    assert statistics.median([3, 1, math.inf, 2]) == 2.5
    low, high = stats.binomtest(3, 750).proportion_ci(method="wilson")
    assert statistics.wilson(3, 750) == pytest.approx((low, high))
    assert statistics.improvement([1, 2], [1, 0]) == 0.875
