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
    """One question and a model's answer to it.

    Attributes
    ----------
    prompt, reply, expected : str
        The question as it was asked, the answer, and what was expected.
    outcome : float
        The least of the item's figures, in the evaluator's unit; shares lie in [0, 1].
    evaluator : str
        Whose item it is; empty where nothing tells it.
    figures : tuple of (str, float)
        The item's figures by name; empty where nothing tells them.
    picture : str or None
        A data URI.
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
    """One model measured on a split by `suite judge` or `suite tune`.

    Attributes
    ----------
    source : str
        What it is: a trial, a baseline, a candidate of the hand tuning.
    name : str
        Its name in the journal of judged models.
    number : int or None
        Of its trial or candidate; None for a baseline.
    recipe : mapping of str to object
        As journaled.
    split : {"search", "select", "report"}
    scores : mapping of str to Score
        By metric, in natural units.
    losses : tuple of float, shape (m,)
    samples : tuple of Sample
        Its answers to some items.
    """

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

    Attributes
    ----------
    optimizer : str
    seed : int
    budget : int or None
        Trials that it was to have; None where its configuration does not say.
    trials : tuple of Trial
        In order, without the outcomes of items.
    reported : tuple of Judged
        Its front and chosen merges on the report items; empty while it is not judged.
    chosen : mapping of str to Judged
        The merge of each rule of `suite.statistics.choice`, on the report items; empty while it is not
        judged.
    at_cost : mapping of str to Judged
        The same as the run was after as many trials as the hand tuning tried merges.
    card : mapping of str to object
        What it ran on: environment.json, and the input hashes of config.yaml.
    optimism : float
        That of choosing on half the search items (`suite.statistics.halves`), first objective, in its
        unit; NaN without item outcomes.
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
        """Collect the search losses of `m` objectives.

        Parameters
        ----------
        m : int
            Number of objectives.

        Returns
        -------
        ndarray, shape (n, m)
            In trial order; a failed trial is a row of NaN.
        """
        return np.array([t.losses or (math.nan,) * m for t in self.trials]).reshape(-1, m)

    def front(self, m: int) -> list[Trial]:
        """List the trials of the front on search items.

        Parameters
        ----------
        m : int
            Number of objectives.

        Returns
        -------
        list of Trial
            In trial order.
        """
        return [self.trials[index] for index in pareto.front(self.losses(m))]

    @property
    def first(self) -> Judged | None:
        """The chosen merge that is best in the first objective."""
        return next(iter(self.chosen.values()), None)


@dataclass(frozen=True)
class Stage:
    """What each rule would take home after so many candidates of the hand tuning.

    Attributes
    ----------
    name : str
    candidates : int
        Merges tried by then.
    chosen : mapping of str to Judged
        By rule, on the report items.
    """

    name: str
    candidates: int
    chosen: Mapping[str, Judged]


@dataclass(frozen=True)
class HandTuned:
    """The hand tuning of a task by rule (`suite.search.hand_tuning`).

    Attributes
    ----------
    stages : tuple of Stage
        One or more, each with all candidates of those before it.
    front : tuple of Judged
        Its front on the select items, as measured on the report items.
    """

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
    """All runs of a task, and its baselines.

    Attributes
    ----------
    task : str
    objectives : tuple of Objective
        In the order of the losses.
    runs : tuple of Run
        By optimizer name and then seed.
    baselines : tuple of Judged
        On the report items.
    base : str
        The task's untouched base model; empty when its configuration has none.
    problem : bool
        Whether the task is one without models.
    reference : Reference or None
        Its frozen reference front.
    families : tuple of Family
        Its frozen families of comparisons; empty while it has none.
    tuned : HandTuned or None
        Its hand tuning by rule, if that is done.
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
        """List the traces of one optimizer's runs that have a trial.

        Parameters
        ----------
        optimizer : str

        Returns
        -------
        tuple of Trace
            By seed.
        """
        return tuple(t for t in self.traces if t.optimizer == optimizer and len(t.hypervolume))

    @cached_property
    def final(self) -> dict[str, dict[int, float]]:
        """Final hypervolume on the search items, by optimizer and seed."""
        by_seed: dict[str, dict[int, float]] = {optimizer: {} for optimizer in self.optimizers}
        for trace in self.traces:
            by_seed[trace.optimizer][trace.seed] = trace.final
        return by_seed

    @cached_property
    def reported(self) -> dict[str, dict[int, float]]:
        """Hypervolume of the judged merges on the report items, by optimizer and seed that has any."""
        by_seed: dict[str, dict[int, float]] = {optimizer: {} for optimizer in self.optimizers}
        for run in self.runs:
            if run.reported:
                share = pareto.hypervolume([line.losses for line in run.reported])
                by_seed[run.optimizer][run.seed] = share
        return by_seed

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
        """All optimizers that have a run, by name."""
        return tuple(dict.fromkeys(run.optimizer for run in self.runs))

    def of(self, optimizer: str) -> tuple[Run, ...]:
        """List the runs of one optimizer.

        Parameters
        ----------
        optimizer : str

        Returns
        -------
        tuple of Run
            By seed; empty where it did not run.
        """
        return tuple(run for run in self.runs if run.optimizer == optimizer)
