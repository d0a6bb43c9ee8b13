"""Figures of what is reached when, and of optimizers against each other: PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from suite.report.figures.drawing import INK, ascii_name, dash, legend_outside, plain, save, style
from suite.report.load.results import Results
from suite.report.load.traces import AXES
from suite.report.load.traces import axes as spendable
from suite.report.rows.anytime import TARGETS, Steps, band, curves, ecdf
from suite.report.rows.comparisons import ordered
from suite.report.rows.formats import natural
from suite.report.rows.fronts import Difference, differences, drawable
from suite.report.rows.tables import Tables

BANDS = 6  # curves up to which their bands are drawn
PANELS = 6  # EAF differences on one figure


def draw(results: Results, tables: Tables, out: Path) -> list[Path]:
    """Write the figures strategies, anytime, runtimes and eaf.

    No runtimes without a reference front, no EAF differences without two objectives and optimizers.

    Parameters
    ----------
    results : Results
    tables : Tables
        Those of `results`.
    out : Path
        Folder to write to.

    Returns
    -------
    list of Path
        The PNGs.
    """
    made = [_anytime(results, out)]
    if tables.strategies:
        made.append(_strategies(results, tables, out))
    if results.reference is not None:
        made.append(_runtimes(results, out))
    pairs = [pair for pair in differences(results) if len(pair.rectangles)][:PANELS]
    if pairs:
        made.append(_eaf(results, pairs, out))
    return made


def _panels(results: Results) -> tuple[Figure, list[tuple[str, Any]]]:
    """One axes per thing that was spent; trials where nothing was."""
    shown = spendable(results.traces) or ["trials"]
    figure = Figure(figsize=(4.6 * len(shown) + 1.6, 4.0), layout="constrained")
    grid = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    return figure, list(zip(shown, grid, strict=True))


def _anytime(results: Results, out: Path) -> Path:
    figure, panels = _panels(results)
    for axis, axes in panels:
        lines = curves(results, axis)
        for curve in lines:
            index = results.optimizers.index(curve.name)
            colour, _ = style(index)
            line = {"color": colour, "ls": dash(index), "label": ascii_name(curve.name)}
            axes.step(curve.x, curve.middle, where="post", **line)
            if len(lines) <= BANDS:
                axes.fill_between(
                    curve.x, curve.low, curve.high, step="post", color=colour, alpha=0.15, lw=0
                )
        axes.set_xlabel(AXES[axis])
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        plain(axes)
    panels[0][1].set_ylabel("hypervolume on search items")
    note = f"median; band:\n{band(results)}" if len(results.optimizers) <= BANDS else "median"
    legend_outside(figure, panels[0][1], note)
    return save(figure, out / "anytime.png")


def _runtimes(results: Results, out: Path) -> Path:
    figure, panels = _panels(results)
    for axis, axes in panels:
        for steps in ecdf(results, axis):
            _steps(axes, steps, results.optimizers)
        axes.set_xlabel(AXES[axis])
        axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        plain(axes)
    panels[0][1].set_ylabel("share of runs and targets reached")
    shares = ", ".join(f"{100 * target:.0f}" for target in TARGETS)
    legend_outside(figure, panels[0][1], f"targets: {shares} %\nof the reference")
    return save(figure, out / "runtimes.png")


def _steps(axes: Any, steps: Steps, names: Sequence[str]) -> None:
    index = names.index(steps.name)
    axes.step(
        steps.x, steps.y, where="post", color=style(index)[0], ls=dash(index),
        label=ascii_name(steps.name),
    )  # fmt: skip


def _strategies(results: Results, tables: Tables, out: Path) -> Path:
    """Every run's final hypervolume, with the IQM and its interval, the best optimizer on top."""
    rows = {r.optimizer: r for r in tables.strategies if r.indicator == results.measure}
    names = [name for name in ordered(results) if name in rows][::-1]
    figure = Figure(figsize=(7.2, 1.1 + 0.38 * len(names)), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        row = rows[name]
        colour, marker = style(results.optimizers.index(name))
        axes.scatter(
            row.values, np.full(len(row.values), place), s=22, color=colour, marker=marker,
            alpha=0.5, linewidths=0,
        )  # fmt: skip
        axes.plot([row.iqm_low, row.iqm_high], [place, place], color=colour, lw=3, alpha=0.8)
        axes.plot([row.iqm], [place], "|", color=INK, ms=13, mew=2)
    axes.set_yticks(range(len(names)), [ascii_name(name) for name in names])
    items = "report" if results.judged else "search"
    axes.set_xlabel(f"final hypervolume on {items} items; |: IQM, bar: its 95 % interval")
    axes.set_ylim(-0.6, len(names) - 0.4)
    plain(axes)
    return save(figure, out / "strategies.png")


def _eaf(results: Results, pairs: Sequence[Difference], out: Path) -> Path:
    """Blue where the first attains more often, orange where the second does."""
    columns = min(3, len(pairs))
    lines = -(-len(pairs) // columns)
    figure = Figure(figsize=(4.4 * columns, 3.7 * lines + 0.5), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes, pair in zip(grid.flat, pairs, strict=False):
        _difference(axes, results, pair)
    for axes in grid.flat[len(pairs) :]:
        axes.set_axis_off()
    figure.suptitle("Blue: attained more often by the first; orange: by the second", size=10)
    return save(figure, out / "eaf.png")


def _difference(axes: Any, results: Results, pair: Difference) -> None:
    x, y = results.objectives
    r = drawable(pair.rectangles)
    corners = r[:, :4].reshape(-1, 2)
    finite = corners[np.isfinite(corners).all(axis=1)]
    low, high = finite.min(axis=0), finite.max(axis=0)
    edge = high + 0.05 * np.maximum(high - low, 1e-6)
    xs = [[natural(x, v) for v in np.minimum(r[:, k], edge[0])] for k in (0, 2)]
    ys = [[natural(y, v) for v in np.minimum(r[:, k], edge[1])] for k in (1, 3)]
    boxes = np.array([[xs[0], ys[0]], [xs[0], ys[1]], [xs[1], ys[1]], [xs[1], ys[0]]])
    colours = [(style(0 if share > 0 else 1)[0], abs(share)) for share in r[:, 4].tolist()]
    axes.add_collection(
        PolyCollection([*boxes.transpose(2, 0, 1)], facecolors=colours, linewidths=0)
    )
    axes.autoscale_view()
    axes.set_title(ascii_name(f"{pair.a} - {pair.b} ({pair.seeds} runs each)"), size=9)
    axes.set_xlabel(ascii_name(x.name), size=8)
    axes.set_ylabel(ascii_name(y.name), size=8)
    plain(axes)
