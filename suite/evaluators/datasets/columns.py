"""What the rows of a data set ask: which columns hold an item's prompt, answer, picture and id.

Where rows come from is the business of `parquet` and `tables`. A picture is what `datasets` writes for
an image, a struct of its file's ``bytes`` and ``path``; plain bytes, data URIs and paths are read as
well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets.items import Album, Item
from suite.evaluators.datasets.pictures import Picture

COLUMNS = ("id", "picture", "prompt", "expected")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps what an item needs.

    `columns` names the columns of ``prompt`` and ``expected`` and, optionally, of ``picture`` and
    ``id``; a table without a header numbers its columns from "0". ``qas.question`` is a field of the
    structs in ``qas``. A row whose cells hold lists asks a question for each entry, or with
    `first_question` its first one only.
    """

    columns: Mapping[str, str]
    first_question: bool = False

    def __post_init__(self) -> None:
        allowed = ", ".join(COLUMNS)
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise BadInput(f"columns: unknown {unknown[0]!r}; allowed are {allowed}")
        for key in ("prompt", "expected"):
            if key not in self.columns:
                raise BadInput(f"columns must name that of {key}")


def find(path: Path, pattern: str) -> list[Path]:
    """`path` itself, or the files directly in this folder whose names match `pattern`, sorted."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.glob(pattern) if file.is_file())
    if not found:
        raise BadInput(f"data set {path}: no file {pattern} in this folder")
    return found


def heads(layout: Layout, known: Sequence[str], where: str) -> list[str]:
    """The columns that hold what is named: of a name itself, or of its part before the dot."""
    found = set()
    for name in layout.columns.values():
        head = name if name in known else name.partition(".")[0]
        if head not in known:
            raise BadInput(f"{where}: no column {name!r}; there are {', '.join(known)}")
        found.add(head)
    return sorted(found)


def items(
    rows: Iterable[tuple[Path, int, Row]], layout: Layout, ids: Collection[str] | None = None
) -> list[Item]:
    """The items of rows, given as file, index and cells, or those with these ids.

    Items are called by their id cell, with ``/k`` for the k-th of a row's questions unless there is
    an id for each; without an id column by a digest of prompt and picture. `BadInput` names a row
    without a value, and a picture that cannot be decoded.
    """
    found: list[Item] = []
    album = Album()
    for path, index, row in rows:
        where = f"data set {path}, row {index}"
        seen = _picture(row, layout, path, where)
        for item in _items(row, layout, seen, where):
            if ids is None or item.id in ids:
                kept = None if seen is None else album.checked(seen)
                found.append(Item(item.id, item.prompt, item.expected, kept))
    return found


def _items(row: Row, layout: Layout, seen: Picture | None, where: str) -> Iterator[Item]:
    """What one row asks."""
    columns = layout.columns
    cells = {key: _entries(row, columns[key], where) for key in columns if key != "picture"}
    prompts, expected, ids = cells["prompt"], cells["expected"], cells.get("id")
    if not prompts or len(prompts) != len(expected):
        raise BadInput(
            f"{where}: {len(prompts)} entries in column {columns['prompt']!r},"
            f" {len(expected)} in {columns['expected']!r}; there must be as many, and one at least"
        )
    if ids is not None and len(ids) not in (1, len(prompts)):
        raise BadInput(f"{where}: {len(ids)} ids of {len(prompts)} questions")
    asked = 1 if layout.first_question else len(prompts)
    for number, prompt in enumerate(prompts[:asked]):
        if ids is None:
            content = f"{prompt}\n{seen.digest if seen else ''}"
            called = hashlib.sha256(content.encode()).hexdigest()[:16]
        elif len(ids) == 1 and asked > 1:
            called = f"{ids[0]}/{number}"
        else:
            called = ids[number]
        yield Item(called, prompt, expected[number], seen)


def _entries(row: Row, name: str, where: str) -> list[str]:
    """What a named column holds in this row, as a list; `BadInput` for a missing value or field."""
    head, _, field = name.partition(".")
    cell = row[name] if name in row else _field(row[head], field, name, where)
    found = cell if isinstance(cell, list) else [cell]
    if any(value is None or isinstance(value, dict | list | bytes) for value in found):
        raise BadInput(f"{where}: column {name!r} holds no text here")
    return [str(value) for value in found]


def _field(cell: Any, field: str, name: str, where: str) -> Any:
    """A field of each struct in a list; of a struct, which may hold a list itself."""
    parts = cell if isinstance(cell, list) else [cell]
    for part in parts:
        if not isinstance(part, dict) or field not in part:
            known = ", ".join(part) if isinstance(part, dict) else "none"
            raise BadInput(f"{where}: column {name!r}: no field {field!r}; there are {known}")
    values = [part[field] for part in parts]
    return values if isinstance(cell, list) else values[0]


def _picture(row: Row, layout: Layout, path: Path, where: str) -> Picture | None:
    name = layout.columns.get("picture")
    if name is None:
        return None
    cell = row.get(name)
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        return Picture(cell, where)
    if isinstance(cell, str):
        return Picture.parse(cell, path.parent, where)
    raise BadInput(f"{where}: column {name!r} holds no picture here")
