"""Data sets as the Hub keeps them, as local text files: tab-separated values and JSON lines.

Confirmed columns: MGSM's ``mgsm_ja.tsv`` (250 rows, no header) has the question, a tab and the answer,
four answers written as "2,125"; SakanaAI/gsm8k-ja-test_250-1319's one .jsonl file has ``question`` and
``answer_number`` (so public code reads it). Only a line feed ends a row, perhaps behind a carriage
return, since texts may hold other separators. Cells are what stands between tabs; quotes mean nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from suite.errors import BadInput
from suite.evaluators.datasets import columns
from suite.evaluators.datasets.columns import Layout, Row

Rows = list[tuple[Path, int, Row]]  # file, index and cells, as `columns.items` takes them


def tsv(paths: Sequence[Path], layout: Layout, header: bool = False) -> Rows:
    """The rows of tab-separated files; indices run on through all of them.

    Columns are numbered from "0" or, with `header`, named by each file's first line. Empty lines are
    no rows. `BadInput` names a row with another number of cells than the first line, and a missing
    column.
    """
    found: Rows = []
    for path in paths:
        names: list[str] = []
        for number, line in _lines(path):
            cells = line.split("\t")
            if not names:
                names = cells if header else [str(column) for column in range(len(cells))]
                columns.heads(layout, names, f"data set {path}")
                if header:
                    continue
            if len(cells) != len(names):
                raise BadInput(
                    f"data set {path}, line {number}: {len(cells)} cells, the first has {len(names)}"
                )
            found.append((path, len(found), dict(zip(names, cells, strict=True))))
    return found


def json_lines(paths: Sequence[Path], layout: Layout) -> Rows:
    """The rows of files with a JSON object a line; `BadInput` names a bad line, a missing column."""
    found: Rows = []
    for path in paths:
        for number, line in _lines(path):
            where = f"data set {path}, line {number}"
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise BadInput(f"{where}: not a JSON object")
            columns.heads(layout, list(row), where)
            found.append((path, len(found), row))
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file, without the empty ones."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"data set {path}: cannot be read ({error})") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")
