"""Seeds crossed with items: volumes on drawn items, and the level of the test over both."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ttest_ind

from suite.statistics import crossed, pareto
from suite.statistics.rank_sum import mann_whitney

ALPHA = 0.05


def run(rng: np.random.Generator, models: int, sizes: list[int]) -> list[crossed.Measured]:
    return [
        crossed.Measured(
            f"e{k}",
            1.0,
            0.1,
            np.empty(0),
            (rng.random((models, n)) < rng.random((models, 1))) * 1.0,
        )
        for k, n in enumerate(sizes)
    ]


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_volumes_are_those_of_the_items_drawn(seed: int, models: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    made = run(rng, models, [7, 12, 5][:m])
    drawn = crossed.counts({each.items: each.outcomes.shape[1] for each in made}, rng, 6)
    found = crossed.volumes(made, drawn)
    for r in range(6):
        columns = []
        for each in made:
            again = np.repeat(each.outcomes, drawn[each.items][r].astype(int), axis=1)
            assert again.shape == each.outcomes.shape
            columns.append((1.0 - again.mean(axis=1)) / 0.9)
        assert found[r] == pytest.approx(pareto.hypervolume(np.column_stack(columns)), abs=1e-12)


def test_a_figure_without_items_is_held_fixed() -> None:
    rng = np.random.default_rng(1)
    searched = run(rng, 4, [9])[0]
    depth = np.array([6.0, 8.0, 10.0, 20.0])
    fixed = crossed.Measured("cost", 6.0, 24.0, depth, np.empty((4, 0)))
    found = crossed.volumes([searched, fixed], crossed.counts({"e0": 9}, rng, 3))
    drawn = crossed.counts({"e0": 9}, np.random.default_rng(1), 1)["e0"]
    assert fixed.fixed
    assert not searched.fixed
    assert found.shape == (3,)
    once = crossed.volumes([searched, fixed], {"e0": np.ones_like(drawn)})
    rows = np.column_stack([(1 - searched.outcomes.mean(axis=1)) / 0.9, (6 - depth) / -18])
    assert once[0] == pytest.approx(pareto.hypervolume(rows))


def test_draws_of_one_evaluator_do_not_depend_on_the_others() -> None:
    alone, both = crossed.counts({"a": 5}), crossed.counts({"b": 8, "a": 5})
    assert (alone["a"] == both["a"]).all()
    assert alone["a"].shape == (crossed.RESAMPLES, 5)
    assert (alone["a"].sum(axis=1) == 5).all()
    assert not (crossed.counts({"a": 8})["a"] == both["b"]).all()


def test_the_error_of_items_is_that_of_the_mean_of_a_difference() -> None:
    """With one model a run and one objective, hypervolume is linear in the mean over items."""
    rng = np.random.default_rng(2)
    items = 400
    a = [crossed.Measured("e", 1, 0, np.empty(0), rng.random((1, items))) for _ in range(5)]
    b = [crossed.Measured("e", 1, 0, np.empty(0), rng.random((1, items))) for _ in range(7)]
    drawn = crossed.counts({"e": items}, resamples=4000)
    values = [[float(each.outcomes.mean()) for each in side] for side in (a, b)]
    volumes = [[crossed.volumes([each], drawn) for each in side] for side in (a, b)]
    found = crossed.difference(*values, *volumes)
    gaps = np.mean([e.outcomes[0] for e in a], axis=0) - np.mean([e.outcomes[0] for e in b], axis=0)
    assert found.sd_items == pytest.approx(gaps.std() / math.sqrt(items), rel=0.05)
    still = crossed.difference(*values, [*np.ones((5, 3))], [*np.ones((7, 3))])
    welch = ttest_ind(*values, equal_var=False)
    assert still.sd_items == 0
    assert still.difference / still.sd_seeds == pytest.approx(welch.statistic)
    assert found.low < found.difference < found.high
    assert found.p > still.p


def test_one_seed_has_no_error_over_seeds() -> None:
    found = crossed.difference([0.5], [0.3, 0.4], [[0.5, 0.6]], [[0.3, 0.3], [0.4, 0.4]])
    assert math.isnan(found.p)
    assert math.isnan(found.sd_seeds)
    assert found.sd_items > 0


def judged(
    rng: np.random.Generator, shift: float, seeds: int = 8, items: int = 60
) -> tuple[list[list[float]], list[list[np.ndarray]]]:
    """Two strategies; which items either of them solves is the strategy's, not the seed's."""
    drawn = crossed.counts({"e": items}, resamples=100)
    values, volumes = [], []
    for gain in (shift, 0.0):
        chance = np.clip(rng.beta(1, 1, items) + gain, 0, 1)
        sides = [
            crossed.Measured("e", 1, 0, np.empty(0), (rng.random((1, items)) < chance) * 1.0)
            for _ in range(seeds)
        ]
        values.append([float(side.outcomes.mean()) for side in sides])
        volumes.append([crossed.volumes([side], drawn) for side in sides])
    return values, volumes


def test_a_test_over_seeds_alone_takes_items_for_strategies_and_this_one_does_not() -> None:
    rng = np.random.default_rng(3)
    naive = held = 0
    for _ in range(300):
        values, volumes = judged(rng, 0.0)
        naive += mann_whitney(*values) < ALPHA
        held += crossed.difference(*values, *volumes).p < ALPHA
    assert naive > 2 * binom.ppf(0.999, 300, ALPHA)
    assert 1 <= held <= binom.ppf(0.999, 300, ALPHA)


def test_a_planted_winner_is_found_over_seeds_and_items() -> None:
    rng = np.random.default_rng(4)
    found = []
    for _ in range(100):
        values, volumes = judged(rng, 0.25)
        each = crossed.difference(*values, *volumes)
        found.append(each.p < ALPHA and each.difference > 0)
    assert np.mean(found) > 0.8
