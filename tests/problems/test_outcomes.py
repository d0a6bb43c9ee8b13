"""Draws have the means, levels and correlations that they claim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kstest

from suite.problems.outcomes import Field, Levels

GRADED = (
    np.array([[0.0, 0.25, 0.6, 1.0], [0.0, 1.0, 1.0, 1.0]]),
    np.array([[3, 5, 1, 2.0], [9, 1, 0, 0]]),
)


@pytest.mark.parametrize("distance", [0.05, 0.3, 0.8, 2.0])
def test_a_field_has_materns_correlation(distance: float) -> None:
    field = Field(24, 20_000, 0.5, np.random.default_rng(0))
    step = np.random.default_rng(1).standard_normal(24)
    start = np.full(24, 0.5)
    values = field(np.array([start, start + distance * step / np.linalg.norm(step)]))
    wanted = (1 + 3**0.5 * distance / 0.5) * np.exp(-(3**0.5) * distance / 0.5)
    assert np.corrcoef(values)[0, 1] == pytest.approx(wanted, abs=0.06)


def test_a_field_is_standard_normal_and_its_own() -> None:
    first, same, other = (
        Field(5, 3000, 0.4, np.random.default_rng(seed))(np.full((1, 5), 0.3))[0]
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, same) and not np.array_equal(first, other)
    assert kstest(first, "norm").pvalue > 0.01
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.06


@pytest.mark.parametrize("expected", [0.0, 0.013, 0.25, 0.5, 0.77, 0.999, 1.0])
def test_outcomes_have_the_expected_mean_and_the_items_levels(expected: float) -> None:
    levels = Levels(*GRADED)
    even = ndtri((np.arange(4000) + 0.5) / 4000)
    outcomes = np.array([levels.drawn(np.full(2, expected), np.full(2, z)) for z in even])
    assert outcomes.mean(axis=0) == pytest.approx(expected, abs=5e-4)
    assert set(outcomes[:, 0]) <= {0.0, 0.25, 0.6, 1.0} and set(outcomes[:, 1]) <= {0.0, 1.0}
    assert (np.diff(outcomes, axis=0) >= 0).all()  # increasing in the field


def test_levels_follow_what_was_counted() -> None:
    values, counts = np.array([[0.0, 0.5, 1.0]]), np.array([[2.0, 6.0, 2.0]])
    even = ndtri((np.arange(5000) + 0.5) / 5000)
    outcomes = np.array(
        [Levels(values, counts).drawn(np.array([0.5]), np.array([z])) for z in even]
    )
    shares = [(outcomes == value).mean() for value in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.2, 0.6, 0.2], abs=1e-3)
