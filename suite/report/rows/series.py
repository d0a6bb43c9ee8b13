"""What the charts of fronts show, in natural units: shared by the figures and the page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suite.objective import Objective
from suite.report.load.results import Judged, Results, Run
from suite.report.rows.attainments import front_losses
from suite.statistics import pareto

MOST = 200  # points of a reference front that are drawn
LEVELS = (0.25, 0.5, 0.75)  # shares of an optimizer's runs that attain a surface
Corners = tuple[tuple[float, float], ...]


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
    """An optimizer's front members, seeds pooled, and its attainment surfaces at `LEVELS`."""

    name: str
    points: tuple[Point, ...]
    surfaces: tuple[Corners, ...]


@dataclass(frozen=True)
class SurfaceRow:
    """A corner of the surface that the share `level` of an optimizer's runs attain (EAF).

    `x` and `y` are scores in natural units, unscaled, of the objectives `first` and `second`, on the
    items of `split`; between corners the surface is a staircase.
    """

    optimizer: str
    level: float
    split: str
    first: str
    second: str
    x: float
    y: float


@dataclass(frozen=True)
class Plane:
    """Two objectives: the optimizers' fronts, hand-tuned merges and single models.

    `reference` is the task's frozen reference front, where it is of these two objectives and these
    items; of a front of many points about `MOST`, evenly picked.
    """

    x: Objective
    y: Objective
    split: str
    clouds: tuple[Cloud, ...]
    merges: tuple[Point, ...]
    parents: tuple[Point, ...]
    reference: Corners


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
    judged = results.judged
    built = []
    for i, j in itertools.combinations(range(len(results.objectives)), 2):
        x, y = results.objectives[i], results.objectives[j]
        shown = results.baselines if judged else ()
        tuned = results.tuned.front if judged and results.tuned else ()
        built.append(
            Plane(
                x=x,
                y=y,
                split="report" if judged else "search",
                clouds=tuple(_cloud(results, o, i, j, judged) for o in results.optimizers),
                merges=tuple(_point(b, x, y, b.name) for b in (*shown, *tuned) if not b.unmerged),
                parents=tuple(_point(b, x, y, b.name) for b in shown if b.unmerged),
                reference=() if judged else _reference(results, x, y),
            )
        )
    return built


def surface_rows(results: Results) -> list[SurfaceRow]:
    """The corners of every attainment surface that `planes` shows, by plane, optimizer and level."""
    return [
        SurfaceRow(
            optimizer=cloud.name,
            level=level,
            split=plane.split,
            first=plane.x.name,
            second=plane.y.name,
            x=x / scale(plane.x),
            y=y / scale(plane.y),
        )
        for plane in planes(results)
        for cloud in plane.clouds
        for level, corners in zip(LEVELS, cloud.surfaces, strict=True)
        for x, y in corners
    ]


def _reference(results: Results, x: Objective, y: Objective) -> Corners:
    if results.reference is None or len(results.objectives) != 2:
        return ()
    rows = sorted(results.reference.losses.tolist())
    return tuple((natural(x, a), natural(y, b)) for a, b in rows[:: 1 + len(rows) // MOST])


def _cloud(results: Results, optimizer: str, i: int, j: int, judged: bool) -> Cloud:
    x, y = results.objectives[i], results.objectives[j]
    m = len(results.objectives)
    points: list[Point] = []
    fronts = []
    for run in results.of(optimizer):
        if judged and not run.reported:
            continue
        members: Sequence[Any] = run.reported if judged else _searched(run, m)
        fronts.append(front_losses(run, m, judged)[:, [i, j]])
        points.extend(
            _point(member, x, y, f"{optimizer}, seed {run.seed}, trial {member.number}")
            for member in members
        )
    corners = [pareto.attainment(fronts, level).tolist() for level in LEVELS]
    surfaces = tuple(tuple((natural(x, a), natural(y, b)) for a, b in c) for c in corners)
    return Cloud(optimizer, tuple(points), surfaces)


def _searched(run: Run, m: int) -> list[Any]:
    return [run.trials[index] for index in pareto.front(run.losses(m))]


def _point(model: Judged | Any, x: Objective, y: Objective, label: str) -> Point:
    a, b = model.scores[x.metric], model.scores[y.metric]
    kx, ky = scale(x), scale(y)
    return Point(a.value * kx, b.value * ky, a.stderr * kx, b.stderr * ky, label)


def natural(objective: Objective, loss: float) -> float:
    """The scaled score that a loss stands for."""
    score = objective.ideal - loss * (objective.ideal - objective.reference)
    return score * scale(objective)
