"""A finished search as rows and as an interactive figure: the front beside the baselines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suite.objective import Objective
from suite.records.trial import Score, Trial
from suite.trackers import Baselines

Cell = str | float | int | None


@dataclass(frozen=True)
class Row:
    """One point to show.

    Attributes
    ----------
    kind : {"front", "baseline"}
    name : str
    number : int or None
        Of a trial.
    scores : dict of str to Score
        By metric, in natural units.
    recipe : str or None
        Of a trial, as JSON.
    """

    kind: str
    name: str
    number: int | None
    scores: dict[str, Score]
    recipe: str | None


def rows(front: Sequence[Trial], baselines: Baselines) -> list[Row]:
    """List the front by trial number, then the baselines in the order given.

    Parameters
    ----------
    front : sequence of Trial
    baselines : Baselines

    Returns
    -------
    list of Row
    """
    searched = [
        Row("front", f"trial {t.number}", t.number, dict(t.scores), _compact(t.recipe))
        for t in sorted(front, key=lambda trial: trial.number)
    ]
    return searched + [
        Row("baseline", name, None, dict(scores), None) for name, scores in baselines.items()
    ]


def _compact(recipe: Any) -> str:
    return json.dumps(recipe, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def table(points: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
    """Lay out points as a table: kind, name, number, each score with its standard error, recipe.

    Parameters
    ----------
    points : sequence of Row

    Returns
    -------
    columns : list of str
    cells : list of list
        Row by row; None where a point lacks a score.
    """
    metrics = list(dict.fromkeys(metric for point in points for metric in point.scores))
    columns = ["kind", "name", "number"]
    columns += [column for metric in metrics for column in (metric, f"{metric} stderr")]
    cells: list[list[Cell]] = []
    for point in points:
        line: list[Cell] = [point.kind, point.name, point.number]
        for metric in metrics:
            score = point.scores.get(metric)
            line += [score.value, score.stderr] if score else [None, None]
        cells.append([*line, point.recipe])
    return [*columns, "recipe"], cells


def figure(points: Sequence[Row], objectives: Sequence[Objective]) -> Any:
    """Draw points in natural units: two axes, or every pair of them from three objectives on.

    Points that lack an objective's metric are left out; with a single objective the points stand
    in one column per kind.

    Parameters
    ----------
    points : sequence of Row
    objectives : sequence of Objective

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    metrics = [objective.metric for objective in objectives]
    shown = [point for point in points if all(metric in point.scores for metric in metrics)]
    drawing = go.Figure()
    for kind, symbol in (("front", "circle"), ("baseline", "diamond")):
        group = [point for point in shown if point.kind == kind]
        values = [[point.scores[metric].value for point in group] for metric in metrics]
        drawing.add_trace(_trace(go, kind, symbol, group, values, objectives))
    titles = [_title(objective) for objective in objectives]
    if len(metrics) == 1:
        drawing.update_layout(yaxis_title=titles[0])
    elif len(metrics) == 2:
        drawing.update_layout(xaxis_title=titles[0], yaxis_title=titles[1])
    drawing.update_layout(title="Front and baselines, search items", template="plotly_white")
    return drawing


def _trace(
    go: Any,
    kind: str,
    symbol: str,
    group: Sequence[Row],
    values: list[list[float]],
    objectives: Sequence[Objective],
) -> Any:
    names = [point.name for point in group]
    marker = {"symbol": symbol, "size": 9}
    if len(values) > 2:
        dimensions = [
            {"label": _title(objective), "values": column}
            for objective, column in zip(objectives, values, strict=True)
        ]
        return go.Splom(dimensions=dimensions, name=kind, text=names, marker=marker)
    x = [kind] * len(group) if len(values) == 1 else values[0]
    return go.Scatter(x=x, y=values[-1], name=kind, text=names, mode="markers", marker=marker)


def _title(objective: Objective) -> str:
    arrow = "↑" if objective.direction == "maximize" else "↓"
    unit = f" [{objective.unit}]" if objective.unit else ""
    return f"{objective.name}{unit} {arrow}"
