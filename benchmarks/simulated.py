"""Runs on a surrogate task, and what their candidates are worth when the luck of the draws is taken away.

A strategy sees outcomes of items that are drawn; the surrogate's report split knows what they were drawn
around. `true_share` is what `suite judge` makes of a run: the candidates on its front, by the losses that
the search saw, are measured again, here without any noise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite import harness, pareto
from suite.commands import assemble, compose
from suite.journal import Journal
from suite.objective import Objective
from suite.problems import tabular
from suite.task import Task
from suite.trial import Trial
from suite.zoo import surrogate as zoo

Array = NDArray[np.float64]
Row = dict[str, Any]
FIRST_SEED = 1000  # none of a journal's, so that no run repeats candidates that were fitted


class World:
    """What a surrogate expects of candidates: ``expected(X)`` of every item, ``losses(X)`` of all.

    Parameters
    ----------
    task : str
        A task of models that has a surrogate, such as ``ja_math_micro``.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        self.surrogate = tabular.read(zoo.shipped(task))
        config = compose.compose([f"task={task}_tabular"])
        self.objectives = [Objective(**each) for each in config["task"]["objectives"].values()]
        self._ends = np.cumsum([*self.surrogate.sizes.values()])[:-1]

    @property
    def space(self) -> Any:
        """The surrogate's search space."""
        return self.surrogate.space

    def scores(self, X: Array) -> Array:
        """Expected scores (n, m), in [0, 1], of candidates `X` (n, d): means over all items."""
        items = np.split(self.surrogate.expected(X), self._ends, axis=1)
        return np.array([each.mean(axis=1) for each in items]).T

    def losses(self, X: Array) -> Array:
        """Expected losses (n, m) of candidates `X` (n, d) in the unit cube."""
        ideal, reference = (
            np.array([getattr(objective, end) for objective in self.objectives])
            for end in ("ideal", "reference")
        )
        found: Array = (ideal - self.scores(X)) / (ideal - reference)
        return found

    def true_share(self, X: Array, F: Array) -> float:
        """Hypervolume of the expected losses of those `X` (n, d) whose seen losses `F` (n, m) are a front."""
        return pareto.hypervolume(self.losses(X[pareto.front(F)]))


def configuration(task: str, strategy: str, words: Sequence[str] = ()) -> dict[str, Any]:
    """The configuration of runs of `strategy` on the surrogate of `task`."""
    return compose.compose([f"task={task}_tabular", f"optimizer={strategy}", *words])


def search(made: Task, config: Mapping[str, Any], seed: int, trials: int) -> list[Trial]:
    """The trials of one run of `config` with `seed` on `made`, through the whole harness."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "trials.jsonl")
        optimizer = assemble.optimizer({**config, "seed": seed}, made)
        return harness.search(made, optimizer, journal, trials)


def candidates(trials: Sequence[Trial]) -> Array:
    """What was asked for, (n, d)."""
    return np.array([trial.x for trial in trials])


def losses(trials: Sequence[Trial]) -> Array:
    """What the strategy was told, (n, m)."""
    m = max(len(trial.losses) for trial in trials)
    return np.array([harness.told_losses(trial, m) for trial in trials])


def medians(values: Array) -> Row:
    """Median and range of runs' hypervolumes."""
    return {
        "median": float(np.median(values)),
        "least": float(values.min()),
        "most": float(values.max()),
    }
