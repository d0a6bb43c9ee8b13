"""Where things lie: the package's own data, and the folders of a run."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from suite.errors import BadInput

PACKAGE = Path(__file__).resolve().parent
ZOO = PACKAGE / "zoo" / "shipped"


def data(folder: str) -> Path:
    """`conf` or `baselines`: inside an installed package, or beside `suite/` in a checkout."""
    installed = PACKAGE / folder
    return installed if installed.is_dir() else PACKAGE.parent / folder


def resolve(path: str) -> Path:
    """A path as configuration writes it: ``zoo:name/…`` is shipped data, anything else a local path."""
    if not path.startswith("zoo:"):
        return Path(path).expanduser()
    found = ZOO / path.removeprefix("zoo:")
    if not found.exists():
        shipped = (
            ", ".join(sorted(entry.name for entry in ZOO.iterdir())) if ZOO.is_dir() else "none"
        )
        raise BadInput(f"{path}: no such shipped data; shipped: {shipped}")
    return found


def run_folder(results: str | Path, task: str, optimizer: str, seed: int) -> Path:
    """``<results>/<task>/<optimizer>/seed=<n>``."""
    return Path(results) / task / optimizer / f"seed={seed}"


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


def make_writable(folder: Path) -> None:
    """Create `folder`; `BadInput` when it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise BadInput(f"results folder {folder}: not writable ({error.strerror})") from None


def write_whole(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, so that no reader and no crash sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None


def cache(kind: str) -> Path:
    """A folder of the user's cache: below ``MERGE_SUITE_CACHE``, or ``XDG_CACHE_HOME/merge-suite``.

    Where that cannot be written to, a folder for temporary files that is new with each process.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(os.environ.get("MERGE_SUITE_CACHE") or Path(home) / "merge-suite")
    try:
        (root / kind).mkdir(parents=True, exist_ok=True)
        if os.access(root / kind, os.W_OK | os.X_OK):
            return root / kind
    except OSError:
        pass
    return _temporary(kind)


@functools.cache
def _temporary(kind: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"merge-suite-{kind}-"))
