"""Files that are read and written as a whole: what cannot be read or written is one clear line."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import yaml

from suite.errors import BadInput


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises
    ------
    BadInput
        Naming the file and the reason: it is not there, a folder, not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: cannot be read: not UTF-8") from None


def read_yaml(path: Path) -> Any:
    """What a YAML file says, as plain types; `BadInput` as in `read_text`, and for no YAML."""
    text = read_text(path)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # a date that is none is a ValueError
        raise BadInput(f"{path}: cannot be read: not valid YAML") from None


def read_json(path: Path) -> Any:
    """What a JSON file says; `BadInput` as in `read_text`, and for no JSON."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError:
        raise BadInput(f"{path}: cannot be read: not valid JSON") from None


def write_whole(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, so that no reader and no crash sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None


def write_yaml(path: Path, value: Any) -> None:
    """`write_whole` of plain types as YAML, keys in their order."""
    write_whole(path, yaml_text(value))


def yaml_text(value: Any) -> str:
    """Plain types as the YAML that the results folders hold, keys in their order."""
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


def make_writable(folder: Path) -> None:
    """Create `folder`; `BadInput` when it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise BadInput(f"results folder {folder}: not writable ({error.strerror})") from None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether no other process has `folder` to itself in this way; the lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        free = False
    else:
        free = True
    try:
        yield free
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file at `path`, made if it is not there; waits for who has it."""
    with opened(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def opened(path: Path, mode: str) -> Iterator[IO[Any]]:
    """The file at `path`, open; `BadInput` when it cannot be."""
    try:
        file = path.open(mode)
    except OSError as error:
        raise BadInput(f"{path}: cannot be opened ({error.strerror})") from None
    with file:
        yield file
