"""The report: reads results folders, concludes and draws; it runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.report.load.results import Results
    from suite.report.rows.tables import Tables

FIGURES = ("fronts", "strategies", "runtimes", "eaf")
TABLES = ("strategies", "comparisons", "runtimes", "summary", "baselines")
SOMETIMES = (  # what not every report has
    *(f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")),
    *(f"{name}.tex" for name in TABLES),
    *("hops.csv", "answers.csv", "runtimes.csv", "surfaces.csv", "sheet.png"),
    *("hand_tuned.csv", "best_merges.csv", "front_gains.csv"),
)


def build(results: Path, task: str, out: Path) -> Path:
    """Write the report about one task: index.html, figures, tables.

    Reads ``<results>/<task>/<optimizer>/seed=<n>/``, ``<results>/<task>/baselines/`` and the task's
    frozen reference front. Without judged.jsonl it shows the search items and says so. The same
    files give the same bytes, but for sheet.png (`suite.report.figures.sheet`), whose letters are those
    of the machine's fonts. All is made before anything of an earlier report is replaced, or removed if
    it has no successor.

    Parameters
    ----------
    results : Path
        The folder that holds ``<task>/<optimizer>/seed=<n>/``.
    task : str
    out : Path
        Folder to write to.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    BadInput
        For missing or damaged files, and for an `out` that cannot be written.
    """
    from suite.report.load import load
    from suite.report.rows.tables import Tables

    loaded = load.load(results, task)
    return _write(loaded, Tables.of(loaded), out)


def build_all(results: Path, tasks: Mapping[str, Path], out: Path) -> Path:
    """Write the report about each of some tasks, and a page across them.

    Parameters
    ----------
    results : Path
        The folder that holds ``<task>/<optimizer>/seed=<n>/``.
    tasks : mapping of str to Path
        The folder of each task's own report.
    out : Path
        Folder of the page across tasks.

    Returns
    -------
    Path
        That page.

    Raises
    ------
    BadInput
        As `build`.
    """
    from suite.report.load import load
    from suite.report.page import overview
    from suite.report.rows.instances import Instance
    from suite.report.rows.tables import Tables

    instances = []
    for task, folder in tasks.items():
        loaded = load.load(results, task)
        tables = Tables.of(loaded)
        instances.append(Instance.of(loaded, tables, _write(loaded, tables, folder)))
    return overview.write(instances, out)


def _write(loaded: Results, tables: Tables, out: Path) -> Path:
    from suite.report.figures import curves, fronts, sheet
    from suite.report.page import page
    from suite.report.rows import answers, latex

    sheets = answers.sheets(loaded)

    def make(draft: Path) -> None:
        drawn = sheet.draw(sheets, draft)
        made = [*fronts.draw(loaded, draft), *curves.draw(loaded, tables, draft)]
        files = [*tables.write(draft), *latex.write(loaded, tables, draft)]
        files += [f"{figure.stem}.{kind}" for figure in made for kind in ("png", "svg")]
        name = drawn.name if drawn else ""
        html = page.render(loaded, tables, made, files, sheets, sheet_file=name)
        (draft / "index.html").write_text(html, encoding="utf-8")

    page.publish(out, make, SOMETIMES)
    return out / "index.html"
