"""Local copies of the data sets that lm-eval's tasks read: an evaluator's ``data:``.

For example, a folder with a file for each split of the data set::

    data:
      path: data/JGLUE
      files: {train: JNLI/train/*.parquet, validation: JNLI/validation/*.parquet}

The names under ``files`` are those that the task's YAML gives the data set's splits. Formats, by the
end of a file's name: parquet; jsonl, a JSON object a line; json, a list of objects, or also one a line;
tsv, without quotes, its columns numbered from "0" or named by a header. Nothing in a file is executed,
and nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets import columns
from suite.evaluators.lm_eval.forms import FORMS

KEYS = ("path", "get", "files", "form", "columns", "values", "header")

Spec = Mapping[str, Any]


class Splits(dict[str, Any]):
    """A data set's splits by name; asking for one that is not there is `BadInput`."""

    def __init__(self, found: Mapping[str, Any], where: str) -> None:
        super().__init__(found)
        self._where = where

    def __missing__(self, name: str) -> Any:
        raise BadInput(
            f"{self._where}: the task wants the data set's split {name!r}; data has files for"
            f" {', '.join(self)}"
        )


def read(data: Spec, where: str) -> Splits:
    """The splits that `data` names, each a `datasets.Dataset` in memory.

    ``path``: a folder; ``get``: what to do where it is missing; ``files``: for each split a pattern of
    file names below it, all in one format; ``form``: of json files that are no list of rows, how they
    are built (`lm_eval_forms.FORMS`);
    ``columns``: ``{name: column of the file}``, columns to be called otherwise; ``values``: ``{column:
    [text, …]}``, columns whose texts become their places in the list, as a task wants its labels;
    ``header``: whether the first line of a tsv names its columns (default: no). `BadInput` begins with
    `where`.
    """
    found = {}
    for split, paths in _paths(data, where).items():
        at = f"{where}, data, {split}"
        table = _table(paths, data, at)
        found[split] = _dataset(_shaped(table, data, at), at)
    return Splits(found, where)


def files(data: Spec, where: str) -> dict[str, Path]:
    """The files that `data` names, by split and name: hashing these tells whether they are the same."""
    found = _paths(data, where).items()
    root = resources.resolve(str(data["path"]))
    return {f"{split}/{p.relative_to(root)}": p for split, paths in found for p in paths}


def _paths(data: Spec, where: str) -> dict[str, list[Path]]:
    if not isinstance(data, Mapping) or (unknown := sorted(set(data) - set(KEYS))):
        wrong = repr(unknown[0]) if isinstance(data, Mapping) else repr(data)
        raise BadInput(f"{where}: data: unknown {wrong}; allowed are {', '.join(KEYS)}")
    patterns = data.get("files")
    if not data.get("path") or not isinstance(patterns, Mapping) or not patterns:
        raise BadInput(f"{where}: data must have path and files: {{split: pattern, …}}")
    if data.get("form") is not None and data["form"] not in FORMS:
        raise BadInput(f"{where}: data: no form {data['form']!r}; there are {', '.join(FORMS)}")
    for key in ("columns", "values"):
        if not isinstance(data.get(key) or {}, Mapping):
            raise BadInput(f"{where}: data: {key} {data[key]!r} must map columns")
    folder = resources.resolve(str(data["path"]))
    if not folder.is_dir():
        raise BadInput(f"{where}: data: no folder {folder}{_way(data)}")
    return {str(split): columns.find(folder, str(each)) for split, each in patterns.items()}


def _way(data: Spec) -> str:
    return f"; {data['get']}" if data.get("get") else ""


def _table(paths: Sequence[Path], data: Spec, where: str) -> Any:
    """The rows of all files, as one pyarrow table."""
    import pyarrow

    reader = _READERS.get(paths[0].suffix)
    if reader is None or any(path.suffix != paths[0].suffix for path in paths):
        names = ", ".join(path.name for path in paths[:2])
        raise BadInput(f"{where}: {names}: files must be of one format: {', '.join(_READERS)}")
    tables = []
    for path in paths:
        try:
            tables.append(reader(path, data))
        except (OSError, ValueError, TypeError, LookupError, pyarrow.ArrowException) as error:
            told = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise BadInput(f"{where}: {path}: cannot be read ({told})") from None
    return pyarrow.concat_tables(tables, promote_options="default")


def _parquet(path: Path, _: Spec) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _json(path: Path, data: Spec) -> Any:
    import pyarrow

    text, form = path.read_bytes().decode("utf-8-sig"), data.get("form")
    if form is not None:
        rows = FORMS[form](json.loads(text))
    elif path.suffix == ".json" and text.lstrip().startswith("["):
        rows = json.loads(text)
    else:
        rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a JSON object in each row")
    names = dict.fromkeys(name for row in rows for name in row)
    return pyarrow.table({name: [row.get(name) for row in rows] for name in names})


def _tsv(path: Path, data: Spec) -> Any:
    from pyarrow import csv

    header = bool(data.get("header", False))
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(autogenerate_column_names=not header),
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
    )
    if header:
        return table
    return table.rename_columns([str(number) for number in range(table.num_columns)])


_READERS: Mapping[str, Callable[[Path, Spec], Any]] = {
    ".parquet": _parquet,
    ".jsonl": _json,
    ".json": _json,
    ".tsv": _tsv,
}


def _shaped(table: Any, data: Spec, where: str) -> Any:
    """`table` with the columns and labels that the task expects."""
    import pyarrow

    renamed = {str(there): str(name) for name, there in (data.get("columns") or {}).items()}
    values = data.get("values") or {}
    names = [renamed.get(name, name) for name in table.column_names]
    for name in [*renamed, *(n for n in values if n not in renamed.values())]:
        if name not in table.column_names:
            raise BadInput(
                f"{where}: no column {name!r}; there are {', '.join(table.column_names)}"
            )
    if renamed:
        table = table.rename_columns(names)
    for name, texts in values.items():
        place = {text: number for number, text in enumerate(texts)}
        found = table[name].to_pylist()
        if unknown := [each for each in found if each not in place]:
            raise BadInput(
                f"{where}: column {name!r} has {unknown[0]!r}; values lists {', '.join(place)}"
            )
        labels = pyarrow.array([place[each] for each in found], "int64")
        table = table.set_column(names.index(name), name, labels).replace_schema_metadata(None)
    return table


def _dataset(table: Any, where: str) -> Any:
    import datasets

    if not table.num_rows:
        raise BadInput(f"{where}: no rows")
    return datasets.Dataset(table)
