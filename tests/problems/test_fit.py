"""The fit on planted outcomes: it finds what is there, and tests itself on runs it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.problems import fit, tabular
from suite.problems.outcomes import Field, Levels
from suite.problems.tabular import Surrogate
from suite.spaces.space import Parameter

Made = tuple[fit.Trials, np.ndarray, Surrogate, dict[str, Any]]
SIZES = {"a.em": 30, "b.rouge": 10}
D, RUN = 4, 150


def planted(length: float = 0.05) -> tuple[fit.Trials, np.ndarray]:
    """Trials of two strategies with three seeds each, and their true expected outcomes."""
    random = np.random.default_rng(0)
    X = random.random((6 * RUN, D))
    for row in range(0, len(X), 2):  # every second candidate lies near the one before
        X[row + 1] = np.clip(X[row] + random.normal(0, 0.08, D), 0, 1)
    slopes, offsets = random.normal(0, 3, (D, 40)), random.normal(0, 1, 40)
    expected = 1 / (1 + np.exp(-((X - 0.5) @ slopes + offsets)))
    levels = Levels(np.tile([0.0, 1.0], (40, 1)), np.ones((40, 2)))
    field = Field(D, 40, length, np.random.default_rng(9))(X)
    Y = np.array([levels.drawn(*row) for row in zip(expected, field, strict=True)])
    runs = np.repeat([f"{s}/seed={k}" for s in ("one", "two") for k in (3, 5, 8)], RUN)
    tokens = np.stack([10 + X[:, 0], 5 - 2 * X[:, 1]], axis=1)
    seconds = 0.01 * (tokens @ [30, 10])
    folds = np.array([int(run.rpartition("=")[2]) for run in runs])
    return fit.Trials(X, Y, SIZES, ["a", "b"], tokens, seconds, runs, folds), expected


@pytest.fixture(scope="module")
def made() -> Made:
    trials, expected = planted()
    fields = fit.fields("planted", [Parameter(f"x{i}") for i in range(D)], trials)
    return trials, expected, Surrogate(fields), fields


def test_held_out_runs_are_predicted(made: Made) -> None:
    trials, expected, surrogate, _ = made
    predicted = fit.held_out(surrogate, trials)
    error = np.abs(predicted - expected).mean()
    assert error < 0.5 * np.abs(trials.Y.mean(axis=0) - expected).mean()
    assert surrogate.task == "planted" and surrogate.sizes == SIZES
    assert surrogate.folds == [3, 5, 8] and len(surrogate.runs) == 6


def test_each_fold_is_predicted_by_the_network_that_never_saw_it(made: Made) -> None:
    trials, _, surrogate, _ = made
    own = trials.folds == 5
    layers = fit.network(trials.part(~own), seed=5)
    alone = surrogate.with_networks([layers]).expected(trials.X[own])
    assert np.allclose(
        fit.held_out(surrogate, trials)[own], alone, atol=5e-3
    )  # weights are rounded
    later = trials.part(own)
    later = fit.Trials(**{**later.__dict__, "folds": np.full(own.sum(), 99)})
    assert np.allclose(fit.held_out(surrogate, later), surrogate.expected(later.X))


def test_costs_are_recovered(made: Made) -> None:
    trials, _, surrogate, _ = made
    assert np.allclose(surrogate.tokens(trials.X), trials.tokens, atol=1e-4)
    assert surrogate.seconds_per_token == pytest.approx(0.01)


@pytest.mark.parametrize("length", [0.1, 0.4])
def test_the_length_is_found(length: float) -> None:
    trials, expected = planted(length)
    levels = Levels(*fit.levels(trials.Y))
    assert fit.length(trials, expected, levels) == pytest.approx(length, rel=0.35)


def test_levels_are_an_items_outcomes() -> None:
    values, counts = fit.levels(np.array([[0.0, 1.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 0.25]]))
    assert values.tolist() == [[0, 1, 1, 1], [0, 1, 1, 1], [0, 0.25, 0.5, 1]]
    assert counts.tolist() == [[3.5, 0.5, 0, 0], [1.5, 2.5, 0, 0], [0.5, 1, 2, 0.5]]


def test_pairs_are_of_one_run_and_near(made: Made) -> None:
    trials = made[0]
    first, second = fit.near_pairs(trials)
    assert len(first) > 1000 and (trials.runs[first] == trials.runs[second]).all()
    distance = np.linalg.norm(trials.X[first] - trials.X[second], axis=1)
    assert distance.min() > 0 and distance.max() <= fit.FURTHEST


def test_the_file_is_read_without_pickles(made: Made, tmp_path: Path) -> None:
    trials, _, surrogate, fields = made
    np.savez_compressed(tmp_path / "file.npz", **fields)
    again = tabular.read(tmp_path / "file.npz")
    assert np.array_equal(again.expected(trials.X), surrogate.expected(trials.X))
