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

from suite.report.figures.drawing import INK, ascii_name, plain, save, style
from suite.report.load.results import REPORT
from suite.report.load.traces import AXES
from suite.report.page import page
from suite.report.page.chart_data import script_json
from suite.report.rows import formats, latex
from suite.report.rows.across import AcrossRow, across_rows, ecdf, pair_rows, ranked, won
from suite.report.rows.anytime import TARGETS
from suite.report.rows.instances import (
    Instance,
    RunRow,
    TaskRow,
    everywhere,
    optimizers,
    rank_table,
    run_rows,
    task_rows,
)
from suite.report.rows.sentences import listed
from suite.report.rows.tables import write_csv
from suite.statistics.ranks import PairRow, Ranking

FIGURE = ("ranks.png", "ranks.svg")
SOMETIMES = (*FIGURE, "pairs.csv")


@dataclass(frozen=True)
class Rail:
    """One optimizer's ranks; places are per cent of the axis's width.

    Attributes
    ----------
    name : str
    rank : float
        Mean rank, 1 is best.
    dots : tuple of float
        Places of its ranks, by task.
    middle : float
        Place of their mean.
    over : tuple of str
        Those that it is resolved to be better than.
    """

    name: str
    rank: float
    dots: tuple[float, ...]
    middle: float
    over: tuple[str, ...]


def write(instances: Sequence[Instance], out: Path) -> Path:
    """Write index.html, tables and, with instances enough, the figure of ranks.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.
    out : Path
        Folder to write to.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    BadInput
        Where `out` cannot be written.
    """
    rows, across = task_rows(instances), across_rows(instances)
    ranking, pairs = ranked(instances), pair_rows(instances)

    def make(draft: Path) -> None:
        write_csv(draft / "runs.csv", RunRow, run_rows(instances))
        write_csv(draft / "tasks.csv", TaskRow, rows)
        write_csv(draft / "across.csv", AcrossRow, across)
        (draft / "across.tex").write_text(_tex(across), encoding="utf-8")
        files = ["runs.csv", "tasks.csv", "across.csv", "across.tex"]
        if pairs:
            write_csv(draft / "pairs.csv", PairRow, pairs)
            files.append("pairs.csv")
        if isinstance(ranking, Ranking):
            draw_ranks(instances, ranking, draft)
            files += FIGURE
        html = _render(instances, rows, across, (ranking, pairs), files, out)
        (draft / "index.html").write_text(html, encoding="utf-8")

    page.publish(out, make, SOMETIMES)
    return out / "index.html"


def _render(
    instances: Sequence[Instance],
    rows: Sequence[TaskRow],
    across: Sequence[AcrossRow],
    said: tuple[Ranking | str, Sequence[PairRow]],
    files: Sequence[str],
    out: Path,
) -> str:
    ranking, pairs = said
    names = optimizers(instances)
    common = everywhere(instances)
    curves = [{"name": s.name, "x": s.x.tolist(), "middle": s.y.tolist()} for s in ecdf(instances)]
    axis = {"axis": "trials", "label": AXES["trials"], "curves": curves}
    charts = [{"axes": [axis], "y": "share reached"}] if curves else []
    shown = ranking if isinstance(ranking, Ranking) else None
    return (
        page.environment()
        .get_template("overview.html")
        .render(
            results={"optimizers": names},
            instances=instances,
            rows={(row.task, row.optimizer): row for row in rows},
            across=across,
            left_out=[name for name in names if name not in common],
            verdict=verdict(ranking, pairs),
            pairs=pairs,
            measures=measures(instances),
            ranking=shown,
            refusal="" if shown else ranking,
            rails=_rails(instances, shown, pairs) if shown else [],
            links={each.task: _link(each.page, out) for each in instances},
            curves=curves,
            targets=TARGETS,
            files=files,
            css=Markup(page.asset("page.css")),
            script=page.script("charts.js", "progress.js", "overview.js"),
            data=Markup(script_json({"names": list(names), "runtimes": charts})),
        )
    )


def _link(target: Path, out: Path) -> str:
    return Path(os.path.relpath(target, out)).as_posix()


def measures(instances: Sequence[Instance]) -> str:
    """Say on which items the tasks' optimizers are compared.

    Parameters
    ----------
    instances : sequence of Instance

    Returns
    -------
    str
        A clause.
    """
    kinds = {"report items" if each.measure == REPORT else "search items" for each in instances}
    return " or ".join(sorted(kinds))


def verdict(ranking: Ranking | str, pairs: Sequence[PairRow]) -> str:
    """Say which is the best by mean rank, and from whom it differs.

    Parameters
    ----------
    ranking : Ranking or str
        What `instances.ranked` gives.
    pairs : sequence of PairRow

    Returns
    -------
    str
        Sentences; or why nothing is said over all tasks.
    """
    if isinstance(ranking, str):
        return f"No ranking over all tasks: {ranking}"
    best, *others = ranking.names
    wins = won(pairs, best)
    over = [name for name in others if name in wins]
    rest = [name for name in others if name not in wins]
    text = f"{best} has the best mean rank, {ranking.ranks[0]:.2f} over {ranking.instances} tasks."
    if over:
        text += f" It is better than {listed(over)}: resolved over tasks (Wilcoxon, Holm)."
    if rest:
        text += f" It is not resolved to be better than {listed(rest)}."
    return f"{text} Friedman's p is {formats.pvalue(ranking.p)}."


def _rails(instances: Sequence[Instance], ranking: Ranking, pairs: Sequence[PairRow]) -> list[Rail]:
    names, table = rank_table(instances)

    def place(rank: float) -> float:
        return round(3 + 94 * (rank - 1) / (len(names) - 1), 2)

    rails = []
    for name, rank in zip(ranking.names, ranking.ranks, strict=True):
        dots = tuple(place(float(each)) for each in table[:, names.index(name)])
        rails.append(Rail(name, rank, dots, place(rank), tuple(won(pairs, name))))
    return rails


def draw_ranks(instances: Sequence[Instance], ranking: Ranking, out: Path) -> None:
    """Draw every task's rank and the mean as ranks.png and ranks.svg.

    A bar beside names joins those of whom no pair is resolved.

    Parameters
    ----------
    instances : sequence of Instance
    ranking : Ranking
        Theirs.
    out : Path
        Folder to write to.
    """
    names = optimizers(instances)
    order, table = rank_table(instances)
    figure = Figure(figsize=(7.2, 1.2 + 0.36 * len(ranking.names)), layout="constrained")
    axes: Any = figure.subplots()
    for place, (name, rank) in enumerate(zip(ranking.names, ranking.ranks, strict=True)):
        colour, marker = style(names.index(name))
        own = table[:, order.index(name)]
        axes.scatter(
            own,
            np.full(len(own), place),
            s=22,
            color=colour,
            marker=marker,
            alpha=0.4,
            linewidths=0,
        )
        axes.plot([rank], [place], "|", color=INK, ms=13, mew=2)
    for column, group in enumerate(ranking.groups):
        ends = [ranking.names.index(group[k]) for k in (0, -1)]
        x = len(ranking.names) + 0.8 + 0.35 * column
        axes.plot([x, x], [ends[0] - 0.25, ends[1] + 0.25], color=INK, lw=3, solid_capstyle="butt")
    axes.set_yticks(np.arange(len(ranking.names)), [ascii_name(name) for name in ranking.names])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"rank on each of {ranking.instances} tasks; |: mean\nbars on the right join those of whom"
        " no pair is resolved (Wilcoxon, Holm)"
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(axes)
    save(figure, out / "ranks.png")


def _tex(across: Sequence[AcrossRow]) -> str:
    rows = [
        [
            r.optimizer,
            str(r.tasks),
            formats.fixed(r.rank, 2),
            formats.fixed(r.iqm, 3),
            formats.fixed(r.improvement, 2),
            f"{r.better} / {r.worse}",
        ]
        for r in across
    ]
    return latex.table(
        ["optimizer", "tasks", "mean rank", "IQM", "P(beats random)", "better / worse"],
        rows,
        "over tasks: mean rank of median hypervolume, IQM of the share of the reference hypervolume",
    )
