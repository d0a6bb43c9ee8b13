"""The run card: on what a run was made, and on what it was continued.

A card is a record that people read, not state: nothing of a run depends on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.records import files

CONTINUED = "continued"


def read(path: Path) -> dict[str, Any] | None:
    """The card at `path`; None where there is none.

    Raises
    ------
    BadInput
        Naming the file when it is damaged.
    """
    if not path.exists():
        return None
    found = files.read_json(path)
    later = found.get(CONTINUED, []) if isinstance(found, dict) else None
    if not isinstance(later, list) or not all(isinstance(card, dict) for card in later):
        raise BadInput(f"{path}: damaged: not a JSON object of a run's card")
    if not isinstance(found.get("packages", {}), dict):
        raise BadInput(f"{path}: damaged: packages is no object of versions by name")
    return dict(found)


def keep(path: Path, card: Mapping[str, Any]) -> None:
    """Keep a run's first card; a run continued under another one lists that under ``continued``."""
    kept = read(path) or dict(card)
    later = kept.get(CONTINUED, [])
    first = {key: value for key, value in kept.items() if key != CONTINUED}
    if card != [first, *later][-1]:
        kept = {**first, CONTINUED: [*later, card]}
    files.write_whole(path, json.dumps(kept, indent=1) + "\n")


def set_aside(path: Path) -> Path:
    """Move a damaged card out of the way, and say where it is now: beside it, nothing overwritten."""
    aside, number = path.with_name(f"{path.name}.damaged"), 2
    while aside.exists():
        aside, number = path.with_name(f"{path.name}.damaged-{number}"), number + 1
    try:
        path.rename(aside)
    except OSError as error:
        raise BadInput(f"{path}: damaged, and cannot be moved ({error.strerror})") from None
    return aside
