"""Predictions of candidates that a surrogate never saw, and how far they are from what was measured.

`rows` compares by strategy and figure; `other_strategies` predicts each strategy's candidates by a network
fitted to the others' runs, and `baselines` predicts each seed's candidates from the other seeds' runs
without the shipped networks. Outcomes are arrays (candidates, items) of one figure's items after another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from suite.problems import fit, tabular

Array = NDArray[np.float64]
Row = dict[str, Any]
NEIGHBOURS = 15
SMALLEST = 1e-3  # an item is never predicted surer than this in a log loss


def rows(predicted: Array, trials: fit.Trials, kind: str) -> Iterator[Row]:
    """A row per strategy and figure of `predicted` outcomes (n, items)."""
    strategies = np.array([run.partition("/")[0] for run in trials.runs])
    for strategy in np.unique(strategies):
        chosen = strategies == strategy
        for figure, items in columns(trials):
            found = errors(predicted[chosen][:, items], trials.Y[chosen][:, items])
            ranks = [
                spearmanr(predicted[run][:, items].mean(1), trials.Y[run][:, items].mean(1))[0]
                for run in (trials.runs == name for name in np.unique(trials.runs[chosen]))
            ]
            yield {"kind": kind, "strategy": str(strategy), "figure": figure, **found} | {
                "rank": float(np.median(ranks))
            }


def errors(P: Array, Y: Array) -> Row:
    """Errors of predicted against measured outcomes (n, items) of one figure; scores in points."""
    sure = P.clip(SMALLEST, 1 - SMALLEST)
    off = 100 * (P.mean(axis=1) - Y.mean(axis=1))
    top = np.argsort(-P.mean(axis=1), kind="stable")[: max(1, len(P) // 10)]
    return {
        "rmse": float(np.sqrt((off**2).mean())),
        "bias": float(off.mean()),
        "log_loss": float(-(Y * np.log(sure) + (1 - Y) * np.log(1 - sure)).mean()),
        "top_bias": float(off[top].mean()),
        "top_rmse": float(np.sqrt((off[top] ** 2).mean())),
    }


def columns(trials: fit.Trials) -> Iterator[tuple[str, slice]]:
    first = 0
    for figure, size in trials.sizes.items():
        yield figure, slice(first, first + size)
        first += size


def other_strategies(made: tabular.Surrogate, trials: fit.Trials) -> Array:
    """Each strategy's candidates by a network fitted to those of the others, (n, items)."""
    found = np.empty_like(trials.Y)
    strategies = np.array([run.partition("/")[0] for run in trials.runs])
    for strategy in np.unique(strategies):
        layers = fit.network(trials.part(strategies != strategy), seed=0)
        chosen = strategies == strategy
        found[chosen] = made.with_networks([layers]).expected(trials.X[chosen])
    return found


def baselines(made: tabular.Surrogate, trials: fit.Trials) -> dict[str, Array]:
    """Predictions (n, items) of each candidate from the runs of the other seeds."""
    found = {name: np.empty_like(trials.Y) for name in ("item means", "nearest 15", "logistic")}
    for fold in np.unique(trials.folds):
        own, rest = trials.folds == fold, trials.part(trials.folds != fold)
        found["item means"][own] = rest.Y.mean(axis=0)
        near = np.argsort(cdist(trials.X[own], rest.X), axis=1, kind="stable")[:, :NEIGHBOURS]
        found["nearest 15"][own] = rest.Y[near].mean(axis=1)
        layers = fit.network(rest, seed=int(fold), hidden=0)
        found["logistic"][own] = made.with_networks([layers]).expected(trials.X[own])
    return found
