"""Optimism from split halves against simulated candidates whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suite.statistics.halves import optimism


def test_it_is_the_mean_over_splits_of_chosen_minus_other_half() -> None:
    table = np.random.default_rng(1).random((7, 9))
    rng = np.random.default_rng(2)
    gains = []
    for _ in range(300):
        order = np.argsort(rng.random(9))
        for a, b in ((order[:4], order[4:]), (order[4:], order[:4])):
            best = table[:, a].mean(axis=1).argmax()
            gains.append(table[best, a].mean() - table[best, b].mean())
    found = optimism(table, np.random.default_rng(3), splits=4000)
    assert found == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / math.sqrt(600))


def simulated(
    rng: np.random.Generator, items: int, spread: float, candidates: int = 100
) -> tuple[float, float]:
    """Split-half optimism on `items`, and the true one of choosing on all of them."""
    truth = np.clip(rng.normal(0.4, spread, candidates), 0.02, 0.98)
    ease = rng.random(items) - 0.5  # the same items are hard for all
    chance = np.clip(truth[:, None] + 0.3 * ease, 0, 1)
    table = (rng.random((candidates, items)) < chance).astype(float)
    best = table.mean(axis=1).argmax()
    return optimism(table, splits=50), float(table[best].mean() - chance[best].mean())


def test_over_all_items_it_is_between_a_half_and_one_by_the_root_of_two() -> None:
    rng = np.random.default_rng(4)
    equal = np.mean([simulated(rng, 200, 0.0) for _ in range(120)], axis=0)
    assert equal[1] / equal[0] == pytest.approx(1 / math.sqrt(2), abs=0.05)
    apart = np.mean([simulated(rng, 200, 0.1) for _ in range(250)], axis=0)
    assert 0.4 < apart[1] / apart[0] < 0.72
    assert apart[0] < equal[0]


def test_half_of_it_chosen_and_measured_anew_agrees() -> None:
    """On n items the figure is what the best on n/2 of them loses on fresh ones."""
    rng = np.random.default_rng(6)
    halves = np.mean([simulated(rng, 200, 0.03)[0] for _ in range(120)])
    truth = np.mean([simulated(rng, 100, 0.03)[1] for _ in range(400)])
    assert halves == pytest.approx(truth, rel=0.08)


def test_one_candidate_or_equal_ones_are_not_optimistic() -> None:
    assert optimism([[1.0, 0, 1, 0, 1]]) == pytest.approx(0, abs=1e-12)
    assert optimism([[1.0, 0, 1, 0]] * 5) == pytest.approx(0, abs=1e-12)
    assert math.isnan(optimism(np.empty((0, 4))))
    assert math.isnan(optimism([[1.0]]))
