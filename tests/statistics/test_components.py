"""Variance components: the estimators' expectations, and which mistakes the two tests of a mean make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from scipy import stats

from suite.statistics import hierarchy


def differences(sds: tuple[float, float, float], shape: tuple[int, int, int]) -> np.ndarray:
    """Samples (n, draws, seeds) of the layout with these standard deviations and mean 0."""
    random = np.random.default_rng(0)
    n, k, s = shape
    draws, seeds, rest = sds
    return (
        draws * random.standard_normal((n, k, 1))
        + seeds * random.standard_normal((n, 1, s))
        + rest * random.standard_normal((n, k, s))
    )


def test_estimates_are_unbiased() -> None:
    found = [hierarchy.components(d) for d in differences((2.0, 1.0, 0.5), (3000, 6, 4))]
    assert np.allclose(np.mean(found, axis=0), [4.0, 1.0, 0.25], rtol=0.08)


def test_of_one_way_data_they_are_the_f_test_of_the_draws() -> None:
    d = differences((1.0, 0.0, 1.0), (1, 7, 5))[0]
    found = hierarchy.components(d - d.mean(axis=0) + d.mean())  # no seed effect is left
    within = stats.f_oneway(*(d - d.mean(axis=0))).statistic
    ratio = (5 * found.draws + found.rest) / found.rest
    assert ratio == pytest.approx(within * (7 - 1) * (5 - 1) / (7 * (5 - 1)))


@given(shift=strategies.floats(-5, 5), scale=strategies.floats(0.1, 10))
def test_they_ignore_the_mean_and_scale_with_the_square(shift: float, scale: float) -> None:
    d = differences((1.0, 1.0, 1.0), (1, 4, 3))[0]
    assert np.allclose(hierarchy.components(shift + scale * d),
                       scale**2 * np.array(hierarchy.components(d)))  # fmt: skip


def test_random_draws_is_the_t_test_of_their_means() -> None:
    d = differences((1.0, 1.0, 1.0), (1, 8, 5))[0] + 0.7
    expected = stats.ttest_1samp(d.mean(axis=1), 0.0)
    assert hierarchy.random_draws(d)[1] == pytest.approx(expected.pvalue)


def test_draws_taken_as_fixed_find_differences_that_are_none() -> None:
    samples = differences((1.0, 0.0, 0.5), (400, 12, 5))
    wrong = {
        name: np.mean([getattr(hierarchy, name)(d)[1] < 0.05 for d in samples])
        for name in ("random_draws", "fixed_draws")
    }
    assert 0.03 < wrong["random_draws"] < 0.075
    assert wrong["fixed_draws"] > 0.5
