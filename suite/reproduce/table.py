"""How `suite reproduce` shows what it found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

WIDTH = 160  # columns where the output is no terminal


def console() -> Any:
    """Where tables are printed."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False)


def table(title: str, columns: Sequence[str], right: Sequence[int] = ()) -> Any:
    """An empty table; the columns `right`, by their place, have numbers."""
    from rich.table import Table

    drawn = Table(title=title, show_lines=True)
    for place, column in enumerate(columns):
        drawn.add_column(column, justify="right" if place in right else "left", overflow="fold")
    return drawn


def show(entries: Sequence[dict[str, Any]], subset: int | None) -> None:
    """A line for each figure of each row; `entries` are those of verdict.json."""
    title = "published scores" if subset is None else f"published scores, subset of {subset} items"
    columns = ["model", "metric", "published", "measured", "difference / σ", "verdict", "seconds"]
    drawn = table(title, columns, right=(2, 3, 4, 6))
    for entry in entries:
        for number, figure in enumerate(entry["figures"]):
            drawn.add_row(
                f"{entry['task']}/{entry['row']}" if number == 0 else "",
                figure["metric"],
                f"{figure['published']:.4g} ({figure['source'].partition(':')[0]})",
                _measured(figure),
                "–" if figure["sigmas"] is None else f"{figure['sigmas']:+.2f}",
                figure["verdict"],
                f"{entry['seconds']:.0f}" if number == 0 and entry["scores"] else "",
            )
    console().print(drawn)


def _measured(figure: dict[str, Any]) -> str:
    """Value and standard error; beside a published bootstrap median the plain mean."""
    if figure["measured"] is None:
        return "–"
    text = f"{figure['measured']:.4f} ± {figure['stderr']:.4f}"
    return text if figure["mean"] is None else f"{text}\n(mean {figure['mean']:.4f})"
