"""Journals at rest: ``trials.jsonl`` compressed as ``trials.jsonl.gz``.

What is being written stays plain, because each line of it is flushed and synced. Compressing is a step of
its own. It can be stopped anywhere: at every moment the plain file, the compressed one or both are whole.
Where both lie, the plain one counts, and it must begin with what the compressed one holds.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from suite.errors import BadInput, Busy

END = ".gz"
NAMES = ("trials.jsonl", "judged.jsonl")  # what is compressed, and read in both forms
LEVEL = 9


def form(path: Path) -> Path:
    """The file that holds the lines of `path`: its compressed form where only that is there."""
    there = _packed(path)
    return there if there.exists() and not path.exists() else path


def exists(path: Path) -> bool:
    """Whether `path` is there, plain or compressed."""
    return path.exists() or _packed(path).exists()


def content(path: Path) -> bytes:
    """All bytes of `path`, from whichever form is there.

    Parameters
    ----------
    path : Path
        The plain file's name.

    Returns
    -------
    bytes
        Empty where neither form is there.

    Raises
    ------
    BadInput
        When the compressed file is damaged, or both are there and do not agree.
    """
    plain = _bytes(path)
    stored = _unpacked(_packed(path))
    if plain is None and stored is None:
        plain = _bytes(path)  # it was being unpacked between the two looks
    if plain is not None and stored is not None and not plain.startswith(stored):
        raise BadInput(
            f"{path}: differs from {path.name}{END} beside it; move away the one that is not the run's"
        )
    return (plain if plain is not None else stored) or b""


def pack(path: Path) -> tuple[int, int]:
    """Replace `path` by its compressed form.

    The plain file goes when the compressed one is on the disk and was read back equal.

    Parameters
    ----------
    path : Path
        The plain file.

    Returns
    -------
    before, after : int
        Sizes in bytes.

    Raises
    ------
    Busy
        When another process is writing to it.
    BadInput
        When it cannot be written, or differs from a compressed file beside it.
    """
    with _held(path):
        plain, target = content(path), _packed(path)
        small = gzip.compress(plain, LEVEL, mtime=0)  # same lines, same bytes
        _replace(target, small)
        if _bytes(target) != small or gzip.decompress(small) != plain:
            target.unlink(missing_ok=True)
            raise BadInput(f"{target}: does not read back as it was written; {path.name} is kept")
        path.unlink()
    return len(plain), len(small)


def unpack(path: Path) -> None:
    """Replace the compressed form of `path`, where there is one, by the plain file.

    Raises
    ------
    Busy
        When another process has the compressed file.
    BadInput
        When it is damaged, differs from a plain file beside it, or cannot be replaced.
    """
    stored = _packed(path)
    if not stored.exists():
        return
    with _held(stored):
        plain = content(path)
        if not path.exists():
            _replace(path, plain)
        stored.unlink()


def _packed(path: Path) -> Path:
    return path.with_name(path.name + END)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """`path` with an exclusive lock, as a run holds on its journal."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    with file:
        lock(file, path)
        yield


def lock(file: IO[bytes], path: Path) -> None:
    """Lock the open `file`, which was found at `path`, until it is closed.

    Raises
    ------
    Busy
        When another process holds it, or has put another file in its place.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        same = False
    if not same:
        raise Busy(f"{path}: another process is writing to it")


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None


def _unpacked(path: Path) -> bytes | None:
    stored = _bytes(path)
    if stored is None:
        return None
    try:
        if not stored:  # which gzip takes for no lines at all
            raise EOFError
        return gzip.decompress(stored)
    except (OSError, EOFError, zlib.error):
        raise BadInput(f"{path}: damaged, no whole gzip file; restore it or move it away") from None


def _replace(path: Path, content: bytes) -> None:
    """Write `path` in one step; when this returns it is on the disk."""
    draft = path.with_name(f".{path.name}.draft")  # one process at a time: it holds the other form
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None
