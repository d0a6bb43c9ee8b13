"""Aggregates against their definitions, and intervals against plain resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, trim_mean

from suite.statistics import bootstrap, rank_sum


def test_iqm_is_the_mean_of_the_middle_half() -> None:
    assert bootstrap.iqm([[9, 1, 2, 3], [4, 5, 6, -50]]) == pytest.approx(np.mean([2, 3, 4, 5]))
    values = np.random.default_rng(1).random(10)
    assert bootstrap.iqm([values]) == pytest.approx(trim_mean(values, 0.25))


def test_the_iqm_interval_resamples_within_each_stratum() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, 12), rng.normal(5, 0.1, 8)
    rows = np.hstack([rng.choice(a, (4000, 12)), rng.choice(b, (4000, 8))])
    drawn = trim_mean(rows, 0.25, axis=1)
    found = bootstrap.iqm_estimate([a, b], np.random.default_rng(3))
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.06
    )
    assert found.low <= found.value <= found.high


def test_improvement_is_the_mean_over_tasks_of_mann_whitneys_u() -> None:
    rng = np.random.default_rng(4)
    a, b = [rng.random(7), rng.random(5)], [rng.random(6), rng.random(9)]
    u = [mannwhitneyu(x, y).statistic / (len(x) * len(y)) for x, y in zip(a, b, strict=True)]
    assert bootstrap.improvement(a, b).value == pytest.approx(np.mean(u))
    assert bootstrap.improvement(a[:1], b[:1]).value == pytest.approx(
        rank_sum.probability_of_improvement(a[0], b[0])
    )


def test_the_improvement_interval_resamples_both_sides() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.8, 1, 10), rng.normal(0, 1, 10)
    drawn = [
        rank_sum.probability_of_improvement(rng.choice(a, 10), rng.choice(b, 10))
        for _ in range(4000)
    ]
    found = bootstrap.improvement([a], [b], np.random.default_rng(6))
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.03
    )


def test_ties_count_half_and_swapping_mirrors() -> None:
    a, b = [[3.0, 2.0, 2.0, 1.0, 5.0]], [[1.0, 2.0, 2.0, 4.0, 0.0]]
    forth, back = bootstrap.improvement(a, b), bootstrap.improvement(b, a)
    assert forth.value + back.value == pytest.approx(1.0)
    assert bootstrap.improvement(a, a).value == 0.5


def test_the_generator_decides_and_nothing_else() -> None:
    values = [np.random.default_rng(7).random(9)]
    one, same, other = (bootstrap.iqm_estimate(values, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == same
    assert one != other
    assert bootstrap.iqm_estimate(values) == bootstrap.iqm_estimate(values)


def test_no_interval_where_a_stratum_has_fewer_than_five_runs() -> None:
    found = bootstrap.improvement([[1.0, 2, 3, 4, 5], [1.0, 2, 3, 4]], [[1.0] * 5, [2.0] * 5])
    assert math.isnan(found.low) and math.isnan(found.high) and 0 < found.value < 1
    assert math.isnan(bootstrap.iqm_estimate([[1.0, 2.0, 3.0]]).low)


@pytest.mark.parametrize("bad", [[], [[]], [[[1.0]]]])
def test_strata_without_runs_are_refused(bad: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="strata"):
        bootstrap.iqm(bad)


def test_the_improvement_interval_covers_about_what_it_says() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        found = bootstrap.improvement([rng.normal(size=15)], [rng.normal(size=15)], rng, 1000)
        covered += found.low <= 0.5 <= found.high
    assert 0.87 <= covered / 200 <= 0.99


def test_no_interval_under_five_seeds() -> None:
    assert bootstrap.bootstrap_median([0.1, 0.2, 0.3, 0.4]) is None
    interval = bootstrap.bootstrap_median([0.1, 0.2, 0.3, 0.4, 0.5])
    assert interval is not None
    assert 0.1 <= interval[0] < 0.3 < interval[1] <= 0.5


def test_median_interval_covers_about_what_it_says() -> None:
    rng = np.random.default_rng(8)
    intervals = [bootstrap.bootstrap_median(rng.standard_normal(20), rng) for _ in range(200)]
    covered = np.mean([low <= 0 <= high for low, high in filter(None, intervals)])
    assert 0.88 <= covered <= 1.0


def test_median_index_takes_the_lower_middle() -> None:
    assert bootstrap.median_index([3.0, 1.0, 2.0]) == 2
    assert bootstrap.median_index([4.0, 1.0, 3.0, 2.0]) == 3


@pytest.mark.parametrize("n", [5, 8, 11])
def test_medians_of_many_columns_are_those_of_one(n: int) -> None:
    values = np.random.default_rng(11).normal(size=(n, 6))
    ends = bootstrap.bootstrap_medians(values)
    assert ends is not None
    drawn = np.random.default_rng(12).integers(n, size=(20000, n))
    for column in range(6):
        assert bootstrap.bootstrap_median(values[:, column]) == tuple(ends[:, column])
        medians = np.median(values[:, column][drawn], axis=1)
        expected = np.quantile(medians, [0.025, 0.975], method="inverted_cdf")
        assert tuple(ends[:, column]) == pytest.approx(tuple(expected), abs=0.25)
    assert bootstrap.bootstrap_medians(values[:4]) is None
