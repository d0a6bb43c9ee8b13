"""The journal: append-only JSON lines of a run's trials, the only state there is.

A line is complete or it does not count: each is flushed and synced before the optimizer is told, and
a last line torn by a crash is dropped on the next start. Anything else that does not parse is damage
that only a person can judge, and is refused by line number. A file that lies compressed (`packed`) is
read like a plain one, and unpacked before a line is appended to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from suite.errors import BadInput
from suite.records import files, packed
from suite.records.trial import Trial

T = TypeVar("T")


class JsonLines(Generic[T]):
    """An append-only file of JSON lines, read and written through `parse` and `render`."""

    def __init__(self, path: Path, parse: Any, render: Any) -> None:
        self.path = path
        self._parse, self._render = parse, render

    @property
    def file(self) -> Path:
        """Where the lines lie: `path`, or its compressed form where only that is there."""
        return packed.form(self.path)

    def read(self) -> list[T]:
        """All complete records; `BadInput` names the line of a damaged one."""
        return list(self._records())

    def append(self, record: T) -> None:
        """Write one record; when this returns it is on the disk. `BadInput` when it cannot be."""
        line = (self._render(record) + "\n").encode()
        packed.unpack(self.path)
        whole = self._whole_bytes()
        try:
            with self.path.open("ab") as file:
                if file.tell() != whole:
                    file.truncate(whole)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._cut(whole)
            raise BadInput(f"{self.path}: cannot be written ({error.strerror})") from None

    def _records(self) -> Iterator[T]:
        content = packed.content(self.path)
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                yield self._parse(line.decode())
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadInput(
                    f"{self.file}, line {number}: damaged; restore the file or move it away"
                ) from None

    def _whole_bytes(self) -> int:
        """Size of the file up to and including its last newline."""
        if not self.path.exists():
            return 0
        with files.opened(self.path, "rb") as file:
            position = int(file.seek(0, os.SEEK_END))
            while position > 0:
                step = min(65536, position)
                file.seek(position - step)
                found = int(file.read(step).rfind(b"\n"))
                if found >= 0:
                    return position - step + found + 1
                position -= step
        return 0

    def _cut(self, size: int) -> None:
        """Take back what a failed write left, so that nothing half-written stays."""
        try:
            os.truncate(self.path, size)
        except OSError:  # the torn line is dropped on the next start instead
            return


class Journal(JsonLines[Trial]):
    """The trials of one run, in order; trial k stands on line k + 1."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Trial.from_line, Trial.to_line)

    def read(self) -> list[Trial]:
        trials = super().read()
        for line, trial in enumerate(trials, start=1):
            if trial.number != line - 1:
                raise BadInput(
                    f"{self.file}, line {line}: trial {trial.number} where {line - 1} belongs"
                )
        return trials


def records(
    path: Path, check: Callable[[dict[str, Any]], None] = lambda record: None
) -> JsonLines[dict[str, Any]]:
    """A file of plain JSON objects; `check` raises `ValueError` or `KeyError` at one that is damaged."""

    def render(record: dict[str, Any]) -> str:
        return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def parse(line: str) -> dict[str, Any]:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("not an object")
        check(record)
        return record

    return JsonLines(path, parse, render)
