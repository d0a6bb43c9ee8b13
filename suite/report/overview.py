"""The page across tasks: ranks, aggregates and runtimes of the optimizers that ran on them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from suite.report import latex, page, words
from suite.report.chart_data import script_json
from suite.report.drawing import INK, ascii_name, plain, save, style
from suite.report.instances import (
    AcrossRow,
    Instance,
    RunRow,
    TaskRow,
    across_rows,
    ecdf,
    everywhere,
    optimizers,
    rank_table,
    ranked,
    run_rows,
    task_rows,
)
from suite.report.league import listed
from suite.report.publish import publish
from suite.report.runtimes import TARGETS
from suite.report.tables import write_csv
from suite.report.traces import AXES
from suite.statistics.ranks import Ranking

SOMETIMES = ("ranks.png", "ranks.svg")


@dataclass(frozen=True)
class Rail:
    """One optimizer's ranks, by task and their mean, in per cent of the strip.

    The bar is half the critical difference to either side, so that two that do not differ overlap.
    """

    name: str
    rank: float
    dots: tuple[float, ...]
    middle: float
    bar: tuple[float, float]


def write(instances: Sequence[Instance], out: Path) -> Path:
    """Write index.html, tables and, with instances enough, the figure of ranks; returns the page."""
    rows, across = task_rows(instances), across_rows(instances)
    found = ranked(instances)

    def make(draft: Path) -> None:
        write_csv(draft / "runs.csv", RunRow, run_rows(instances))
        write_csv(draft / "tasks.csv", TaskRow, rows)
        write_csv(draft / "across.csv", AcrossRow, across)
        (draft / "across.tex").write_text(_tex(across), encoding="utf-8")
        files = ["runs.csv", "tasks.csv", "across.csv", "across.tex"]
        if isinstance(found, Ranking):
            _figure(instances, found, draft)
            files += SOMETIMES
        html = _render(instances, rows, across, found, files, out)
        (draft / "index.html").write_text(html, encoding="utf-8")

    publish(out, make, SOMETIMES)
    return out / "index.html"


def _render(
    instances: Sequence[Instance],
    rows: Sequence[TaskRow],
    across: Sequence[AcrossRow],
    found: Ranking | str,
    files: Sequence[str],
    out: Path,
) -> str:
    names = optimizers(instances)
    common = everywhere(instances)
    curves = [{"name": s.name, "x": s.x.tolist(), "middle": s.y.tolist()} for s in ecdf(instances)]
    axis = {"axis": "trials", "label": AXES["trials"], "curves": curves}
    charts = [{"axes": [axis], "y": "share reached"}] if curves else []
    ranking = found if isinstance(found, Ranking) else None
    return (
        page.environment()
        .get_template("overview.html")
        .render(
            results={"optimizers": names},
            instances=instances,
            rows={(row.task, row.optimizer): row for row in rows},
            across=across,
            left_out=[name for name in names if name not in common],
            verdict=verdict(across, found),
            ranking=ranking,
            refusal="" if ranking else found,
            rails=_rails(instances, ranking) if ranking else [],
            links={each.task: _link(each.page, out) for each in instances},
            curves=curves,
            targets=TARGETS,
            files=files,
            css=Markup(page.part("page.css")),
            script=page.script("charts.js", "progress.js", "overview.js"),
            data=Markup(script_json({"names": list(names), "runtimes": charts})),
        )
    )


def _link(target: Path, out: Path) -> str:
    return Path(os.path.relpath(target, out)).as_posix()


def verdict(across: Sequence[AcrossRow], found: Ranking | str) -> str:
    """The best by mean rank, and from whom it differs; or why nothing is said over all tasks."""
    if isinstance(found, str):
        return f"No ranking over all tasks: {found}"
    best = found.names[0]
    differ = [
        name
        for name, rank in zip(found.names, found.ranks, strict=True)
        if rank - found.ranks[0] > found.critical
    ]
    rest = [name for name in found.names[1:] if name not in differ]
    text = f"{best} has the best mean rank, {found.ranks[0]:.2f} over {found.instances} tasks."
    if differ:
        text += f" It is better than {listed(differ)}: resolved."
    if rest:
        text += f" It is not told apart from {listed(rest)}."
    return f"{text} Friedman's p is {words.pvalue(found.p)}."


def _rails(instances: Sequence[Instance], ranking: Ranking) -> list[Rail]:
    names, table = rank_table(instances)
    width = len(names) - 1 + ranking.critical

    def place(rank: float) -> float:
        return round(100 * (rank - 1 + ranking.critical / 2) / width, 2)

    rails = []
    for name, rank in zip(ranking.names, ranking.ranks, strict=True):
        dots = tuple(place(float(each)) for each in table[:, names.index(name)])
        half = ranking.critical / 2
        rails.append(Rail(name, rank, dots, place(rank), (place(rank - half), place(rank + half))))
    return rails


def _figure(instances: Sequence[Instance], ranking: Ranking, out: Path) -> None:
    """Mean ranks with bars of half the critical difference: those that do not differ overlap."""
    names = optimizers(instances)
    figure = Figure(figsize=(7.2, 1.2 + 0.36 * len(ranking.names)), layout="constrained")
    axes: Any = figure.subplots()
    half = ranking.critical / 2
    for place, (name, rank) in enumerate(zip(ranking.names, ranking.ranks, strict=True)):
        colour, _ = style(names.index(name))
        axes.plot([rank - half, rank + half], [place, place], color=colour, lw=5, alpha=0.5)
        axes.plot([rank], [place], "|", color=INK, ms=13, mew=2)
    axes.set_yticks(np.arange(len(ranking.names)), [ascii_name(name) for name in ranking.names])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"mean rank over {ranking.instances} tasks\nbars that overlap: not told apart"
        f" (Nemenyi, critical difference {ranking.critical:.2f})"
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(axes)
    save(figure, out / "ranks.png")


def _tex(across: Sequence[AcrossRow]) -> str:
    rows = [
        [
            r.optimizer,
            str(r.tasks),
            words.fixed(r.rank, 2),
            words.fixed(r.iqm, 3),
            words.fixed(r.improvement, 2),
            f"{r.better} / {r.worse}",
        ]
        for r in across
    ]
    return latex.table(
        ["optimizer", "tasks", "mean rank", "IQM", "P(beats random)", "better / worse"],
        rows,
        "over tasks: mean rank of median hypervolume, IQM of the share of the reference hypervolume",
    )
