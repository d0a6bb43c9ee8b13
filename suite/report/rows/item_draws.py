"""Every judged run's hypervolume on other draws of report items, all runs on the same draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from suite.objective import Objective
from suite.report.load.results import Judged, Results
from suite.statistics import crossed
from suite.statistics.bootstrap import Values
from suite.statistics.crossed import Measured

TOLERANCE = 1e-6  # between a score and the mean of its items


@dataclass(frozen=True, eq=False)
class ItemDraws:
    """What judged runs would have ended with on other draws of report items.

    Attributes
    ----------
    volumes : dict of str to dict of int to ndarray, shape (resamples,)
        Hypervolumes by optimizer and seed, of runs with outcomes of report items; in [0, 1].
    held : dict of str to tuple of str
        By optimizer the objectives that were held fixed: figures that are no mean over items.
    """

    volumes: dict[str, dict[int, Values]] = field(default_factory=dict)
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)


def item_draws(results: Results, resamples: int = crossed.RESAMPLES) -> ItemDraws:
    """Draw report items again, and measure every judged run on each draw.

    Parameters
    ----------
    results : Results
    resamples : int
        Number of draws.

    Returns
    -------
    ItemDraws
    """
    draws = ItemDraws()
    drawn: dict[str, Values] = {}
    held: dict[str, list[str]] = {}
    for run in results.runs:
        measured = [measured_on(objective, run.reported) for objective in results.objectives]
        if not run.reported or all(each.fixed for each in measured):
            continue
        sizes = {each.items: each.outcomes.shape[1] for each in measured if not each.fixed}
        new = {name: n for name, n in sizes.items() if name not in drawn}
        drawn |= crossed.counts(new, resamples=resamples)
        volumes = crossed.volumes(measured, {name: drawn[name] for name in sizes})
        draws.volumes.setdefault(run.optimizer, {})[run.seed] = volumes
        names = held.setdefault(run.optimizer, [])
        names += [
            o.name
            for o, each in zip(results.objectives, measured, strict=True)
            if each.fixed and o.name not in names
        ]
    draws.held.update({optimizer: tuple(names) for optimizer, names in held.items()})
    return draws


def measured_on(objective: Objective, lines: Sequence[Judged]) -> Measured:
    """Collect one objective of judged merges.

    Parameters
    ----------
    objective : Objective
    lines : sequence of Judged

    Returns
    -------
    Measured
        With outcomes if each score is the mean of its own; else the scores are held fixed.
    """
    scores = [line.scores[objective.metric] for line in lines]
    sizes = {len(score.items) for score in scores}
    usable = (
        len(sizes) == 1
        and sizes != {0}
        and all(
            math.isclose(float(np.mean(s.items)), s.value, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
            for s in scores
        )
    )
    outcomes = np.array([s.items for s in scores]) if usable else np.empty((len(scores), 0))
    evaluator = objective.metric.rpartition(".")[0]
    return Measured(
        items=f"{evaluator}/{outcomes.shape[1]}",
        ideal=objective.ideal,
        reference=objective.reference,
        scores=np.array([s.value for s in scores]),
        outcomes=outcomes,
    )
