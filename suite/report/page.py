"""The HTML page: one file with its style, script and data inside; it loads nothing from anywhere."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from suite import stats
from suite.objective import Objective
from suite.report import answers, series, strips, words
from suite.report.answers import Sheet
from suite.report.figures import style
from suite.report.headline import baseline_hypervolume, best_baseline
from suite.report.results import Results
from suite.report.tables import RunRow, Tables

OPEN = 4  # questions of an evaluator that are shown without being asked for
DIGITS = 6  # significant ones of the numbers that charts are drawn from


def render(
    results: Results,
    tables: Tables,
    figures: Sequence[Path],
    files: Sequence[str],
    sheets: Sequence[Sheet],
    sheet_file: str = "",
) -> str:
    """The page as text; `figures` stand in for the charts where scripts do not run.

    `files` names the CSV tables that lie beside the page, `sheet_file` the figure of the `sheets`,
    if there is one.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(fixed=words.fixed, signed=words.signed, pvalue=words.pvalue)
    best = best_baseline(results)
    seeds = min(len(results.of(optimizer)) for optimizer in results.optimizers)
    return environment.from_string(_part("page.html")).render(
        results=results,
        objectives=[_objective(o) for o in results.objectives],
        notes=notes(results),
        conclusion=words.conclusion(results, tables.chosen),
        distinct=words.distinct_points(results),
        best=best,
        baseline_hypervolume=baseline_hypervolume(results),
        summary=_grouped(tables.summary, "optimizer"),
        chosen=_grouped(tables.chosen, "optimizer", "seed"),
        medians={(r.optimizer, r.objective): r for r in tables.chosen if r.is_median},
        runs=tables.runs,
        ranges=_ranges(tables.runs),
        comparisons=tables.comparisons,
        seeds=seeds,
        fewest=stats.FEWEST_SEEDS,
        smallest=stats.smallest_p(seeds, seeds),
        smallest_paired=min(1.0, 2.0 ** (1 - seeds)),
        separation=words.separation(seeds, len(tables.comparisons)),
        shift=stats.detectable_shift(seeds, 0.05 / max(1, len(tables.comparisons))),
        baselines=_grouped(tables.baselines, "name"),
        colours=[style(k)[0] for k in range(len(results.optimizers))],
        planes=[f"{p.x.name} and {p.y.name}" for p in series.planes(results)],
        band=series.band(results),
        picture=strips.picture(results),
        sheets=sheets,
        sheet_file=sheet_file,
        open=OPEN,
        card=answers.run_card(results),
        files=files,
        css=Markup(_part("page.css")),
        script=Markup(_part("charts.js")),
        data=Markup(_script_json(chart_data(results))),
        figures=[(path.stem, base64.b64encode(path.read_bytes()).decode()) for path in figures],
    )


def notes(results: Results) -> list[str]:
    """What a reader must know before believing a figure: runs cut short, not judged, differing."""
    found = []
    unjudged = [f"{r.optimizer} seed {r.seed}" for r in results.runs if r.chosen is None]
    if len(unjudged) == len(results.runs):
        found.append("No run is judged yet: everything below is on the search items, optimistic.")
    elif unjudged:
        found.append(f"Not judged, or not to the end: {', '.join(unjudged)}.")
    if not results.baselines:
        found.append("No baselines are judged yet: searched merges stand without a comparison.")
    cut = [
        f"{r.optimizer} seed {r.seed} ({len(r.trials)} of {r.budget})"
        for r in results.runs
        if r.budget is not None and len(r.trials) < r.budget
    ]
    if cut:
        found.append(f"Stopped before their budget was spent: {', '.join(cut)}.")
    if len({r.budget for r in results.runs}) > 1:
        found.append("Budgets differ between runs: final hypervolumes do not compare.")
    if len({tuple(r.seed for r in results.of(o)) for o in results.optimizers}) > 1:
        found.append("Optimizers ran with different seeds: comparisons are on unequal samples.")
    return found


def chart_data(results: Results) -> dict[str, Any]:
    """What the script draws, in plain types."""
    names = results.optimizers
    lines = [("trials", series.anytime_trials), ("seconds", series.anytime_seconds)]
    return {
        "fronts": [
            {
                "x": _objective(plane.x),
                "y": _objective(plane.y),
                "clouds": [asdict(cloud) for cloud in plane.clouds],
                "merges": [asdict(point) for point in plane.merges],
                "parents": [asdict(point) for point in plane.parents],
            }
            for plane in series.planes(results)
        ],
        "anytime": [
            {
                "x": label,
                "curves": [
                    {
                        "name": curve.name,
                        "index": names.index(curve.name),
                        "x": curve.x.tolist(),
                        "middle": curve.middle.tolist(),
                        "low": curve.low.tolist(),
                        "high": curve.high.tolist(),
                    }
                    for curve in build(results)
                ],
            }
            for label, build in lines
        ],
    }


def _objective(objective: Objective) -> dict[str, Any]:
    return {
        **asdict(objective),
        "scale": series.scale(objective),
        "unit": series.unit(objective),
        "digits": series.digits(objective),
        "sign": 1 if objective.direction == "maximize" else -1,
    }


def _grouped(rows: Sequence[Any], *names: str) -> dict[tuple[Any, ...], list[Any]]:
    """Rows by the values of these fields, in the order they come."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    return groups


def _ranges(runs: Sequence[RunRow]) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Median, least and greatest hypervolume over seeds, by optimizer and field."""
    found = {}
    for (optimizer,), rows in _grouped(runs, "optimizer").items():
        for field in ("hypervolume", "report_hypervolume"):
            values = sorted(v for row in rows if not math.isnan(v := getattr(row, field)))
            if values:
                middle = median(values)
                found[optimizer, field] = (middle, values[0], values[-1])
    return found


def _script_json(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element, whatever names it holds."""
    text = json.dumps(_rounded(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value


def _part(name: str) -> str:
    return resources.files("suite.report").joinpath(name).read_text(encoding="utf-8")
