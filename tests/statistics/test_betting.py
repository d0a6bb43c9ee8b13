"""The betting test: fair at every time, found out by exact expectation and by simulation."""

from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from suite.errors import BadInput
from suite.statistics import betting
from suite.statistics.betting import e_value, greater_e_value, interval, wealth

SIZES = st.lists(st.floats(0, 10), min_size=1, max_size=7)


@settings(max_examples=30, deadline=None)
@given(SIZES)
def test_over_all_signs_the_mean_wealth_is_one(sizes: list[float]) -> None:
    """A martingale, exactly: whatever the sizes are and in whichever order they come."""
    signs = np.array(list(itertools.product((1, -1), repeat=len(sizes))))
    for side in (1, -1):
        paths = np.array([wealth(row * np.array(sizes), side) for row in signs])
        assert paths.mean(axis=0) == pytest.approx(np.ones(len(sizes)), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(SIZES)
def test_over_all_signs_ever_reaching_four_is_no_more_likely_than_a_quarter(
    sizes: list[float],
) -> None:
    signs = np.array(list(itertools.product((1, -1), repeat=len(sizes))))
    assert np.mean([e_value(row * np.array(sizes)) >= 4 for row in signs]) <= 0.25
    assert np.mean([greater_e_value(row * np.array(sizes)) >= 4 for row in signs]) <= 0.25


@pytest.mark.parametrize("kind", ["normal", "heavy", "coin"])
def test_with_a_look_after_every_pair_the_null_is_seldom_rejected(kind: str) -> None:
    """200 looks, and no more than α of 2000 rejects; a fixed test would reject far more."""
    rng = np.random.default_rng(11)
    draw = {
        "normal": lambda: rng.normal(0, 1, 200),
        "heavy": lambda: rng.standard_t(1.5, 200),
        "coin": lambda: rng.choice([-1.0, 1.0], 200),
    }[kind]
    crossed = sum(e_value(draw()) >= 20 for _ in range(2000))
    assert scipy_stats.binomtest(crossed, 2000, 0.05, alternative="greater").pvalue > 0.001
    assert crossed > 10  # a test that never rejects would pass the bound


def test_a_centre_below_zero_is_no_gain_for_the_upper_side() -> None:
    """Two modes about −0.1: a large size is more often positive, and still nothing is to be won."""
    rng = np.random.default_rng(12)
    draws = (rng.choice([-1.2, 1.0], 100) for _ in range(2000))
    crossed = sum(greater_e_value(d) >= 20 for d in draws)
    assert scipy_stats.binomtest(crossed, 2000, 0.05, alternative="greater").pvalue > 0.001


def test_a_planted_effect_is_found() -> None:
    """One standard deviation over seeds, hence 1/√2 of the differences', at α = 0.01: measured."""
    rng = np.random.default_rng(13)
    values = [rng.normal(2**-0.5, 1, 60) for _ in range(300)]
    power = {n: float(np.mean([e_value(d[:n]) >= 100 for d in values])) for n in (20, 40, 60)}
    print(power)
    assert power[20] < power[40] < power[60]
    assert power[40] > 0.55
    assert power[60] > 0.85


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5).map(lambda v: round(v, 6)), min_size=1, max_size=12))
def test_scale_and_zeros_change_nothing_and_the_mirror_image_changes_sides(d: list[float]) -> None:
    d_ = np.array(d)
    assert wealth(d_ / 7) == pytest.approx(wealth(d_), rel=1e-9)
    assert wealth(-d_) == pytest.approx(wealth(d_, -1), rel=1e-9)
    assert e_value([0.0, *d, 0.0]) == pytest.approx(e_value(d), rel=1e-9)


def test_the_wealth_is_the_product_written_out() -> None:
    d = [0.5, -2.0, 0.0, 1.0]
    shares = [1.0, -1.0, 0.0, 0.5]  # of 0.5, 2, 2, 2
    expected = np.mean([np.prod([1 + bet * s for s in shares]) for bet in betting.BETS])
    assert wealth(d)[-1] == pytest.approx(expected)


def test_a_long_row_stays_finite() -> None:
    assert e_value(np.ones(5000)) == pytest.approx(betting.LARGEST / 2)
    assert e_value([]) == greater_e_value([]) == 1.0


def test_the_interval_and_the_test_agree_and_it_covers() -> None:
    rng = np.random.default_rng(14)
    missed = 0
    for _ in range(30):
        d = rng.normal(0.5, 1, 40)
        low, high = interval(d, 0.05)
        missed += not low <= 0.5 <= high
        if not low <= 0 <= high:
            assert e_value(d) >= 20
    assert missed <= 4


def test_few_pairs_bound_nothing() -> None:
    assert interval([1.0, 1.2], 0.05) == (-np.inf, np.inf)
    assert interval([], 0.05) == (-np.inf, np.inf)
    with pytest.raises(BadInput, match="alpha=1"):
        interval([1.0], 1)


def test_the_examples_run() -> None:
    assert doctest.testmod(betting).failed == 0
