"""What a results folder holds, as values: runs, judged models, sample answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.objective import Objective
from suite.recipes.layer_path import METHOD
from suite.records.trial import Score, Trial
from suite.report.load.reference import Reference
from suite.report.load.traces import Trace
from suite.statistics import pareto
from suite.statistics.families import Family

SEARCH, REPORT = "hypervolume", "report_hypervolume"  # measures, as the tables name them


@dataclass(frozen=True)
class Sample:
    """One question and a model's answer to it; `outcome` is the least of the item's figures.

    `evaluator` and `figures` are empty where nothing tells them; `picture` is a data URI.
    """

    prompt: str
    reply: str
    expected: str
    outcome: float
    evaluator: str = ""
    figures: tuple[tuple[str, float], ...] = ()
    picture: str | None = None


@dataclass(frozen=True)
class Judged:
    """One model measured on a split by `judge`; `losses` has shape (m,)."""

    source: str
    name: str
    number: int | None
    recipe: Mapping[str, Any]
    split: str
    scores: Mapping[str, Score]
    losses: tuple[float, ...]
    samples: tuple[Sample, ...]

    @property
    def unmerged(self) -> bool:
        """Whether this is a single model, a parent or the untouched base: exactly one input."""
        return len(self.recipe.get("inputs", ())) == 1  # paths and points have none

    @property
    def is_path(self) -> bool:
        """Whether this is a layer path (`suite.recipes.layer_path`), not a merge."""
        return bool(self.recipe["method"] == METHOD)


@dataclass(frozen=True)
class Run:
    """One optimizer with one seed.

    `reported` are its front and chosen merges on the report items, `chosen` the merge of each rule of
    `suite.statistics.choice`, `at_cost` the same as the run was after as many trials as the hand tuning tried
    merges; all three are empty while it is not judged so far. `card` tells what it ran on:
    environment.json, and the input hashes of config.yaml. `optimism` is that of choosing on half the
    search items (`suite.statistics.halves`), first objective, in its unit; NaN without item outcomes.
    """

    optimizer: str
    seed: int
    budget: int | None
    trials: tuple[Trial, ...]
    reported: tuple[Judged, ...]
    chosen: Mapping[str, Judged]
    at_cost: Mapping[str, Judged]
    card: Mapping[str, Any]
    optimism: float = math.nan

    def losses(self, m: int) -> NDArray[np.float64]:
        """Search losses (n, m) in trial order; a failed trial is a row of NaN."""
        return np.array([t.losses or (math.nan,) * m for t in self.trials]).reshape(-1, m)

    @property
    def first(self) -> Judged | None:
        """The chosen merge that is best in the first objective."""
        return next(iter(self.chosen.values()), None)


@dataclass(frozen=True)
class Stage:
    """What each rule would take home after so many `candidates` of the hand tuning; report items."""

    name: str
    candidates: int
    chosen: Mapping[str, Judged]


@dataclass(frozen=True)
class HandTuned:
    """The hand tuning of a task by rule (`suite.search.hand_tuning`): stages, and its front."""

    stages: tuple[Stage, ...]
    front: tuple[Judged, ...]

    @property
    def candidates(self) -> int:
        """How many merges it tried."""
        return self.stages[-1].candidates

    @property
    def chosen(self) -> Mapping[str, Judged]:
        """The merge of each rule among all that were tried."""
        return self.stages[-1].chosen


@dataclass(frozen=True)
class Results:
    """All runs of a task, by optimizer name and then seed, and its baselines on report items.

    `base` names the task's untouched base model; empty when its configuration has none. A `problem`
    is a task without models. `reference` is the task's frozen reference front, if it has one;
    `families` are its frozen families of comparisons, none while it has none; `tuned` is its hand
    tuning by rule, if that is done.
    """

    task: str
    objectives: tuple[Objective, ...]
    runs: tuple[Run, ...]
    baselines: tuple[Judged, ...]
    base: str = ""
    problem: bool = False
    reference: Reference | None = None
    families: tuple[Family, ...] = ()
    tuned: HandTuned | None = None

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """One per run, in the order of `runs`."""
        m = len(self.objectives)
        return tuple(Trace.of(r.optimizer, r.seed, r.losses(m), r.trials) for r in self.runs)

    def traces_of(self, optimizer: str) -> tuple[Trace, ...]:
        """Those of one optimizer's runs that have a trial, by seed."""
        return tuple(t for t in self.traces if t.optimizer == optimizer and len(t.hypervolume))

    @cached_property
    def final(self) -> dict[str, dict[int, float]]:
        """Final hypervolume on the search items, by optimizer and seed."""
        found: dict[str, dict[int, float]] = {optimizer: {} for optimizer in self.optimizers}
        for trace in self.traces:
            found[trace.optimizer][trace.seed] = trace.final
        return found

    @cached_property
    def reported(self) -> dict[str, dict[int, float]]:
        """Hypervolume of the judged merges on the report items, by optimizer and seed that has any."""
        found: dict[str, dict[int, float]] = {optimizer: {} for optimizer in self.optimizers}
        for run in self.runs:
            if run.reported:
                share = pareto.hypervolume([line.losses for line in run.reported])
                found[run.optimizer][run.seed] = share
        return found

    @property
    def measure(self) -> str:
        """What strategies are compared by: report items where runs are judged, else search items."""
        return REPORT if self.judged else SEARCH

    @property
    def primary(self) -> dict[str, dict[int, float]]:
        """The values of `measure`."""
        return self.reported if self.judged else self.final

    @property
    def judged(self) -> bool:
        """Whether some run is measured on the report items."""
        return any(run.reported for run in self.runs)

    @property
    def optimizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.optimizer for run in self.runs))

    def of(self, optimizer: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.optimizer == optimizer)
