"""Equivalence by two one-sided tests: against the t tests' version, and by its size and power."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from suite.errors import BadInput
from suite.statistics import equivalence as module
from suite.statistics.equivalence import equivalence, equivalence_e_values
from suite.statistics.sign_flip import shift_interval

ROWS = st.lists(st.floats(-1, 1).map(lambda v: round(v, 6)), min_size=5, max_size=8)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.floats(0.01, 2))
def test_the_mirror_image_changes_sides_and_a_wider_margin_is_easier(
    d: list[float], margin: float
) -> None:
    found, mirrored = equivalence(d, margin), equivalence([-v for v in d], margin)
    assert (found.p_lower, found.p_upper) == (mirrored.p_upper, mirrored.p_lower)
    assert equivalence(d, 2 * margin).p <= found.p + 1e-12


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_it_holds_where_the_interval_of_both_alphas_lies_inside(d: list[float]) -> None:
    """Westlake: at level α it is the 1 − 2α interval inside the margins."""
    low, high = shift_interval(d, np.zeros(len(d)), 0.2)
    margin = 1.01 * max(abs(low), abs(high)) + 1e-3
    assert equivalence(d, margin).p < 0.1


def test_it_is_near_the_t_tests_where_values_are_normal() -> None:
    d = np.random.default_rng(1).normal(0.05, 1, 30)
    lower = scipy_stats.ttest_1samp(d, -0.4, alternative="greater").pvalue
    upper = scipy_stats.ttest_1samp(d, 0.4, alternative="less").pvalue
    found = equivalence(d, 0.4)
    assert (found.p_lower, found.p_upper) == pytest.approx((lower, upper), abs=0.01)


def test_size_and_power() -> None:
    """At the margin itself no more than α is called equivalent; at no difference most are."""
    rng = np.random.default_rng(2)

    def share(centre: float, runs: int) -> tuple[int, int]:
        rows = (rng.normal(centre, 1, 20) for _ in range(runs))
        return sum(equivalence(d, 0.8).p < 0.05 for d in rows), runs

    for centre in (0.8, -0.8):
        wrong, runs = share(centre, 1000)
        assert scipy_stats.binomtest(wrong, runs, 0.05, alternative="greater").pvalue > 0.001
        assert wrong > 20
    right, runs = share(0.0, 200)
    print(right / runs)
    assert right / runs > 0.85


def test_asked_after_every_pair_a_difference_at_the_margin_is_seldom_called_equivalent() -> None:
    rng = np.random.default_rng(3)
    rows = [rng.normal(1.0, 1, 100) for _ in range(1000)]
    wrong = sum(min(equivalence_e_values(d, 1.0)) >= 20 for d in rows)
    assert scipy_stats.binomtest(wrong, 1000, 0.05, alternative="greater").pvalue > 0.001
    right = np.mean([min(equivalence_e_values(d - 1.0, 1.0)) >= 20 for d in rows[:200]])
    assert right > 0.9


@pytest.mark.parametrize("margin", [0.0, -1.0, np.nan, np.inf])
def test_a_margin_that_bounds_nothing_is_refused(margin: float) -> None:
    with pytest.raises(BadInput, match=r"margin=.*: must be above 0"):
        equivalence([1.0, 2.0], margin)


def test_the_examples_run() -> None:
    assert doctest.testmod(module).failed == 0
