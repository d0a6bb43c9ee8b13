"""Aggregates against their definitions, and intervals against plain resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, trim_mean

from suite import stats, strata


def test_iqm_is_the_mean_of_the_middle_half() -> None:
    assert strata.iqm([[9, 1, 2, 3], [4, 5, 6, -50]]) == pytest.approx(np.mean([2, 3, 4, 5]))
    values = np.random.default_rng(1).random(10)
    assert strata.iqm([values]) == pytest.approx(trim_mean(values, 0.25))


def test_the_iqm_interval_resamples_within_each_stratum() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, 12), rng.normal(5, 0.1, 8)
    drawn = [
        trim_mean(np.concatenate([rng.choice(a, 12), rng.choice(b, 8)]), 0.25) for _ in range(4000)
    ]
    found = strata.iqm_estimate([a, b], np.random.default_rng(3))
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.06
    )
    assert found.low <= found.value <= found.high


def test_improvement_is_the_mean_over_tasks_of_mann_whitneys_u() -> None:
    rng = np.random.default_rng(4)
    a, b = [rng.random(7), rng.random(5)], [rng.random(6), rng.random(9)]
    u = [mannwhitneyu(x, y).statistic / (len(x) * len(y)) for x, y in zip(a, b, strict=True)]
    assert strata.improvement(a, b).value == pytest.approx(np.mean(u))
    assert strata.improvement(a[:1], b[:1]).value == pytest.approx(
        stats.probability_of_improvement(a[0], b[0])
    )


def test_the_improvement_interval_resamples_both_sides() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.8, 1, 10), rng.normal(0, 1, 10)
    drawn = [
        stats.probability_of_improvement(rng.choice(a, 10), rng.choice(b, 10)) for _ in range(4000)
    ]
    found = strata.improvement([a], [b], np.random.default_rng(6))
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.03
    )


def test_ties_count_half_and_swapping_mirrors() -> None:
    a, b = [[3.0, 2.0, 2.0, 1.0, 5.0]], [[1.0, 2.0, 2.0, 4.0, 0.0]]
    forth, back = strata.improvement(a, b), strata.improvement(b, a)
    assert forth.value + back.value == pytest.approx(1.0)
    assert strata.improvement(a, a).value == 0.5


def test_the_generator_decides_and_nothing_else() -> None:
    values = [np.random.default_rng(7).random(9)]
    one, same, other = (strata.iqm_estimate(values, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == same
    assert one != other
    assert strata.iqm_estimate(values) == strata.iqm_estimate(values)


def test_no_interval_where_a_stratum_has_fewer_than_five_runs() -> None:
    found = strata.improvement([[1.0, 2, 3, 4, 5], [1.0, 2, 3, 4]], [[1.0] * 5, [2.0] * 5])
    assert math.isnan(found.low) and math.isnan(found.high) and 0 < found.value < 1
    assert math.isnan(strata.iqm_estimate([[1.0, 2.0, 3.0]]).low)


@pytest.mark.parametrize("bad", [[], [[]], [[[1.0]]]])
def test_strata_without_runs_are_refused(bad: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="strata"):
        strata.iqm(bad)


def test_the_improvement_interval_covers_about_what_it_says() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        found = strata.improvement([rng.normal(size=15)], [rng.normal(size=15)], rng, 1000)
        covered += found.low <= 0.5 <= found.high
    assert 0.87 <= covered / 200 <= 0.99
