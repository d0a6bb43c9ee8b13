"""`suite report`: figures, tables and the page, from files alone."""

from __future__ import annotations

from pathlib import Path

from suite.errors import BadInput


def main(words: list[str]) -> None:
    """Report on ``task=…`` (default: every task under results) from ``results=…`` into ``out=…``."""
    from suite import report

    options = {"results": "results", "task": "", "out": ""}
    for word in words[1:]:
        key, mark, value = word.partition("=")
        if not mark or key not in options:
            raise BadInput(f"report: {word!r}; allowed are task=…, results=…, out=…")
        options[key] = value
    results = Path(options["results"])
    tasks = [options["task"]] if options["task"] else sorted(_tasks(results))
    if not tasks:
        raise BadInput(f"{results}: no runs to report on; make one with suite run")
    for task in tasks:
        out = Path(options["out"]) if options["out"] else results / task / "report"
        print(report.build(results, task, out))


def _tasks(results: Path) -> set[str]:
    return {path.parents[2].name for path in results.glob("*/*/seed=*/config.yaml")}
