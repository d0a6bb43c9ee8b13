"""Readers of the result files, by the standard library and numpy alone: nothing here knows the suite.

The formats were read off the files. A score is {value, stderr, n, items}; `items` is a string of one digit
per item (outcomes 0 and 1), or {values, codes} with a character 0-9a-z per item that names one of the
values, or a plain list; an empty string where outcomes were not kept.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
DIGITS = {letter: k for k, letter in enumerate("0123456789abcdefghijklmnopqrstuvwxyz")}


@dataclass(frozen=True)
class Objective:
    """One objective as config.yaml has it."""

    name: str
    metric: str
    ideal: float
    reference: float

    def loss(self, score: Array | float) -> Any:
        """(ideal − score) / (ideal − reference): 0 at the ideal, 1 at the reference."""
        return (self.ideal - score) / (self.ideal - self.reference)

    @property
    def larger_is_better(self) -> bool:
        return self.ideal > self.reference


def outcomes(score: dict[str, Any]) -> Array:
    """Outcomes of all items (n,), or an empty array where none were kept."""
    items = score["items"]
    if isinstance(items, str):
        return np.frombuffer(items.encode(), dtype=np.uint8).astype(float) - ord("0")
    if isinstance(items, dict):
        values = np.array(items["values"], dtype=float)
        return values[[DIGITS[letter] for letter in items["codes"]]]
    return np.array(items, dtype=float)


def score(scores: dict[str, Any], metric: str) -> float:
    """The mean of the outcomes, computed anew; without outcomes the value that was written."""
    items = scores[metric]["items"]
    if isinstance(items, str) and items:
        return items.count("1") / len(
            items
        )  # digits are 0 and 1; counted, since there are millions
    each = outcomes(scores[metric])
    return float(each.mean()) if each.size else float(scores[metric]["value"])


def opened(path: Path) -> IO[bytes]:
    """A file of JSON lines, which may lie compressed with .gz behind its name."""
    return path.open("rb") if path.exists() else gzip.open(f"{path}.gz")


def is_there(path: Path) -> bool:
    """Whether a file of JSON lines is there, plain or compressed."""
    return path.is_file() or path.with_name(f"{path.name}.gz").is_file()


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines, in order."""
    with opened(path) as file:
        for line in file:
            yield json.loads(line)


def trials(path: Path) -> Iterator[dict[str, Any]]:
    """The trials of a journal without their recipes, half of the file, which are not even parsed."""
    with opened(path) as file:
        yield from without_recipes(file)


def without_recipes(file: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The trials of these lines."""
    for line in file:
        number, rest = line.partition(b',"x":')[0], line.rpartition(b'"status":')[2]
        yield json.loads(number + b',"status":' + rest)


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows, f"{path}: no rows to check"
    return rows


def objectives(run: Path) -> list[Objective]:
    """The objectives of a run, in order, from its config.yaml."""
    return objectives_in((run / "config.yaml").read_text(encoding="utf-8"))


def objectives_in(text: str) -> list[Objective]:
    """The objectives of a configuration, in order."""
    found = yaml(text)["task"]["objectives"]
    assert all((o["ideal"] > o["reference"]) == (o["direction"] == "maximize") for o in found)
    return [
        Objective(o["name"], o["metric"], float(o["ideal"]), float(o["reference"])) for o in found
    ]


def budget(run: Path) -> int:
    """How many trials a run was given, from its config.yaml."""
    return int(yaml((run / "config.yaml").read_text(encoding="utf-8"))["trials"])


def runs(task: Path) -> dict[str, dict[int, Path]]:
    """Folders of a task's runs by strategy and seed."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(task.glob("*/seed=*")):
        if is_there(path / "trials.jsonl"):
            found.setdefault(path.parent.name, {})[int(path.name.removeprefix("seed="))] = path
    return {name: dict(sorted(by.items())) for name, by in sorted(found.items())}


def yaml(text: str) -> Any:
    """The subset of YAML that these files use: blocks of maps and lists, plain scalars, [] and {}."""
    rows = _rows(text)
    value, end = _block(rows, 0)
    if end != len(rows):
        raise ValueError(f"not read from line {rows[end][1]!r} on")
    return value


def _rows(text: str) -> list[tuple[int, str]]:
    """Indent and content of each row; a quoted scalar over several rows is one."""
    rows: list[tuple[int, str]] = []
    quote = ""
    for row in text.splitlines():
        body = row.strip()
        if quote:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {body}")
        elif body and not body.startswith("#"):
            rows.append((len(row) - len(row.lstrip()), body))
            start = body.rpartition(": ")[2].removeprefix("- ")
            quote = start[0] if start[0] in "'\"" and start.count(start[0]) % 2 else ""
            continue
        quote = "" if quote and body.count(quote) % 2 else quote
    return rows


def _block(rows: list[tuple[int, str]], at: int) -> tuple[Any, int]:
    """The block that begins at row `at`, and the row after it."""
    indent, first = rows[at]
    if first.startswith("- "):
        return _list(rows, at, indent)
    found: dict[str, Any] = {}
    while at < len(rows) and rows[at][0] == indent and not rows[at][1].startswith("- "):
        key, colon, rest = rows[at][1].partition(":")
        if not colon:
            raise ValueError(f"no key in {rows[at][1]!r}")
        at += 1
        if rest.strip():
            found[key] = _scalar(rest.strip())
        elif at < len(rows) and (
            rows[at][0] > indent or (rows[at][0] == indent and rows[at][1].startswith("- "))
        ):
            found[key], at = _block(rows, at)
        else:
            found[key] = None
    return found, at


def _list(rows: list[tuple[int, str]], at: int, indent: int) -> tuple[list[Any], int]:
    found = []
    while at < len(rows) and rows[at][0] == indent and rows[at][1].startswith("- "):
        inner = rows[at][1][2:].strip()
        if ": " in inner or inner.endswith(":"):
            rows[at] = (indent + 2, inner)  # a map whose first key stands behind the dash
            value, at = _block(rows, at)
        else:
            value, at = _scalar(inner), at + 1
        found.append(value)
    return found, at


def _scalar(text: str) -> Any:
    plain = {"null": None, "true": True, "false": False, "[]": [], "{}": {}}
    if text in plain:
        return plain[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text.strip("'\"")


def stack(rows: Iterable[list[float]], columns: int) -> Array:
    """Rows as an array (n, columns), also where there is none."""
    return np.array(list(rows), dtype=float).reshape(-1, columns)


def document(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
