"""What the charts show, as numbers in natural units: shared by the PNG figures and the page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite import pareto, stats
from suite.objective import Objective
from suite.report.results import Judged, Results, Run

Vector = NDArray[np.float64]
STEPS = 200  # points of a curve against seconds


@dataclass(frozen=True)
class Point:
    """A model in the plane of two objectives, with standard errors."""

    x: float
    y: float
    ex: float
    ey: float
    label: str


@dataclass(frozen=True)
class Cloud:
    """An optimizer's front members, seeds pooled, and its median attainment surface (k, 2)."""

    name: str
    points: tuple[Point, ...]
    surface: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plane:
    """Two objectives: the optimizers' fronts, hand-tuned merges and single models."""

    x: Objective
    y: Objective
    split: str
    clouds: tuple[Cloud, ...]
    merges: tuple[Point, ...]
    parents: tuple[Point, ...]


@dataclass(frozen=True)
class Curve:
    """Anytime hypervolume over seeds: median and band at each `x`; all of shape (n,)."""

    name: str
    x: Vector
    middle: Vector
    low: Vector
    high: Vector


def scale(objective: Objective) -> float:
    """100 for shares, shown as percent; told by the ideal and reference of the configuration."""
    bounds = (objective.ideal, objective.reference)
    return 100.0 if all(0.0 <= bound <= 1.0 for bound in bounds) else 1.0


def unit(objective: Objective) -> str:
    """The unit that scaled scores are shown in, possibly empty."""
    return "%" if scale(objective) == 100.0 else objective.unit


def digits(objective: Objective) -> int:
    """Decimals that a scaled score is shown with: 1 for percent and for wide ranges, else 3."""
    wide = abs(objective.ideal - objective.reference) >= 10
    return 1 if wide or scale(objective) == 100.0 else 3


def planes(results: Results) -> list[Plane]:
    """One plane per pair of objectives (one objective: none), on report items where judged.

    While no run is judged the search fronts are shown instead, and no baselines with them, since
    those are measured on other items.
    """
    judged = any(run.reported for run in results.runs)
    built = []
    for i, j in itertools.combinations(range(len(results.objectives)), 2):
        x, y = results.objectives[i], results.objectives[j]
        shown = results.baselines if judged else ()
        built.append(
            Plane(
                x=x,
                y=y,
                split="report" if judged else "search",
                clouds=tuple(_cloud(results, o, i, j, judged) for o in results.optimizers),
                merges=tuple(_point(b, x, y, b.name) for b in shown if not b.unmerged),
                parents=tuple(_point(b, x, y, b.name) for b in shown if b.unmerged),
            )
        )
    return built


def _cloud(results: Results, optimizer: str, i: int, j: int, judged: bool) -> Cloud:
    x, y = results.objectives[i], results.objectives[j]
    m = len(results.objectives)
    points: list[Point] = []
    fronts = []
    for run in results.of(optimizer):
        if judged and not run.reported:
            continue
        members: Sequence[Any] = run.reported if judged else _searched(run, m)
        fronts.append(np.array([member.losses for member in members]).reshape(-1, m)[:, [i, j]])
        points.extend(
            _point(member, x, y, f"{optimizer}, seed {run.seed}, trial {member.number}")
            for member in members
        )
    corners = pareto.attainment(fronts)
    surface = tuple((_natural(x, a), _natural(y, b)) for a, b in corners.tolist())
    return Cloud(optimizer, tuple(points), surface)


def _searched(run: Run, m: int) -> list[Any]:
    return [run.trials[index] for index in pareto.front(run.losses(m))]


def _point(model: Judged | Any, x: Objective, y: Objective, label: str) -> Point:
    a, b = model.scores[x.metric], model.scores[y.metric]
    kx, ky = scale(x), scale(y)
    return Point(a.value * kx, b.value * ky, a.stderr * kx, b.stderr * ky, label)


def _natural(objective: Objective, loss: float) -> float:
    """The scaled score that a loss stands for."""
    score = objective.ideal - loss * (objective.ideal - objective.reference)
    return score * scale(objective)


def anytime_trials(results: Results) -> list[Curve]:
    """Hypervolume on search items against trials, per optimizer up to its shortest run."""
    m = len(results.objectives)
    curves = []
    for optimizer in results.optimizers:
        runs = [pareto.anytime_hypervolume(r.losses(m)) for r in results.of(optimizer) if r.trials]
        if runs:
            n = min(map(len, runs))
            curves.append(_curve(optimizer, np.arange(1.0, n + 1), [run[:n] for run in runs]))
    return curves


def anytime_seconds(results: Results) -> list[Curve]:
    """The same against seconds of merging and measuring; failed trials are not timed."""
    m = len(results.objectives)
    curves = []
    for optimizer in results.optimizers:
        timed = [
            (_spent(run), pareto.anytime_hypervolume(run.losses(m)))
            for run in results.of(optimizer)
            if run.trials
        ]
        if timed and min(spent[-1] for spent, _ in timed) > 0:
            grid = np.linspace(0.0, min(spent[-1] for spent, _ in timed), STEPS + 1)
            values = [_stairs(grid, spent, curve) for spent, curve in timed]
            curves.append(_curve(optimizer, grid, values))
    return curves


def _spent(run: Run) -> Vector:
    return np.cumsum([trial.seconds.get("total", 0.0) for trial in run.trials])


def _stairs(grid: Vector, spent: Vector, curve: Vector) -> Vector:
    """`curve` as it stood at each time of `grid`: 0 before the first trial is done."""
    return np.concatenate([[0.0], curve])[np.searchsorted(spent, grid, side="right")]


def _curve(name: str, x: Vector, values: Sequence[Vector]) -> Curve:
    """Median and band: interquartile from 5 seeds on, all the values below that."""
    stacked = np.stack(values)
    ends = (0.25, 0.75) if len(values) >= stats.FEWEST_SEEDS else (0.0, 1.0)
    low, high = np.quantile(stacked, ends, axis=0)
    return Curve(name, x, np.median(stacked, axis=0), low, high)


def band(results: Results) -> str:
    """What the band around the curves means, in words."""
    counts = [len(results.of(optimizer)) for optimizer in results.optimizers]
    words = {True: "interquartile range of the seeds", False: "lowest to highest seed"}
    kinds = {count >= stats.FEWEST_SEEDS for count in counts}
    if len(kinds) == 1:
        return words[kinds.pop()]
    return f"{words[True]} (under {stats.FEWEST_SEEDS} seeds: {words[False]})"
