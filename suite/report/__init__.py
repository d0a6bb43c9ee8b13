"""The report: reads results folders, concludes and draws; it runs nothing."""

from __future__ import annotations

from pathlib import Path


def build(results: Path, task: str, out: Path) -> Path:
    """Write index.html, PNG figures and CSV tables about `task` into `out`; returns the page.

    Reads ``<results>/<task>/<optimizer>/seed=<n>/`` and ``<results>/<task>/baselines/``. Without
    judged.jsonl it shows the search items and says so. The same files give the same bytes.
    `BadInput` for missing or damaged files, and for an `out` that cannot be written.
    """
    from suite.errors import BadInput
    from suite.report import figures, load, page
    from suite.report.tables import Tables

    loaded = load.load(results, task)
    tables = Tables.of(loaded)
    try:
        out.mkdir(parents=True, exist_ok=True)
        html = page.render(loaded, tables, figures.draw(loaded, out), tables.write(out))
        target = out / "index.html"
        target.write_text(html, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from None
    return target
