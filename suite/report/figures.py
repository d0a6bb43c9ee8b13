"""The PNG figures: fronts beside baselines, and anytime hypervolume. ASCII only, no display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from suite.report.results import Results
from suite.report.series import (
    Curve,
    Plane,
    Point,
    anytime_seconds,
    anytime_trials,
    band,
    planes,
    unit,
)

# Okabe and Ito (2008), told apart by the common colour-vision deficiencies; markers differ as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#404040"
DPI = 150
# Where a label may stand around its marker: offset in pixels, and which side it is anchored at.
PLACES = [
    (dx, dy, ha) for d in (9, 20, 34) for dx, dy, ha in (
        (d, 0, "left"), (-d, 0, "right"), (0, d, "center"), (0, -d, "center"),
        (d, d, "left"), (-d, d, "right"), (d, -d, "left"), (-d, -d, "right"),
    )
]  # fmt: skip


def draw(results: Results, out: Path) -> list[Path]:
    """Write fronts.png (with two objectives or more) and anytime.png into `out`."""
    written = []
    shown = planes(results)
    if shown:
        figure = Figure(figsize=(7.2 * len(shown), 5.6), layout="constrained")
        for axes, plane in zip(
            figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
        ):
            _fronts(axes, plane)
        written.append(_save(figure, out / "fronts.png"))
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    names = results.optimizers
    _curves(left, anytime_trials(results), names, "trials")
    _curves(right, anytime_seconds(results), names, "seconds of merging and measuring")
    left.set_ylabel("hypervolume on search items")
    if left.lines:
        left.legend(frameon=False, loc="lower right", title=f"median; band: {band(results)}")
    written.append(_save(figure, out / "anytime.png"))
    return written


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=DPI, metadata={"Software": None})  # same input, same bytes
    return path


def _fronts(axes: Any, plane: Plane) -> None:
    for index, cloud in enumerate(plane.clouds):
        colour, marker = style(index)
        xs, ys = [p.x for p in cloud.points], [p.y for p in cloud.points]
        axes.scatter(xs, ys, s=22, color=colour, marker=marker, alpha=0.45, linewidths=0)
        corners = np.array(cloud.surface).reshape(-1, 2)
        axes.step(
            *corners.T, where="post", color=colour, lw=1.8, marker=marker, ms=4,
            label=_ascii(cloud.name),
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
    axes.set_xlabel(_axis(plane, "x"))
    axes.set_ylabel(_axis(plane, "y"))
    axes.set_title(f"Fronts on {plane.split} items; line: attained by half of the seeds", size=10)
    _plain(axes)
    axes.margins(0.08)
    axes.legend(frameon=False, fontsize=8, loc="best")
    _name_points(axes, [*plane.parents, *plane.merges])


def _axis(plane: Plane, side: str) -> str:
    objective = plane.x if side == "x" else plane.y
    arrow = "higher is better" if objective.direction == "maximize" else "lower is better"
    return _ascii(f"{objective.name}, {unit(objective) or 'score'} ({arrow})")


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
                _ascii(point.label), (point.x, point.y), (dx * 0.5, dy * 0.5),
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
    """The box that a marker takes up."""
    x, y = pixel
    return (x - 6, y - 6, x + 6, y + 6)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _curves(axes: Any, curves: Sequence[Curve], names: Sequence[str], label: str) -> None:
    for curve in curves:
        colour, _ = style(names.index(curve.name))
        axes.step(curve.x, curve.middle, where="post", color=colour, label=_ascii(curve.name))
        axes.fill_between(
            curve.x, curve.low, curve.high, step="post", color=colour, alpha=0.15, lw=0
        )
    axes.set_xlabel(label)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    _plain(axes)


def style(index: int) -> tuple[str, str]:
    """Colour and marker of the optimizer at `index`."""
    turn = index // len(COLOURS)  # a colour that comes again comes with another marker
    return COLOURS[index % len(COLOURS)], MARKERS[(index + turn) % len(MARKERS)]


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", lw=0.6)
    axes.set_axisbelow(True)


def _ascii(text: str) -> str:
    """Names as figures can show them: other letters as `?`, no mathtext."""
    return text.encode("ascii", "replace").decode().replace("$", r"\$")
