"""fronts.png and fronts.svg: fronts beside baselines, with names. ASCII only, no display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from suite.report.figures.drawing import INK, ascii_name, dash, plain, save, style
from suite.report.load.results import Results
from suite.report.rows.formats import unit
from suite.report.rows.fronts import LEVELS, Plane, Point, planes

MIDDLE = LEVELS.index(0.5)
MANY = 2000  # points
SMALL = 0.25  # share of the drawn area below which the surfaces get a panel of their own
MARGIN = 0.15  # of that panel, beyond the surfaces
Window = tuple[tuple[float, float], tuple[float, float]]
# Where a label may stand around its marker: offset in pixels, and which side it is anchored at.
PLACES = [
    (dx, dy, ha) for d in (9, 20, 34) for dx, dy, ha in (
        (d, 0, "left"), (-d, 0, "right"), (0, d, "center"), (0, -d, "center"),
        (d, d, "left"), (-d, d, "right"), (d, -d, "left"), (-d, -d, "right"),
    )
]  # fmt: skip


def draw(results: Results, out: Path) -> list[Path]:
    """Write fronts.png and fronts.svg, with two objectives or more.

    A panel per plane; of a single one a second where its surfaces fill but a corner of it.

    Parameters
    ----------
    results : Results
    out : Path
        Folder to write to.

    Returns
    -------
    list of Path
        The PNG, or nothing.
    """
    shown = planes(results)
    if not shown:
        return []
    panels: list[tuple[Plane, Window | None]] = [(plane, None) for plane in shown]
    if len(shown) == 1 and (corner := _corner(shown[0])):
        panels.append((shown[0], corner))
    figure = Figure(figsize=(7.2 * len(panels), 5.6), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _fronts(axes, *panel)
    return [save(figure, out / "fronts.png")]


def _corner(plane: Plane) -> Window | None:
    """Where the middle surfaces lie, x then y; None if that is no small part of all that is drawn."""
    surfaces = [corner for cloud in plane.clouds for corner in cloud.surfaces[MIDDLE]]
    points = [p for cloud in plane.clouds for p in cloud.points]
    points += [*plane.merges, *plane.parents]
    if not surfaces or not (plane.merges or plane.parents):
        return None
    low, high = np.min(surfaces, axis=0), np.max(surfaces, axis=0)
    every = np.array([(p.x, p.y) for p in points])
    if np.prod(high - low) > SMALL * np.prod(np.ptp(every, axis=0)) or (low == high).any():
        return None
    margin = MARGIN * (high - low)
    (x0, y0), (x1, y1) = (low - margin).tolist(), (high + margin).tolist()
    return (x0, x1), (y0, y1)


def _fronts(axes: Any, plane: Plane, corner: Window | None = None) -> None:
    for index, cloud in enumerate(plane.clouds):
        colour, marker = style(index)
        xs, ys = [p.x for p in cloud.points], [p.y for p in cloud.points]
        many = sum(len(each.points) for each in plane.clouds) > MANY  # for an SVG to hold each
        axes.scatter(
            xs, ys, s=22, color=colour, marker=marker, alpha=0.45, linewidths=0, rasterized=many
        )
        corners = np.array(cloud.surfaces[MIDDLE]).reshape(-1, 2)
        axes.step(
            *corners.T, where="post", color=colour, lw=1.8, marker=marker, ms=4, ls=dash(index),
            label=ascii_name(cloud.name),
        )  # fmt: skip
    for points, marker, label in (
        (plane.merges, "X", "hand-tuned merge"),
        (plane.parents, "*", "single model"),
    ):
        if points:
            axes.scatter(
                [p.x for p in points], [p.y for p in points], s=110 if marker == "*" else 46,
                color=INK, marker=marker, edgecolors="white", linewidths=0.8, zorder=4, label=label,
            )  # fmt: skip
    if plane.reference:
        axes.plot(*np.array(plane.reference).T, ".", color=INK, ms=2, zorder=1, label="reference")
    axes.set_xlabel(_axis(plane, "x"))
    axes.set_ylabel(_axis(plane, "y"))
    title = f"Fronts on {plane.split} items; line: attained by half of the seeds"
    axes.set_title("The same, near the lines" if corner else title, size=10)
    plain(axes)
    axes.margins(0.08)
    named = [*plane.parents, *plane.merges]
    if corner:
        (x0, x1), (y0, y1) = corner
        axes.set(xlim=(x0, x1), ylim=(y0, y1))
        named = [p for p in named if x0 < p.x < x1 and y0 < p.y < y1]
    else:
        axes.legend(frameon=False, fontsize=8, loc="best")
    _name_points(axes, named)


def _axis(plane: Plane, side: str) -> str:
    objective = plane.x if side == "x" else plane.y
    arrow = "higher is better" if objective.direction == "maximize" else "lower is better"
    return ascii_name(f"{objective.name}, {unit(objective) or 'score'} ({arrow})")


def _name_points(axes: Any, points: Sequence[Point]) -> None:
    """Write names beside markers, each at the first place free of markers and earlier names."""
    figure = axes.figure
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    taken = [_around(axes.transData.transform((p.x, p.y))) for p in points]
    for point in points:
        for dx, dy, side in PLACES:
            text = axes.annotate(
                ascii_name(point.label), (point.x, point.y), (dx * 0.5, dy * 0.5),
                textcoords="offset points", ha=side, va="center", size=7, color=INK, zorder=5,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )  # fmt: skip
            extent = text.get_window_extent(renderer)
            box = (extent.x0, extent.y0, extent.x1, extent.y1)
            inside = axes.bbox.x0 <= box[0] and box[2] <= axes.bbox.x1
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                break
            text.remove()


Box = tuple[float, float, float, float]


def _around(pixel: Sequence[float]) -> Box:
    """Find the box that a marker takes up."""
    x, y = pixel
    return (x - 6, y - 6, x + 6, y + 6)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
