"""What a hand tuning wrote down: its rule and its cost, beside the runs of its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from suite.errors import BadInput

FOLDER = "hand_tuned"  # beside the optimizers' in a task's results
RULE = "rule.yaml"


def read(folder: Path) -> dict[str, Any] | None:
    """``rule.yaml`` of a task's hand tuning in `folder`; None where there is none yet."""
    path = folder / RULE
    if not path.exists():
        return None
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        found = None
    if not isinstance(found, dict) or type(found.get("candidates")) is not int:
        raise BadInput(f"{path}: damaged; restore it, or move {folder} away and tune again")
    return found


def cost(folder: Path) -> int | None:
    """How many merges the hand tuning in `folder` tries; None where a task is not tuned yet."""
    found = read(folder)
    return None if found is None else int(found["candidates"])
