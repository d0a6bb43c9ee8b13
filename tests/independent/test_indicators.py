"""Hypervolumes by inclusion and exclusion in rational numbers, and indicators worked by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.independent import choices, indicators, published


@pytest.mark.parametrize("m", [2, 3])
def test_hypervolume_is_that_of_inclusion_and_exclusion(m: int) -> None:
    rng = np.random.default_rng(m)
    for _ in range(25):
        tenths = rng.integers(-2, 13, (7, m))
        exact = indicators.exact_hypervolume([[Fraction(int(v), 10) for v in r] for r in tenths])
        assert indicators.hypervolume(tenths / 10) == pytest.approx(float(exact), abs=1e-12)
    assert indicators.hypervolume(np.zeros((1, m))) == 1.0
    assert indicators.hypervolume(np.full((2, m), np.nan)) == 0.0


def test_anytime_is_the_hypervolume_of_every_beginning() -> None:
    losses = np.random.default_rng(1).random((30, 3)) * 1.2
    losses[4] = np.nan
    curve = [indicators.hypervolume(losses[: k + 1]) for k in range(30)]
    assert indicators.anytime(losses) == pytest.approx(curve)
    assert indicators.reached(np.array([0, 0.2, 0.2, 0.5]), 0.5) == 4
    assert indicators.reached(np.array([0, 0.2]), 0.5) == np.inf


def test_front_keeps_equals_and_leaves_out_failures() -> None:
    losses = np.array([[1, 2], [2, 1], [2, 2], [1, 2], [np.nan, np.nan]])
    assert indicators.front(losses) == [0, 1, 3]


def test_distances_by_hand() -> None:
    reference, found = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.3, 1.4], [0.5, 0.5]])
    # to (0, 1): max(.3, 0), max(.4, 0) is .5, and (.5, 0) is .5; to (1, 0): (0, .5) is .5
    assert indicators.igd_plus(found, reference) == pytest.approx(0.5)
    assert indicators.epsilon(found, reference) == pytest.approx(0.5)
    assert published.outside(np.array([[1.3, 1.4], [1.1, 0.2], [0.5, 0.5]]), 3) == pytest.approx(
        0.1
    )


def test_attainment_surfaces_by_hand() -> None:
    runs = [np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([[0.4, 0.6]])]
    assert published.surface(runs, 1) == {(0.2, 0.8), (0.4, 0.6), (0.6, 0.4)}
    assert published.surface(runs, 2) == {(0.4, 0.8), (0.6, 0.6)}


def test_three_rules_choose_by_hand() -> None:
    losses = {3: [0.1, 0.9], 5: [0.1, 0.8], 7: [0.3, 0.3], 9: [0.8, 0.1], 11: [0.4, 0.2]}
    found = choices.choose(losses, ["a", "b"])
    assert found == {"best a": 5, "best b": 9, "knee": 7, "utility": 7}
    flat = {1: [0.0, 0.3], 2: [0.5, 0.1], 4: [0.2, 0.28]}  # the third is above the line: no knee
    assert choices.choose(flat, ["a", "b"])["knee"] == 1
    early = np.array([[0.5, 0.5], [0.1, 0.9], [0.6, 0.6], [0.6, 0.5]])
    assert choices.candidates(early, best=2) == [0, 1, 3]
