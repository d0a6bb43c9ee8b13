"""Data sets as the Hub keeps them, as local files: parquet, read a few rows at a time.

Confirmed columns (the data sets' cards): SakanaAI/JA-VG-VQA-500, ``data/test-*`` (500 rows) and
``data/train-*`` (1000): image_id, image, qas (a list of structs with qa_id, question, answer), …;
SakanaAI/JA-VLM-Bench-In-the-Wild, ``data/test-*`` (50 rows): image, question, answer, page_url,
image_url. Nothing in a file is executed or downloaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets import columns
from suite.evaluators.datasets.columns import Layout, Row
from suite.evaluators.datasets.items import Item

_BATCH = 32  # rows decoded at once: with their pictures, some ten megabytes


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

    What they are called and refused for is said at `columns.items`; a missing column is `BadInput`.
    """
    return columns.items(_rows(paths, layout, rows), layout, ids)


def _rows(
    paths: Sequence[Path], layout: Layout, rows: Collection[int] | None
) -> Iterator[tuple[Path, int, Row]]:
    """File, index and cells of the wanted rows, decoded a few at a time."""
    import pyarrow

    start = 0
    for path in paths:
        file = _open(path)
        heads = columns.heads(layout, file.schema_arrow.names, f"data set {path}")
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


def _line(error: Exception) -> str:
    """One line about `error`."""
    return " ".join(str(error).split())
