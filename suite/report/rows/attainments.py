"""Where in the plane of two objectives one optimizer attains more often than another (EAF)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.report.load.results import Results, Run
from suite.report.rows.comparisons import ordered
from suite.statistics import pareto

ALL_PAIRS = 6  # optimizers up to which every pair is drawn; of more, each with the best
Rectangles = NDArray[np.float64]
MOST = 3000  # rectangles that are drawn as they are; of more, what they are at the CELLS of a grid
CELLS = (150, 100)


@dataclass(frozen=True)
class Difference:
    """Rectangles (k, 5) in losses, as `pareto.attainment_difference` gives them, of `a` minus `b`.

    `seeds` counts the runs of each that were compared.
    """

    a: str
    b: str
    seeds: int
    rectangles: Rectangles


def differences(results: Results) -> list[Difference]:
    """Of pairs of optimizers of a task with two objectives, by their order in `ordered`; else none.

    On report items where runs are judged. The sides need as many runs: those of common seeds.
    """
    if len(results.objectives) != 2:
        return []
    names = ordered(results)
    pairs = list(itertools.combinations(names, 2))
    if len(names) > ALL_PAIRS:
        pairs = [(names[0], other) for other in names[1:]]
    fronts = {name: _fronts(results, name) for name in names}
    found = []
    for a, b in pairs:
        common = sorted(fronts[a].keys() & fronts[b].keys())
        if common:
            sides = ([fronts[name][seed] for seed in common] for name in (a, b))
            found.append(Difference(a, b, len(common), pareto.attainment_difference(*sides)))
    return found


def drawable(rectangles: Rectangles) -> Rectangles:
    """`rectangles` (k, 5), or, where they are more than `MOST`, a grid's: those of its centres.

    Of the grid, cells side by side with one share are one rectangle; its ends are finite.
    """
    if len(rectangles) <= MOST:
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
    found = []
    for j, row in enumerate(grid.T):
        starts = np.flatnonzero(np.diff(row, prepend=np.nan))
        for start, end in zip(starts, [*starts[1:], len(row)], strict=True):
            if row[start]:
                found.append(
                    (edges[0][start], edges[1][j], edges[0][end], edges[1][j + 1], row[start])
                )
    return np.array(found).reshape(-1, 5)


def _fronts(results: Results, optimizer: str) -> dict[int, NDArray[np.float64]]:
    return {
        run.seed: front_losses(run, 2, results.judged)
        for run in results.of(optimizer)
        if run.reported or not results.judged
    }


def front_losses(run: Run, m: int, judged: bool) -> NDArray[np.float64]:
    """The front (n, m) of a run: all judged merges on the report items, or the search front."""
    if judged:
        return np.array([line.losses for line in run.reported]).reshape(-1, m)
    losses = run.losses(m)
    return losses[pareto.front(losses)]
