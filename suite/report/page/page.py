"""The HTML page: one file with its style, script and data inside; it loads nothing from anywhere."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from suite.report.load import families
from suite.report.load.hand_tuned import taken_home
from suite.report.load.results import Results
from suite.report.page import strips
from suite.report.page.chart_data import chart_data, objective, script_json
from suite.report.rows import answers, conclusion, curves, series, words
from suite.report.rows.answers import Sheet
from suite.report.rows.headline import baseline_hypervolume, baselines_by_rule
from suite.report.rows.league import Standing, bounds, listed, matrix, standings, sureness, verdict
from suite.report.rows.runtimes import TARGETS
from suite.report.rows.strategies import StrategyRow
from suite.report.rows.tables import RunRow, Tables
from suite.statistics import bootstrap, choice

OPEN = 4  # questions of an evaluator that are shown without being asked for
STAND_INS = ("fronts", "anytime")  # figures that the page holds itself


def render(
    results: Results,
    tables: Tables,
    figures: Sequence[Path],
    files: Sequence[str],
    sheets: Sequence[Sheet],
    sheet_file: str = "",
) -> str:
    """The page as text; of the `figures` two stand in for charts where scripts do not run.

    `files` names the tables and figures that lie beside the page, `sheet_file` the figure of the
    `sheets`, if there is one.
    """
    template = environment().get_template("page.html")
    return template.render(
        results=results,
        objectives=[objective(o) for o in results.objectives],
        notes=notes(results, tables),
        **_league(results, tables, standings(results, tables)),
        **_headline(results, tables),
        **_shown(results, tables, sheets),
        sheet_file=sheet_file,
        files=files,
        css=Markup(part("page.css")),
        script=script("charts.js", "fronts.js", "eaf.js", "progress.js", "boot.js"),
        data=Markup(script_json(chart_data(results))),
        figures=[
            (path.stem, base64.b64encode(path.read_bytes()).decode())
            for path in figures
            if path.stem in STAND_INS
        ],
    )


def _shown(results: Results, tables: Tables, sheets: Sequence[Sheet]) -> dict[str, Any]:
    """What the sections below the first screen hold, each for itself."""
    return {
        "runs": tables.runs,
        "runtimes": _grouped(tables.runtimes, "optimizer"),
        "targets": TARGETS,
        "failures": tables.failures,
        "baselines": _grouped(tables.baselines, "name"),
        "controls": tables.controls,
        "planes": [f"{p.x.name} and {p.y.name}" for p in series.planes(results)],
        "band": curves.band(results),
        "picture": strips.picture(results),
        "sheets": sheets,
        "open": OPEN,
        "card": answers.run_card(results),
    }


def _league(results: Results, tables: Tables, found: Sequence[Standing]) -> dict[str, Any]:
    """What the first screen and the comparison of optimizers show."""
    values = [value for each in found for value in each.row.values]
    seeds = min((len(v) for v in results.primary.values() if v), default=0)
    grouped = families.of(results)
    return {
        "standings": found,
        "ends": bounds(values) if values else (0.0, 1.0),
        "verdict": verdict(results, tables.comparisons),
        "sureness": sureness(results, max((len(f.pairs) for f in grouped), default=0)),
        "families": grouped,
        "measured": words.measured(grouped),
        "floors": words.floors(grouped, seeds),
        "matrix": matrix(results, tables.comparisons),
        "comparisons": tables.comparisons,
        "indicators": _indicators(tables.strategies),
        "seeds": seeds,
        "fewest": bootstrap.FEWEST_SEEDS,
    }


def _indicators(rows: Sequence[StrategyRow]) -> dict[str, dict[str, StrategyRow]]:
    """Rows by indicator and optimizer."""
    found: dict[str, dict[str, StrategyRow]] = {}
    for row in rows:
        found.setdefault(row.indicator, {})[row.optimizer] = row
    return found


def _headline(results: Results, tables: Tables) -> dict[str, Any]:
    """What is said about the chosen merges."""
    return {
        "conclusion": conclusion.conclusion(results, tables.summary),
        "distinct": words.distinct_points(results),
        "best_sentences": conclusion.best_merges(tables.best_merges),
        "best_merges": tables.best_merges,
        "front_gains": tables.front_gains,
        "hand_tuned": baselines_by_rule(results),
        "stages": taken_home(tables.hand_tuned),
        "baseline_hypervolume": baseline_hypervolume(results),
        "summary": _grouped(tables.summary, "rule", "at_cost", "optimizer"),
        "chosen": _grouped(tables.chosen, "rule", "at_cost", "optimizer", "seed"),
        "rules": list(choice.rules([o.name for o in results.objectives])),
        "ranges": _ranges(tables.runs),
    }


def notes(results: Results, tables: Tables) -> list[str]:
    """What a reader must know before believing a figure: runs cut short, not judged, differing."""
    found = [] if results.problem and not results.judged else _unjudged(results)
    if not tables.controls[0].there:
        found.append("Random search did not run: without it nothing shows that searching pays.")
    cut = [
        f"{r.optimizer} seed {r.seed} ({len(r.trials)} of {r.budget})"
        for r in results.runs
        if r.budget is not None and len(r.trials) < r.budget
    ]
    if cut:
        found.append(f"Stopped before their budget was spent: {', '.join(cut)}.")
    never = [
        f"{row.optimizer} seed {row.seed}"
        for row in tables.runs
        if row.trials and math.isinf(row.entered)
    ]
    if never:
        found.append(
            f"No candidate better than the reference in every objective: {listed(never)}. There"
            " hypervolume is 0; how near they came is in the table of runs."
        )
    if len({r.budget for r in results.runs}) > 1:
        found.append("Budgets differ between runs: final hypervolumes do not compare.")
    if len({tuple(r.seed for r in results.of(o)) for o in results.optimizers}) > 1:
        found.append("Optimizers ran with different seeds: comparisons are on unequal samples.")
    return found


def _unjudged(results: Results) -> list[str]:
    found = []
    unjudged = [f"{r.optimizer} seed {r.seed}" for r in results.runs if not r.chosen]
    if len(unjudged) == len(results.runs):
        found.append("No run is judged yet: everything below is on the search items, optimistic.")
    elif unjudged:
        found.append(f"Not judged, or not to the end: {', '.join(unjudged)}.")
    if not results.baselines:
        found.append("No baselines are judged yet: searched merges stand without a comparison.")
    return found


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


def part(name: str) -> str:
    """One of the files that pages are made of: a template, style or script."""
    return resources.files("suite.report").joinpath("parts", name).read_text(encoding="utf-8")


def environment() -> Environment:
    """Templates that escape whatever they are given."""
    made = Environment(
        loader=FunctionLoader(part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(fixed=words.fixed, signed=words.signed, pvalue=words.pvalue)
    return made


def script(*names: str) -> Markup:
    """Scripts one after the other, in one scope of their own."""
    return Markup('"use strict";\n(() => {\n' + "\n".join(map(part, names)) + "})();\n")
