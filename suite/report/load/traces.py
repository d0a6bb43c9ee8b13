"""What a run had reached, and what it had spent, after each of its trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.records.trial import Trial
from suite.statistics import pareto

Vector = NDArray[np.float64]
AXES = {  # what a search is charged in
    "trials": "trials",
    "tokens": "generated tokens",
    "seconds": "seconds of merging and measuring",
}


@dataclass(frozen=True)
class Trace:
    """One run after 1, 2, … n trials; every vector has shape (n,), and all but one never decrease.

    `hypervolume` is that of the search losses so far, `distance` how far the nearest of them is from
    the unit box, 0 once one lies inside. `tokens` and `seconds` are sums; a failed trial
    adds its seconds, and no tokens, since nobody counted them. `failures` counts those.
    """

    optimizer: str
    seed: int
    hypervolume: Vector
    distance: Vector
    tokens: Vector
    seconds: Vector
    failures: int

    @classmethod
    def of(cls, optimizer: str, seed: int, losses: Vector, trials: Sequence[Trial]) -> Trace:
        """The trace of `trials` with search `losses` (n, m)."""
        return cls(
            optimizer=optimizer,
            seed=seed,
            hypervolume=pareto.anytime_hypervolume(losses),
            distance=pareto.box_distance(losses),
            tokens=np.cumsum([tokens(trial) for trial in trials]),
            seconds=np.cumsum([trial.seconds.get("total", 0.0) for trial in trials]),
            failures=sum(trial.status == "failed" for trial in trials),
        )

    @property
    def final(self) -> float:
        """Hypervolume at the end; 0 for a run without a trial."""
        return float(self.hypervolume[-1]) if len(self.hypervolume) else 0.0

    @property
    def entered(self) -> float:
        """Trials until one lay inside the unit box of losses; infinite if none did."""
        inside = self.hypervolume > 0
        return float(np.argmax(inside)) + 1 if inside.any() else math.inf

    @property
    def outside(self) -> float:
        """The distance to the box before one entered, or at the end; NaN if the first one did."""
        before = self.distance[self.hypervolume == 0]
        return float(before[-1]) if len(before) else math.nan

    def spent(self, axis: str) -> Vector:
        """What was spent after each trial, on one of `AXES`."""
        if axis == "trials":
            return np.arange(1.0, len(self.hypervolume) + 1)
        return self.tokens if axis == "tokens" else self.seconds


def tokens(trial: Trial) -> float:
    """Tokens generated for a trial: of each ``<evaluator>.tokens``, the mean times its items."""
    return sum(
        score.value * score.n
        for metric, score in trial.scores.items()
        if metric.rpartition(".")[2] == "tokens"
    )


def axes(traces: Sequence[Trace]) -> list[str]:
    """The `AXES` on which every run that has trials spent something."""
    begun = [trace for trace in traces if len(trace.hypervolume)]
    return [axis for axis in AXES if begun and all(trace.spent(axis)[-1] > 0 for trace in begun)]
