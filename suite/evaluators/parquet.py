"""Data sets as the Hub keeps them, as local files: parquet with columns that are named by configuration.

A picture is what `datasets` writes for an image: a struct of its file's ``bytes`` and ``path``; plain
bytes, data URIs and paths are read as well. Confirmed columns (the data sets' cards):
SakanaAI/JA-VG-VQA-500, ``data/test-*`` (500 rows) and ``data/train-*`` (1000): image_id, image, qas (a
list of structs with qa_id, question, answer), …; SakanaAI/JA-VLM-Bench-In-the-Wild, ``data/test-*``
(50 rows): image, question, answer, page_url, image_url. Nothing in a file is executed or downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators.items import Album, Item
from suite.evaluators.pictures import Picture

COLUMNS = ("id", "picture", "prompt", "expected")
_BATCH = 32  # rows decoded at once: with their pictures, some ten megabytes

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps what an item needs.

    `columns` names the columns of ``prompt`` and ``expected`` and, optionally, of ``picture`` and
    ``id``; ``qas.question`` is a field of the structs in ``qas``. A row whose cells hold lists asks
    a question for each entry, or with `first_question` its first one only.
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


def find(path: Path, pattern: str = "*.parquet") -> list[Path]:
    """`path` itself, or the files directly in this folder whose names match `pattern`, sorted."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.glob(pattern) if file.is_file())
    if not found:
        raise BadInput(f"data set {path}: no file {pattern} in this folder")
    return found


def count(paths: Sequence[Path]) -> int:
    """Rows of all files together."""
    return sum(_open(path).metadata.num_rows for path in paths)


def read(
    paths: Sequence[Path],
    layout: Layout,
    rows: Collection[int] | None = None,
    ids: Collection[str] | None = None,
) -> list[Item]:
    """The items of these rows, or with these ids, or all; row indices run on through all files.

    Items are called by their id cell, with ``/k`` for the k-th of a row's questions unless there is
    an id for each; without an id column by a digest of prompt and picture. `BadInput` names a
    missing column, a row without a value, and a picture that cannot be decoded.
    """
    items: list[Item] = []
    album = Album()
    for path, index, row in _rows(paths, layout, rows):
        where = f"data set {path}, row {index}"
        seen = _picture(row, layout, path, where)
        for item in _items(row, layout, seen, where):
            if ids is None or item.id in ids:
                kept = None if seen is None else album.checked(seen)
                items.append(Item(item.id, item.prompt, item.expected, kept))
    return items


def _rows(
    paths: Sequence[Path], layout: Layout, rows: Collection[int] | None
) -> Iterator[tuple[Path, int, Row]]:
    """File, index and cells of the wanted rows, decoded a few at a time."""
    import pyarrow

    start = 0
    for path in paths:
        file = _open(path)
        heads = _heads(layout.columns, file.schema_arrow.names, path)
        try:
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                if rows is None or any(row in rows for row in range(start, stop)):
                    index = start
                    for batch in file.iter_batches(_BATCH, row_groups=[group], columns=heads):
                        indices = range(index, index + len(batch))
                        taken = [at for at in indices if rows is None or at in rows]
                        cells = batch.take(pyarrow.array([at - index for at in taken], "int64"))
                        for at, row in zip(taken, cells.to_pylist(), strict=True):
                            yield path, at, row
                        index += len(batch)
                start = stop
        except (OSError, pyarrow.ArrowException) as error:
            raise BadInput(f"data set {path}: cannot be read ({_line(error)})") from None


def _open(path: Path) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise BadInput(f"data set {path} needs pyarrow: pip install 'merge-suite[vlm]'") from None
    try:
        return parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise BadInput(f"data set {path}: not a parquet file ({_line(error)})") from None


def _heads(columns: Mapping[str, str], known: Sequence[str], path: Path) -> list[str]:
    """The columns that hold what is named: of a name itself, or of its part before the dot."""
    heads = set()
    for name in columns.values():
        head = name if name in known else name.partition(".")[0]
        if head not in known:
            raise BadInput(f"data set {path}: no column {name!r}; there are {', '.join(known)}")
        heads.add(head)
    return sorted(heads)


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


def _line(error: Exception) -> str:
    """One line about `error`."""
    return " ".join(str(error).split())
