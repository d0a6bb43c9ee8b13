"""Items of a data set: an evaluator's ``data:``, which files and columns, and which rows in which split.

For example, searching on one data set and reporting on another::

    data:
      columns: {picture: image, prompt: question, expected: answer}
      search: {path: a/data, files: "train-*.parquet", first_question: true, rows: "0:800",
               columns: {picture: image, prompt: qas.question, expected: qas.answer}}
      select: {path: …, rows: "800:1000", …}
      report: {path: b/data}

What stands beside the splits holds for each of them that does not say otherwise. Formats: ``parquet``;
``json``, JSON lines with columns of their own, as the Hub has them; ``tsv``, whose columns are numbered
(``columns: {prompt: 0, expected: 1}``) or named by a ``header``; ``jsonl``, the suite's own item files.

Rows may be drawn, here two disjoint draws from one data set::

      search: {rows: {draw: 100, seed: 3}}
      select: {rows: {draw: 400, seed: 3}}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets import columns, item_draws, parquet, tables
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.datasets.items import SPLITS, Item

KEYS = (
    *("path", "format", "files", "columns", "first_question", "rows", "ids", "name", "header"),
    "sha256",
)
# What a folder is searched for where `files` does not say.
FORMATS = {"parquet": "*.parquet", "jsonl": "*.jsonl", "json": "*.jsonl", "tsv": "*.tsv"}

Spec = Mapping[str, Any]
Taken = TypeVar("Taken")


def read_splits(data: Spec, where: str) -> dict[str, list[Item]]:
    """The three splits that `data` describes, proved disjoint.

    Per split: ``path``, a file or a folder of files; ``format``, a key of
    `FORMATS` (default parquet); ``files``, which files of the folder (default: see `FORMATS`);
    ``columns`` and ``first_question``, see `columns.Layout`; ``header``, whether the first line of a
    tsv names its columns (default: no); ``rows``, ``start:stop``, a list of indices or a draw
    (`item_draws`), or ``ids``, a list: all rows without either; ``name``, put before each id as
    ``name/``, since ids of two data sets may be the same; ``sha256``, what `items.digest` of the
    items must be, so that a data set that has changed is refused. Draws come last, in the order of
    the splits, and take nothing that another split has. `BadInput` begins with `where`.
    """
    specs, taken = _specs(data, where), set[item_draws.Key]()
    drawn = {split for split, spec in specs.items() if isinstance(spec.get("rows"), Mapping)}
    found: dict[str, list[Item]] = {}
    for split in sorted(specs, key=drawn.__contains__):
        found[split] = _read(specs[split], f"{where}, split {split}", taken)
        taken.update(key for item in found[split] for key in item_draws.keys(item))
    splits = {split: found[split] for split in specs}
    item_sets.check_disjoint(splits, where)
    return splits


def files(data: Spec, where: str) -> dict[str, Path]:
    """The files that `data` names, by split and name: hashing these tells whether they are the same."""
    found = {}
    for split, spec in _specs(data, where).items():
        for path in columns.find(_path(spec), _pattern(spec, where)):
            own = _format(spec, where) == "jsonl"
            parts = item_sets.files_of(path) if own else {path.name: path}
            found.update({f"{split}/{name}": file for name, file in parts.items()})
    return found


def _specs(data: Spec, where: str) -> dict[str, Spec]:
    """The whole description of each split."""
    if not isinstance(data, Mapping):
        raise BadInput(f"{where}: data {data!r} must map splits to what they are read from")
    common = {key: value for key, value in data.items() if key not in SPLITS}
    specs: dict[str, Spec] = {}
    for split in SPLITS:
        own = data.get(split, {})
        if split not in data or not isinstance(own, Mapping):
            raise BadInput(f"{where}: data must describe {split}; it has {', '.join(data)}")
        spec = {**common, **own}
        if unknown := sorted(set(spec) - set(KEYS)):
            raise BadInput(
                f"{where}, split {split}: unknown key {unknown[0]!r}; allowed are {', '.join(KEYS)}"
            )
        if not spec.get("path"):
            raise BadInput(f"{where}, split {split}: no path")
        specs[split] = spec
    return specs


def _read(spec: Spec, where: str, taken: Set[item_draws.Key]) -> list[Item]:
    """The items of one split; a draw leaves out what is `taken`."""
    if spec.get("rows") is not None and spec.get("ids") is not None:
        raise BadInput(f"{where}: give either rows or ids")
    draw = item_draws.Draw.parse(spec.get("rows"), where)
    found = _listed(spec if draw is None else {**spec, "rows": draw.of}, where)
    if not found:
        raise BadInput(f"{where}: no items")
    if draw is not None:
        found = draw.items(found, taken, where)
    _check_unchanged(found, spec.get("sha256"), _path(spec), where)
    if not (name := spec.get("name")):
        return found
    return [Item(f"{name}/{i.id}", i.prompt, i.expected, i.picture) for i in found]


def _listed(spec: Spec, where: str) -> list[Item]:
    """The items of the rows or ids that `spec` lists."""
    paths, rows, ids = columns.find(_path(spec), _pattern(spec, where)), spec.get("rows"), None
    if spec.get("ids") is not None:
        ids = {str(each) for each in spec["ids"]}
    match _format(spec, where):
        case "jsonl":
            whole = [item for path in paths for item in item_sets.read(path)]
            kept = _taken(whole, rows, where)
            found = [item for item in kept if ids is None or item.id in ids]
        case "parquet":
            layout, wanted = _layout(spec, where), _rows(rows, parquet.count(paths), where)
            found = parquet.read(paths, layout, wanted, ids)
        case _:
            layout = _layout(spec, where)
            found = columns.items(_taken(_table(spec, layout, where), rows, where), layout, ids)
    if lost := sorted((ids or set()) - {item.id for item in found}):
        raise BadInput(f"{where}: no item has the id {lost[0]!r}")
    return found


def _check_unchanged(found: list[Item], wanted: Any, path: Path, where: str) -> None:
    """Refuse other items than those that the configuration was written for."""
    if wanted is not None and (here := item_sets.digest(found)) != str(wanted):
        raise BadInput(
            f"{where}: the items of {path} have changed, their sha256 is {here}, not {wanted};"
            " take the data set as it was, or set sha256 to null and publish no score beside others"
        )


def _table(spec: Spec, layout: columns.Layout, where: str) -> tables.Rows:
    """The rows of text files."""
    paths = columns.find(_path(spec), _pattern(spec, where))
    if _format(spec, where) == "json":
        return tables.json_lines(paths, layout)
    return tables.tsv(paths, layout, bool(spec.get("header", False)))


def _layout(spec: Spec, where: str) -> columns.Layout:
    given = spec.get("columns") or {}
    if not isinstance(given, Mapping):
        raise BadInput(f"{where}: columns {given!r} is not of the form {{prompt: column, …}}")
    try:
        named = {key: str(column) for key, column in given.items()}
        return columns.Layout(named, bool(spec.get("first_question", False)))
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _path(spec: Spec) -> Path:
    return resources.resolve(str(spec["path"]))


def _pattern(spec: Spec, where: str) -> str:
    return str(spec.get("files", FORMATS[_format(spec, where)]))


def _format(spec: Spec, where: str) -> str:
    found = str(spec.get("format", "parquet"))
    if found not in FORMATS:
        raise BadInput(f"{where}: no format {found!r}; there are {', '.join(FORMATS)}")
    return found


def _taken(whole: Sequence[Taken], rows: Any, where: str) -> list[Taken]:
    """Those of `whole` that `rows` asks for."""
    wanted = _rows(rows, len(whole), where)
    return [each for row, each in enumerate(whole) if wanted is None or row in wanted]


def _rows(rows: Any, count: int, where: str) -> Collection[int] | None:
    """Row indices; None is all of them."""
    if rows is None:
        return None
    found = item_sets.indices(rows, f"{where}: rows", count, f"the data set's {count} rows")
    return found if isinstance(found, range) else frozenset(found)
