"""The package's own data, paths as configurations write them, and the user's cache."""

from __future__ import annotations

import functools
import os
import tempfile
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
