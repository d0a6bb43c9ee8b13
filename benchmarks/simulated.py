"""Runs on a surrogate task, and what their candidates are worth when the luck of the draws is taken away.

A strategy sees outcomes of items that are drawn; the surrogate's report split knows what they were drawn
around. `true_share` is what `suite judge` makes of a run: the candidates on its front, by the losses that
the search saw, are measured again, here without any noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.assembly import assemble, compose
from suite.assembly.spec import RunSpec
from suite.problems import tabular
from suite.records.journal import Journal
from suite.records.penalty import penalised_losses
from suite.records.trial import Trial
from suite.search import harness
from suite.search.task import Task
from suite.statistics import pareto
from zoo import surrogate as zoo

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
        self.objectives = compose.compose([f"task={task}_tabular"]).task.objectives
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

    def item_weights(self) -> Array:
        """Of each score, the weight (m, items) of every item in it: scores are ``expected @ weights.T``."""
        sizes = [*self.surrogate.sizes.values()]
        return np.repeat(np.diag([1 / size for size in sizes]), sizes, axis=1)

    def loss_slopes(self, X: Array) -> Array:
        """Gradients (n, m, d) of the expected losses at `X` (n, d)."""
        found = [self.surrogate.weighed(X, weights)[1] for weights in self.item_weights()]
        scale = [o.reference - o.ideal for o in self.objectives]
        return np.asarray(np.stack(found, axis=1) / np.array(scale)[:, None])

    def weighed_loss(self, X: Array, weights: Array) -> tuple[Array, Array]:
        """The expected losses weighed by `weights` (m,): values (n,) and gradients (n, d) at `X` (n, d)."""
        scale = weights / [o.ideal - o.reference for o in self.objectives]
        at_ideal = float(scale @ [o.ideal for o in self.objectives])
        values, slopes = self.surrogate.weighed(X, scale @ self.item_weights())
        return at_ideal - values, -slopes

    def true_share(self, X: Array, F: Array) -> float:
        """Hypervolume of the expected losses of those `X` (n, d) whose seen losses `F` (n, m) are a front."""
        return pareto.hypervolume(self.losses(X[pareto.front(F)]))


def configuration(task: str, strategy: str, words: Sequence[str] = ()) -> RunSpec:
    """The configuration of runs of `strategy` on the surrogate of `task`."""
    return compose.compose([f"task={task}_tabular", f"optimizer={strategy}", *words])


class Unkept(Journal):
    """A journal that keeps nothing: half of a short simulated trial is writing it safely to a disk."""

    def __init__(self) -> None:
        super().__init__(Path("unkept"))

    def read(self) -> list[Trial]:
        """Nothing to resume."""
        return []

    def append(self, record: Trial) -> None:
        """The search itself returns the trials."""


def search(made: Task, run: RunSpec, seed: int, trials: int) -> list[Trial]:
    """The trials of one run of `run` with `seed` on `made`, through the whole harness."""
    optimizer = assemble.optimizer(run.changed(seed=seed), made)
    return harness.search(made, optimizer, Unkept(), trials)


def candidates(trials: Sequence[Trial]) -> Array:
    """What was asked for, (n, d)."""
    return np.array([trial.x for trial in trials])


def losses(trials: Sequence[Trial]) -> Array:
    """What the strategy was told, (n, m)."""
    m = max(len(trial.losses) for trial in trials)
    return np.array([penalised_losses(trial, m) for trial in trials])


def medians(values: Array) -> Row:
    """Median and range of runs' hypervolumes."""
    return {
        "median": float(np.median(values)),
        "least": float(values.min()),
        "most": float(values.max()),
    }
