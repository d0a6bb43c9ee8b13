"""The HTML page: one file with its style, script and data inside; it loads nothing from anywhere."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from suite.errors import BadInput
from suite.report.load import families
from suite.report.load.chosen import taken_home
from suite.report.load.results import Results
from suite.report.page import path_diagrams
from suite.report.page.chart_data import chart_data, objective, script_json
from suite.report.rows import answers, formats, fronts, sentences
from suite.report.rows.answers import Sheet
from suite.report.rows.anytime import TARGETS, band
from suite.report.rows.headline import baseline_hypervolume, baselines_by_rule
from suite.report.rows.standings import Standing, bounds, matrix, standings
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
    """Write the page as text.

    Parameters
    ----------
    results : Results
    tables : Tables
        Those of `results`.
    figures : sequence of Path
        PNGs; two of them stand in for charts where scripts do not run.
    files : sequence of str
        Names of the tables and figures that lie beside the page.
    sheets : sequence of Sheet
    sheet_file : str
        Name of the figure of the `sheets`; empty if there is none.

    Returns
    -------
    str
        HTML.
    """
    template = environment().get_template("page.html")
    return template.render(
        results=results,
        objectives=[objective(o) for o in results.objectives],
        notes=notes(results, tables),
        **_comparison(results, tables, standings(results, tables)),
        **_headline(results, tables),
        **_shown(results, tables, sheets),
        sheet_file=sheet_file,
        files=files,
        css=Markup(asset("page.css")),
        script=script("charts.js", "fronts.js", "eaf.js", "progress.js", "boot.js"),
        data=Markup(script_json(chart_data(results))),
        figures=[
            (path.stem, base64.b64encode(path.read_bytes()).decode())
            for path in figures
            if path.stem in STAND_INS
        ],
    )


def _shown(results: Results, tables: Tables, sheets: Sequence[Sheet]) -> dict[str, Any]:
    """Collect what the sections below the first screen hold, each for itself."""
    return {
        "runs": tables.runs,
        "runtimes": _grouped(tables.runtimes, "optimizer"),
        "targets": TARGETS,
        "failures": tables.failures,
        "baselines": _grouped(tables.baselines, "name"),
        "controls": tables.controls,
        "planes": [f"{p.x.name} and {p.y.name}" for p in fronts.planes(results)],
        "band": band(results),
        "paths": path_diagrams.diagrams(results),
        "sheets": sheets,
        "open": OPEN,
        "card": answers.run_card(results),
    }


def _comparison(results: Results, tables: Tables, placed: Sequence[Standing]) -> dict[str, Any]:
    """Collect what the first screen and the comparison of optimizers show."""
    values = [value for each in placed for value in each.row.values]
    seeds = min((len(v) for v in results.primary.values() if v), default=0)
    grouped = families.of(results)
    return {
        "standings": placed,
        "ends": bounds(values) if values else (0.0, 1.0),
        "verdict": sentences.verdict(results, tables.comparisons),
        "sureness": sentences.sureness(results, max((len(f.pairs) for f in grouped), default=0)),
        "families": grouped,
        "measured": sentences.measured(grouped),
        "floors": sentences.floors(grouped, seeds),
        "matrix": matrix(tables.comparisons),
        "comparisons": tables.comparisons,
        "indicators": _indicators(tables.strategies),
        "seeds": seeds,
        "fewest": bootstrap.FEWEST_SEEDS,
    }


def _indicators(rows: Sequence[StrategyRow]) -> dict[str, dict[str, StrategyRow]]:
    """Rows by indicator and optimizer."""
    by_indicator: dict[str, dict[str, StrategyRow]] = {}
    for row in rows:
        by_indicator.setdefault(row.indicator, {})[row.optimizer] = row
    return by_indicator


def _headline(results: Results, tables: Tables) -> dict[str, Any]:
    """Collect what is said about the chosen merges."""
    return {
        "conclusion": sentences.conclusion(results, tables.summary),
        "distinct": sentences.distinct_points(results),
        "best_sentences": sentences.best_merges(tables.best_merges),
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
    """Say what a reader must know before believing a figure: runs cut short, not judged, differing.

    Parameters
    ----------
    results : Results
    tables : Tables
        Those of `results`.

    Returns
    -------
    list of str
        Sentences.
    """
    said = [] if results.problem and not results.judged else _unjudged(results)
    if not tables.controls[0].there:
        said.append("Random search did not run: without it nothing shows that searching pays.")
    cut = [
        f"{r.optimizer} seed {r.seed} ({len(r.trials)} of {r.budget})"
        for r in results.runs
        if r.budget is not None and len(r.trials) < r.budget
    ]
    if cut:
        said.append(f"Stopped before their budget was spent: {', '.join(cut)}.")
    never = [
        f"{row.optimizer} seed {row.seed}"
        for row in tables.runs
        if row.trials and math.isinf(row.entered)
    ]
    if never:
        said.append(
            f"No candidate better than the reference in every objective: {sentences.listed(never)}. There"
            " hypervolume is 0; how near they came is in the table of runs."
        )
    if len({r.budget for r in results.runs}) > 1:
        said.append("Budgets differ between runs: final hypervolumes do not compare.")
    if len({tuple(r.seed for r in results.of(o)) for o in results.optimizers}) > 1:
        said.append("Optimizers ran with different seeds: comparisons are on unequal samples.")
    return said


def _unjudged(results: Results) -> list[str]:
    said = []
    unjudged = [f"{r.optimizer} seed {r.seed}" for r in results.runs if not r.chosen]
    if len(unjudged) == len(results.runs):
        said.append("No run is judged yet: everything below is on the search items, optimistic.")
    elif unjudged:
        said.append(f"Not judged, or not to the end: {', '.join(unjudged)}.")
    if not results.baselines:
        said.append("No baselines are judged yet: searched merges stand without a comparison.")
    return said


def _grouped(rows: Sequence[Any], *names: str) -> dict[tuple[Any, ...], list[Any]]:
    """Rows by the values of these fields, in the order they come."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    return groups


def _ranges(runs: Sequence[RunRow]) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Find median, least and greatest hypervolume over seeds, by optimizer and field."""
    ranges = {}
    for (optimizer,), rows in _grouped(runs, "optimizer").items():
        for field in ("hypervolume", "report_hypervolume"):
            values = sorted(v for row in rows if not math.isnan(v := getattr(row, field)))
            if values:
                middle = median(values)
                ranges[optimizer, field] = (middle, values[0], values[-1])
    return ranges


def asset(name: str) -> str:
    """Read one of the files that pages are made of: a template, style or script.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    return resources.files("suite.report").joinpath("assets", name).read_text(encoding="utf-8")


def environment() -> Environment:
    """Make the environment of templates, which escape whatever they are given.

    Returns
    -------
    Environment
    """
    made = Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(fixed=formats.fixed, signed=formats.signed, pvalue=formats.pvalue)
    return made


def script(*names: str) -> Markup:
    """Join scripts one after the other, in one scope of their own.

    Parameters
    ----------
    *names : str
        Of assets.

    Returns
    -------
    Markup
    """
    return Markup('"use strict";\n(() => {\n' + "\n".join(map(asset, names)) + "})();\n")


def publish(out: Path, make: Callable[[Path], None], sometimes: Sequence[str] = ()) -> None:
    """Write a report as a whole in the place of an earlier one, or not at all.

    Parameters
    ----------
    out : Path
        Folder that is written to; other files there are left alone.
    make : callable
        Writes the files into the draft folder that it is given; they are then moved to `out`.
    sometimes : sequence of str
        Names that not every report has; those that this one does not have are removed from `out`.

    Raises
    ------
    BadInput
        Where `out` cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as name:
            draft = Path(name)
            make(draft)
            kept = {made.name for made in draft.iterdir()}
            for made in draft.iterdir():
                made.replace(out / made.name)
            for missing in {*sometimes} - kept:
                (out / missing).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from None
