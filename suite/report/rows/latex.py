r"""Tables for papers: LaTeX with booktabs, ready to be read by ``\input``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from suite.report.load import families
from suite.report.load.results import Results
from suite.report.rows.formats import digits, fixed, pvalue, scale, unit
from suite.report.rows.sentences import measured
from suite.report.rows.tables import Tables

_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%",
    "#": r"\#", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
}  # fmt: skip
# What `formats` writes numbers with; and a name's line break must not end the row.
_ESCAPED |= {"−": "$-$", "–": "--", "∞": r"$\infty$", "±": r"$\pm$", "\n": " ", "\r": " "}


def escape(text: str) -> str:
    r"""Write text as LaTeX shows it, letter by letter.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> escape("50 % of a_b")
    '50 \\% of a\\_b'
    """
    return "".join(_ESCAPED.get(letter, letter) for letter in text)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], about: str) -> str:
    """Write a ``tabular`` with booktabs' rules; the first column left, the others right.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequence of str
        Cells, which are escaped here.
    about : str
        Becomes a comment: what the figures are.

    Returns
    -------
    str
    """
    lines = [f"% {' '.join(about.split())}", rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}"]
    lines += [r"\toprule", _row(columns), r"\midrule"]
    lines += [_row(row) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"


def write(results: Results, tables: Tables, out: Path) -> list[str]:
    """Write the tables that papers show, as ``<name>.tex``.

    Parameters
    ----------
    results : Results
    tables : Tables
    out : Path
        Folder to write to.

    Returns
    -------
    list of str
        The names of those written.
    """
    made: dict[str, Callable[[Results, Tables], str]] = {
        "strategies": strategies, "comparisons": comparisons, "runtimes": runtimes,
        "summary": summary, "baselines": baselines,
    }  # fmt: skip
    written = []
    for name, build in made.items():
        if getattr(tables, name):
            (out / f"{name}.tex").write_text(build(results, tables), encoding="utf-8")
            written.append(f"{name}.tex")
    return written


def strategies(results: Results, tables: Tables) -> str:
    """Write optimizers by their indicators: median and IQM of the runs, with intervals.

    Parameters
    ----------
    results : Results
    tables : Tables

    Returns
    -------
    str
        LaTeX.
    """
    rows = [
        [
            r.optimizer,
            r.indicator.replace("_", " "),
            str(r.seeds),
            _interval(r.median, r.low, r.high),
            _interval(r.iqm, r.iqm_low, r.iqm_high),
        ]
        for r in tables.strategies
    ]
    return table(
        ["optimizer", "indicator", "seeds", "median", "IQM"],
        rows,
        f"{results.task}: indicators over seeds, 95 % bootstrap intervals from 5 seeds on",
    )


def _interval(value: float, low: float, high: float, d: int = 3, factor: float = 1.0) -> str:
    text = fixed(value, d, factor)
    if math.isnan(low):
        return text
    return f"{text} [{fixed(low, d, factor)}, {fixed(high, d, factor)}]"


def comparisons(results: Results, tables: Tables) -> str:
    """Write every pair: probability of improvement and p, Holm-adjusted.

    Parameters
    ----------
    results : Results
    tables : Tables

    Returns
    -------
    str
        LaTeX.
    """
    rows = [
        [
            r.a,
            r.b,
            _interval(r.improvement, r.improvement_low, r.improvement_high, 2),
            pvalue(r.p_holm),
            pvalue(r.p_items_holm),
            pvalue(r.p_paired_holm),
            r.better or "unresolved",
        ]
        for r in tables.comparisons
    ]
    return table(
        [
            "A",
            "B",
            "P(A beats B)",
            "p (Mann–Whitney)",
            "p (seeds and items)",
            "p (paired)",
            "better",
        ],
        rows,
        f"{results.task}: hypervolume on {measured(families.of(results))};"
        " p Holm-adjusted within families",
    )


def runtimes(results: Results, tables: Tables) -> str:
    """Write the trials until each share of the reference hypervolume.

    Parameters
    ----------
    results : Results
    tables : Tables

    Returns
    -------
    str
        LaTeX.
    """
    rows = [
        [
            r.optimizer,
            f"{100 * r.target:.0f} %",
            f"{r.reached} of {r.seeds}",
            fixed(r.median, 0),
            fixed(r.expected, 0),
        ]
        for r in tables.runtimes
    ]
    return table(
        ["optimizer", "target", "reached", "median", "expected"],
        rows,
        f"{results.task}: trials until a share of the reference hypervolume",
    )


def summary(results: Results, tables: Tables) -> str:
    """Write the chosen merges on the report items, over seeds.

    Parameters
    ----------
    results : Results
    tables : Tables

    Returns
    -------
    str
        LaTeX.
    """
    known = {objective.name: objective for objective in results.objectives}
    rows: list[list[str]] = []
    for r in tables.summary:
        o = known[r.objective]
        rows.append(
            [
                r.optimizer,
                r.rule,
                str(r.trials),
                f"{o.name}, {unit(o)}".rstrip(", "),
                str(r.seeds),
                _interval(r.median, r.low, r.high, digits(o), scale(o)),
                _interval(r.gain, r.gain_low, r.gain_high, digits(o), scale(o)),
            ]
        )
    return table(
        [
            "optimizer",
            "rule",
            "trials",
            "objective",
            "seeds",
            "median",
            "mean gain over hand tuning",
        ],
        rows,
        f"{results.task}: each run's chosen merge on the report items, over seeds",
    )


def baselines(results: Results, tables: Tables) -> str:
    """Write baselines by objective, with standard errors.

    Parameters
    ----------
    results : Results
    tables : Tables

    Returns
    -------
    str
        LaTeX.
    """
    by_name: dict[str, list[Any]] = {}
    for row in tables.baselines:
        by_name.setdefault(row.name, []).append(row)
    rows = []
    for name, own in by_name.items():
        cells = [name, own[0].kind]
        for o, r in zip(results.objectives, own, strict=True):
            error = f" ± {fixed(r.stderr, digits(o), scale(o))}" if r.stderr else ""
            cells.append(fixed(r.score, digits(o), scale(o)) + error)
        rows.append(cells)
    heads = [f"{o.name}, {unit(o)}".rstrip(", ") for o in results.objectives]
    about = f"{results.task}: baselines on the report items, with standard errors"
    return table(["baseline", "kind", *heads], rows, about)
