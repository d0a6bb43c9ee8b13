"""Differences over runs and items: against formulas, and as often wrong as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from suite.statistics.crossed import contrast, item_weights


def test_without_items_it_is_welchs_standard_error_with_the_smaller_groups_freedom() -> None:
    a, b = np.array([0.3, 0.5, 0.6, 0.2]), np.array([0.1, 0.2, 0.15])
    found = contrast(a, b, np.empty((0, 4)), np.empty((0, 3)))
    error = np.sqrt(a.var(ddof=1) / 4 + b.var(ddof=1) / 3)
    t = (a.mean() - b.mean()) / error
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(abs(t), 2))
    assert found.high - found.difference == pytest.approx(scipy_stats.t.ppf(0.975, 2) * error)
    assert found.error_items == 0


def test_one_run_against_a_fixed_model_is_the_standard_error_of_a_paired_mean() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, (2, 500)).astype(float)
    weights = item_weights(500, rng, 20_000)
    found = contrast([a.mean()], [b.mean()], (weights @ a)[:, None], (weights @ b)[:, None])
    assert found.error_items == pytest.approx((a - b).std() / np.sqrt(500), rel=0.03)
    assert found.error_seeds == 0
    assert found.p == pytest.approx(
        2 * scipy_stats.norm.sf(abs(found.difference) / found.error_items)
    )


def world(rng: np.random.Generator, seeds: int, items: int, shift: float) -> np.ndarray:
    """Right answers (2 strategies, seeds, items): each strategy has items of its own that suit it."""
    ease = rng.normal(0, 1, (2, 1, items)) + rng.normal(0, 1, (1, 1, items))
    skill = rng.normal(0, 0.1, (2, seeds, 1)) + np.array([shift, 0.0])[:, None, None]
    return (skill + ease + rng.normal(0, 1, (2, seeds, items)) > 0).astype(float)


def p_of(answers: np.ndarray, rng: np.random.Generator, over_items: bool = True) -> float:
    n = answers.shape[-1]
    weights = item_weights(n, rng, 200 if over_items else 0)
    a, b = answers
    return contrast(a.mean(axis=1), b.mean(axis=1), weights @ a.T, weights @ b.T).p


def test_equal_strategies_are_told_apart_no_more_often_than_said_and_seeds_alone_would() -> None:
    """A/A with items drawn anew each time: what suits a strategy by luck is not its merit."""
    rng = np.random.default_rng(2)
    worlds = [world(rng, 8, 150, 0.0) for _ in range(300)]
    both = np.mean([p_of(each, rng) < 0.05 for each in worlds])
    seeds = np.mean([p_of(each, rng, over_items=False) < 0.05 for each in worlds])
    assert both <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert seeds > 0.15


def test_a_planted_winner_is_found() -> None:
    rng = np.random.default_rng(3)
    found = [p_of(world(rng, 8, 300, 0.6), rng) < 0.05 for _ in range(60)]
    assert np.mean(found) > 0.8


def test_equal_values_are_no_difference_and_exact_ones_a_sure_one() -> None:
    empty = np.empty((0, 2))
    assert contrast([0.2, 0.2], [0.2, 0.2], empty, empty).p == 1.0
    assert contrast([0.3, 0.3], [0.2, 0.2], empty, empty).p == 0.0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        contrast([], [1.0], np.empty((0, 0)), np.empty((0, 1)))
    with pytest.raises(ValueError, match="drawn values"):
        contrast([1.0], [1.0], np.empty((3, 2)), np.empty((3, 1)))
