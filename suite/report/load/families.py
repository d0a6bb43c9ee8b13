"""Which comparisons of a task are adjusted together: frozen beside its results, never changed.

They lie in ``<results>/<task>/families.json``. Families are only added: a strategy that comes later
opens families of its own, so that its coming changes no verdict that was published.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from suite.errors import BadInput
from suite.records.task_folder import TaskFolder
from suite.report.load.controls import CONTROLS
from suite.report.load.results import REPORT, SEARCH, Results
from suite.statistics.families import Family, extended


def of(results: Results) -> tuple[Family, ...]:
    """The frozen families of `results`, and those of pairs that are in none of them yet."""
    return extended(results.families, results.optimizers, CONTROLS, results.measure)


def read(folder: TaskFolder) -> tuple[Family, ...]:
    """The families frozen in a task's results `folder`; none where there are none.

    `BadInput` for a damaged file, and where a pair is in two families.
    """
    path = folder.families
    if not path.exists():
        return ()
    try:
        found = tuple(
            Family(
                str(entry["name"]),
                str(entry["date"]),
                str(entry["measure"]),
                tuple((str(a), str(b)) for a, b in entry["pairs"]),
            )
            for entry in json.loads(path.read_text(encoding="utf-8"))["families"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{path}: damaged; restore it, since verdicts hang on it") from None
    pairs = [frozenset(pair) for family in found for pair in family.pairs]
    if len({*pairs}) < len(pairs) or any(len(pair) != 2 for pair in pairs):
        raise BadInput(f"{path}: each pair must be of two strategies, and in one family alone")
    if not all(family.date and family.measure in (REPORT, SEARCH) for family in found):
        raise BadInput(f"{path}: a family has a date, and a measure of {SEARCH} and {REPORT}")
    return found


def freeze(folder: TaskFolder, results: Results, day: str) -> Path | None:
    """Add to the frozen families those that `of` makes of newcomers; returns the file, if it changed.

    `day` is their date, as ISO 8601. `BadInput` where the file cannot be written.
    """
    found = of(results)
    if len(found) == len(results.families):
        return None
    path = folder.families
    dated = [family if family.frozen else replace(family, date=day) for family in found]
    try:
        path.write_text(_text(dated), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _text(families: Sequence[Family]) -> str:
    rows = [
        {
            "name": family.name,
            "date": family.date,
            "measure": family.measure,
            "pairs": [list(pair) for pair in family.pairs],
        }
        for family in families
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{{"families": [\n{lines}\n]}}\n'
