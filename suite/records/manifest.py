"""What an archive holds: every file of one task's results with its sha256, and the sum of the whole.

An archive is two files, ``<task>/<version>.tar.xz`` and beside it the manifest ``<task>/<version>.json``.
A version never changes. The manifest says how large everything is before any of it is opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput

MEMBER, TOTAL = 1 << 30, 8 << 30  # bytes of the largest file, and of all together
COUNT = 100_000  # files
LISTED = 64 << 20  # bytes of a manifest
_PART = (
    r"[A-Za-z0-9_][A-Za-z0-9_.=+,@-]*"  # no "..", no hidden file, nothing a system reads otherwise
)
_NAME = re.compile(f"({_PART})/({_PART})")
_MEMBER = re.compile(f"{_PART}(/{_PART})*")
_SUM = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class File:
    """Size in bytes and sha256 of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> File:
        """That of `content`."""
        return cls(len(content), hashlib.sha256(content).hexdigest())

    @classmethod
    def at(cls, path: Path) -> File:
        """That of the file at `path`, which is read in pieces."""
        with path.open("rb") as file:
            return cls(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


@dataclass(frozen=True)
class Manifest:
    """An archive's name, what its file must be, and its members by path below the task's folder."""

    task: str
    version: str
    archive: File
    members: Mapping[str, File]

    @property
    def name(self) -> str:
        """``<task>/<version>``."""
        return f"{self.task}/{self.version}"

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(member.size for member in self.members.values())

    @property
    def runs(self) -> int:
        """How many members are a run's configuration."""
        return sum(
            name.rpartition("/")[2] == "config.yaml" and name.count("/") == 2
            for name in self.members
        )

    def text(self) -> str:
        """The manifest as JSON, a member a line."""
        head = {"task": self.task, "version": self.version, "archive": _json(self.archive)}
        rows = [
            f"  {json.dumps(name)}: {json.dumps(_json(file))}"
            for name, file in sorted(self.members.items())
        ]
        return json.dumps(head)[:-1] + ',\n "members": {\n' + ",\n".join(rows) + "\n }}\n"


def parse(name: str) -> tuple[str, str]:
    """Task and version of an archive's name; `BadInput` when it is none."""
    found = _NAME.fullmatch(name)
    if not found:
        raise BadInput(f"archive {name!r}: name it TASK/VERSION, as in ja_math_micro/v1")
    return found[1], found[2]


def is_member(name: str) -> bool:
    """Whether a path may stand in an archive: relative, downwards, of plain letters, none hidden."""
    return bool(_MEMBER.fullmatch(name)) and len(name) <= 200


def read(path: Path, name: str) -> Manifest:
    """The manifest of the archive `name`, ``<task>/<version>``, in the file `path`.

    Raises
    ------
    BadInput
        When it is missing or damaged, is that of another archive, names a file that would not lie below
        the task's folder, or more than `COUNT`, `MEMBER` or `TOTAL` allow.
    """
    try:
        if path.stat().st_size > LISTED:
            raise BadInput(f"{path}: larger than any manifest ({LISTED >> 20} MiB)")
        data = json.loads(path.read_text(encoding="utf-8"))
        found = Manifest(
            data["task"],
            data["version"],
            _file(data["archive"]),
            {name: _file(entry) for name, entry in data["members"].items()},
        )
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; an archive's manifest lies beside it") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput(f"{path}: damaged, not the manifest of an archive") from None
    if found.name != name:
        raise BadInput(f"{path}: the manifest of {found.name!r}, not of {name!r}")
    _check(path, found)
    return found


def _check(path: Path, found: Manifest) -> None:
    lower: set[str] = set()
    for name, member in found.members.items():
        if not is_member(name):
            raise BadInput(f"{path}: member {name!r} would not lie below the task's folder")
        if name.lower() in lower:
            raise BadInput(f"{path}: member {name!r} twice, but for capital letters")
        lower.add(name.lower())
        if member.size > MEMBER:
            raise BadInput(f"{path}: member {name} of {member.size} bytes; {MEMBER} are allowed")
    if found.size > TOTAL or len(found.members) > COUNT:
        raise BadInput(
            f"{path}: {len(found.members)} members of {found.size} bytes; allowed are {COUNT} of {TOTAL}"
        )


def _json(file: File) -> dict[str, Any]:
    return {"bytes": file.size, "sha256": file.sha256}


def _file(data: Mapping[str, Any]) -> File:
    size, digest = data["bytes"], data["sha256"]
    if type(size) is not int or size < 0 or not _SUM.fullmatch(digest):
        raise ValueError("no size and sum")
    return File(size, digest)
