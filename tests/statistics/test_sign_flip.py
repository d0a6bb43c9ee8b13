"""The sign-flip test against enumeration, scipy and its own mirror image."""

from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from suite.errors import BadInput
from suite.statistics import sign_flip as module
from suite.statistics.sign_flip import shift_interval, sign_flip

WHOLE = st.lists(st.integers(-6, 6).map(float), min_size=2, max_size=9)
FLOATS = st.lists(st.floats(-1, 1).map(lambda v: round(v, 6)), min_size=2, max_size=9)


def enumerated(d: list[float], alternative: str) -> float:
    """Every choice of signs written out, in whole millionths so that nothing is rounded."""
    whole = [round(v * 1_000_000) for v in d]
    sums = [
        sum(s * v for s, v in zip(signs, whole, strict=True))
        for signs in itertools.product((1, -1), repeat=len(whole))
    ]
    if alternative == "greater":
        return sum(s >= sum(whole) for s in sums) / len(sums)
    return sum(abs(s) >= abs(sum(whole)) for s in sums) / len(sums)


@settings(max_examples=60, deadline=None)
@given(st.one_of(WHOLE, FLOATS), st.sampled_from(["two-sided", "greater"]))
def test_it_is_the_share_of_all_signs(d: list[float], alternative: str) -> None:
    assert sign_flip(d, alternative) == pytest.approx(enumerated(d, alternative), abs=1e-15)  # type: ignore[arg-type]


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_it_is_scipys_where_that_is_exact(alternative: str) -> None:
    d = np.random.default_rng(0).normal(0.4, 1, 12)
    expected = scipy_stats.permutation_test(
        (d,),
        lambda v, axis: np.sum(v, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        alternative=alternative,
    ).pvalue
    assert sign_flip(d, alternative) == pytest.approx(expected, rel=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("d", [[], [0.0], [0.0, 0.0, 0.0], [0.3], [0.3, 0.0], [1.0, -1.0]])
def test_where_nothing_can_be_told_p_is_one(d: list[float]) -> None:
    assert sign_flip(d) == 1.0


@settings(max_examples=30, deadline=None)
@given(WHOLE)
def test_zeros_scale_order_and_mirror_change_nothing(d: list[float]) -> None:
    p = sign_flip(d)
    assert sign_flip([0.0, *d, 0.0]) == p
    assert sign_flip([-v / 3 for v in reversed(d)]) == p


def test_sums_that_rounding_alone_sets_apart_are_ties() -> None:
    tenths = [0.1, 0.2, -0.3, 0.1, 0.1, 0.2, -0.1, 0.3]  # 0.1 + 0.2 is not 0.3 in floating point
    assert sign_flip(tenths) == sign_flip([round(10 * v) for v in tenths])
    assert sign_flip(tenths) == enumerated(tenths, "two-sided")


@pytest.mark.parametrize("mean", [0.0, 0.15, 0.35])
def test_the_grid_is_never_below_the_exact_p_and_close(mean: float) -> None:
    d = np.random.default_rng(5).normal(mean, 1, 32)
    sizes, total = np.abs(d), float(abs(d.sum()))
    exact, grid = module._counted(sizes, total), module._on_grid(sizes, total)
    assert exact <= grid <= exact + 1e-4
    assert module._on_grid(sizes, -total) >= module._counted(sizes, -total)


def test_many_pairs_agree_with_a_sampled_p() -> None:
    d = np.random.default_rng(2).normal(0.2, 1, 80)
    signs = np.random.default_rng(3).choice([-1.0, 1.0], (40_000, 80))
    reached = int((np.abs(signs @ d) >= abs(d.sum())).sum())
    low, high = scipy_stats.binomtest(reached, 40_000).proportion_ci(0.999)
    assert low <= sign_flip(d) <= high


@pytest.mark.parametrize("mean", [0.0, 0.15, 0.35])
def test_the_approximation_for_items_is_near_the_exact_p_of_few_pairs(mean: float) -> None:
    d = np.random.default_rng(5).normal(mean, 1, 36)
    sizes, total = np.abs(d), float(abs(d.sum()))
    assert module._saddlepoint(sizes, total) == pytest.approx(
        module._counted(sizes, total), rel=0.02
    )
    assert module._saddlepoint(sizes, -total) == pytest.approx(
        module._counted(sizes, -total), rel=0.02
    )


def test_at_many_pairs_grid_and_approximation_meet() -> None:
    d = np.random.default_rng(7).normal(0.13, 1, module.MANY)
    sizes, total = np.abs(d), float(abs(d.sum()))
    assert module._saddlepoint(sizes, total) <= module._on_grid(sizes, total)
    assert module._saddlepoint(sizes, total) == pytest.approx(
        module._on_grid(sizes, total), rel=0.01
    )
    assert module._saddlepoint(sizes, sizes.sum()) == 0.5**module.MANY
    assert module._saddlepoint(sizes, 0.0) == 0.5


def test_under_the_null_every_level_is_kept() -> None:
    """Of all signs of fixed sizes, the share with a p of α or less is α at most: that is exactness."""
    sizes = np.array([1.0, 1.0, 2.0, 3.5, 5.0, 8.0, 8.0, 13.0])
    p = np.array([sign_flip(sizes * s) for s in itertools.product((1, -1), repeat=8)])
    for alpha in (0.01, 0.05, 0.2, 0.5):
        assert (p <= alpha).mean() <= alpha
    assert (p <= 0.05).mean() > 0.03


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=6, max_size=8))
def test_the_interval_holds_the_shifts_that_are_kept(values: list[float]) -> None:
    d = np.array(values)
    low, high = shift_interval(d, 0 * d)
    slack = 3e-4 * float(np.ptp(d)) + 1e-9
    assert low <= d.mean() <= high
    for shift in np.linspace(d.min() - 0.1, d.max() + 0.1, 13):
        if low + slack < shift < high - slack:
            assert sign_flip(d - shift) >= 0.05
        if shift < low - slack or shift > high + slack:
            assert sign_flip(d - shift) < 0.05


def test_the_ends_are_order_statistics_of_subset_means() -> None:
    """Hartigan (1969): a shift is kept as long as enough means of subsets lie on either side."""
    d = np.random.default_rng(7).normal(1, 1, 8)
    means = sorted(
        float(np.mean(subset)) for k in range(1, 9) for subset in itertools.combinations(d, k)
    )
    # 2 · (1 + means at or below the shift) / 256 < 0.05: five means may lie there, not six.
    low, high = shift_interval(d, 0 * d)
    assert low == pytest.approx(means[5], abs=1e-3)
    assert high == pytest.approx(means[-6], abs=1e-3)


def test_too_few_pairs_bound_nothing() -> None:
    assert shift_interval([1, 2, 3, 4, 5], [0, 0, 0, 0, 0]) == (-np.inf, np.inf)


@pytest.mark.parametrize("bad", [[np.nan], [np.inf, 1.0], [[1.0, 2.0]], 3.0])
def test_what_is_no_row_of_numbers_is_refused(bad: object) -> None:
    with pytest.raises(BadInput, match="one row, all finite"):
        sign_flip(bad)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="same number"):
        shift_interval([1.0, 2.0], [1.0])


def test_the_examples_run() -> None:
    assert doctest.testmod(module).failed == 0
