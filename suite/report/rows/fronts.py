"""Fronts in the plane of two objectives, how often they are attained, and where strategies differ."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.objective import Objective
from suite.report.load.results import Judged, Results, Run
from suite.report.rows.comparisons import ordered
from suite.report.rows.formats import natural, scale
from suite.statistics import pareto

MOST_POINTS = 200  # points of a reference front that are drawn
LEVELS = (0.25, 0.5, 0.75)  # shares of an optimizer's runs that attain a surface
Corners = tuple[tuple[float, float], ...]
ALL_PAIRS = 6  # optimizers up to which every pair is drawn; of more, each with the best
Rectangles = NDArray[np.float64]
MOST_RECTANGLES = (
    3000  # rectangles that are drawn as they are; of more, what they are at the CELLS of a grid
)
CELLS = (150, 100)


@dataclass(frozen=True)
class Point:
    """A model in the plane of two objectives, in scaled units (`formats.scale`).

    Attributes
    ----------
    x, y : float
        Scores.
    ex, ey : float
        Their standard errors.
    label : str
    """

    x: float
    y: float
    ex: float
    ey: float
    label: str


@dataclass(frozen=True)
class Cloud:
    """An optimizer's front members, seeds pooled.

    Attributes
    ----------
    name : str
    points : tuple of Point
    surfaces : tuple of tuple of (float, float)
        Corners of its attainment surfaces, one surface for each of `LEVELS`, in scaled units.
    """

    name: str
    points: tuple[Point, ...]
    surfaces: tuple[Corners, ...]


@dataclass(frozen=True)
class SurfaceRow:
    """A corner of an attainment surface: a line of ``surfaces.csv``.

    Between corners the surface is a staircase.

    Attributes
    ----------
    optimizer : str
    level : float
        Share of its runs that attain the surface (EAF), one of `LEVELS`.
    split : {"search", "report"}
        On which items.
    first, second : str
        The objectives of `x` and `y`.
    x, y : float
        Scores in natural units, unscaled.
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

    Attributes
    ----------
    x, y : Objective
    split : {"search", "report"}
        On which items.
    clouds : tuple of Cloud
        One per optimizer.
    merges, parents : tuple of Point
        Baselines; none on search items.
    reference : tuple of (float, float)
        The task's frozen reference front, where it is of these two objectives and these items; of a
        front of many points about `MOST_POINTS`, evenly picked.
    """

    x: Objective
    y: Objective
    split: str
    clouds: tuple[Cloud, ...]
    merges: tuple[Point, ...]
    parents: tuple[Point, ...]
    reference: Corners


def planes(results: Results) -> list[Plane]:
    """Put fronts into the plane of each pair of objectives, on report items where judged.

    While no run is judged the search fronts are shown instead, and no baselines with them, since
    those are measured on other items.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Plane
        Empty for one objective.
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
    """List the corners of every attainment surface that `planes` shows.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of SurfaceRow
        By plane, optimizer and level.
    """
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
    return tuple((natural(x, a), natural(y, b)) for a, b in rows[:: 1 + len(rows) // MOST_POINTS])


def _cloud(results: Results, optimizer: str, i: int, j: int, judged: bool) -> Cloud:
    x, y = results.objectives[i], results.objectives[j]
    m = len(results.objectives)
    points: list[Point] = []
    fronts = []
    for run in results.of(optimizer):
        if judged and not run.reported:
            continue
        members: Sequence[Any] = run.reported if judged else run.front(m)
        fronts.append(front_losses(run, m, judged)[:, [i, j]])
        points.extend(
            _point(member, x, y, f"{optimizer}, seed {run.seed}, trial {member.number}")
            for member in members
        )
    corners = [pareto.attainment(fronts, level).tolist() for level in LEVELS]
    surfaces = tuple(tuple((natural(x, a), natural(y, b)) for a, b in c) for c in corners)
    return Cloud(optimizer, tuple(points), surfaces)


def _point(model: Judged | Any, x: Objective, y: Objective, label: str) -> Point:
    a, b = model.scores[x.metric], model.scores[y.metric]
    kx, ky = scale(x), scale(y)
    return Point(a.value * kx, b.value * ky, a.stderr * kx, b.stderr * ky, label)


@dataclass(frozen=True)
class Difference:
    """Where one optimizer attains more often than another.

    Attributes
    ----------
    a, b : str
    seeds : int
        Runs of each that were compared.
    rectangles : ndarray, shape (k, 5)
        In losses, as `pareto.attainment_difference` gives them, of `a` minus `b`.
    """

    a: str
    b: str
    seeds: int
    rectangles: Rectangles


def differences(results: Results) -> list[Difference]:
    """Compare optimizers by their attainment functions, on report items where runs are judged.

    The sides need as many runs: those of common seeds.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Difference
        By their order in `ordered`; of more than `ALL_PAIRS` optimizers the best with each other. Empty
        unless the task has two objectives.
    """
    if len(results.objectives) != 2:
        return []
    names = ordered(results)
    pairs = list(itertools.combinations(names, 2))
    if len(names) > ALL_PAIRS:
        pairs = [(names[0], other) for other in names[1:]]
    fronts = {name: _fronts(results, name) for name in names}
    compared = []
    for a, b in pairs:
        common = sorted(fronts[a].keys() & fronts[b].keys())
        if common:
            sides = ([fronts[name][seed] for seed in common] for name in (a, b))
            compared.append(Difference(a, b, len(common), pareto.attainment_difference(*sides)))
    return compared


def drawable(rectangles: Rectangles) -> Rectangles:
    """Thin out rectangles where they are too many to be drawn.

    Parameters
    ----------
    rectangles : ndarray, shape (k, 5)
        As `pareto.attainment_difference` gives them.

    Returns
    -------
    ndarray, shape (l, 5)
        The same up to `MOST_RECTANGLES`; of more those of a grid, each with the share at its centre.
        Cells side by side with one share are one rectangle; its ends are finite.
    """
    if len(rectangles) <= MOST_RECTANGLES:
        return rectangles
    corners = rectangles[:, :4].reshape(-1, 2)
    finite = corners[np.isfinite(corners).all(axis=1)]
    low, high = finite.min(axis=0), finite.max(axis=0)
    edges = [np.linspace(a, b, n + 1) for a, b, n in zip(low, high, CELLS, strict=True)]
    centres = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    # Cells whose centres lie in [least, greatest) of a rectangle; rectangles do not overlap.
    x0, y0, x1, y1 = (np.searchsorted(centres[k % 2], rectangles[:, k]) for k in range(4))
    grid = np.zeros(CELLS)
    for i0, j0, i1, j1, share in zip(x0, y0, x1, y1, rectangles[:, 4], strict=True):
        grid[i0:i1, j0:j1] = share
    boxes = []
    for j, row in enumerate(grid.T):
        starts = np.flatnonzero(np.diff(row, prepend=np.nan))
        for start, end in zip(starts, [*starts[1:], len(row)], strict=True):
            if row[start]:
                boxes.append(
                    (edges[0][start], edges[1][j], edges[0][end], edges[1][j + 1], row[start])
                )
    return np.array(boxes).reshape(-1, 5)


def _fronts(results: Results, optimizer: str) -> dict[int, NDArray[np.float64]]:
    return {
        run.seed: front_losses(run, 2, results.judged)
        for run in results.of(optimizer)
        if run.reported or not results.judged
    }


def front_losses(run: Run, m: int, judged: bool) -> NDArray[np.float64]:
    """Find the front of a run.

    Parameters
    ----------
    run : Run
    m : int
        Number of objectives.
    judged : bool
        Whether all its judged merges on the report items are meant, or the front on search items.

    Returns
    -------
    ndarray, shape (n, m)
        Losses.
    """
    if judged:
        return np.array([line.losses for line in run.reported]).reshape(-1, m)
    losses = run.losses(m)
    return losses[pareto.front(losses)]
