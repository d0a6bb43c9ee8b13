"""The report: reads results folders, concludes and draws; it runs nothing."""

from __future__ import annotations

from pathlib import Path

SOMETIMES = ("fronts.png", "sheet.png", "hops.csv", "answers.csv")  # not of every report


def build(results: Path, task: str, out: Path) -> Path:
    """Write index.html, PNG figures and CSV tables about `task` into `out`; returns the page.

    Reads ``<results>/<task>/<optimizer>/seed=<n>/`` and ``<results>/<task>/baselines/``. Without
    judged.jsonl it shows the search items and says so. The same files give the same bytes, but
    for sheet.png (`suite.report.sheet`), whose letters are those of the machine's fonts. All is
    made before anything of an earlier report is replaced, or removed if it has no successor.
    `BadInput` for missing or damaged files, and for an `out` that cannot be written.
    """
    import tempfile

    from suite.errors import BadInput
    from suite.report import answers, figures, load, page, sheet
    from suite.report.tables import Tables

    loaded = load.load(results, task)
    tables = Tables.of(loaded)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as name:
            draft = Path(name)
            sheets = answers.sheets(loaded)
            drawn = sheet.draw(sheets, draft)
            html = page.render(
                loaded,
                tables,
                figures.draw(loaded, draft),
                tables.write(draft),
                sheets,
                sheet_file=drawn.name if drawn else "",
            )
            (draft / "index.html").write_text(html, encoding="utf-8")
            kept = {made.name for made in draft.iterdir()}
            for made in draft.iterdir():
                made.replace(out / made.name)
            for name in {*SOMETIMES} - kept:
                (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from None
    return out / "index.html"
