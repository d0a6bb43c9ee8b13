"""The lines of judged.jsonl: one model measured on one split each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.records.journal import JsonLines, records
from suite.records.trial import Score

Line = dict[str, Any]


def judged_lines(path: Path) -> JsonLines[Line]:
    """The file at `path`; a line that is no judged model is `BadInput` when it is read."""
    return records(path, _check)


def scores(line: Mapping[str, Any]) -> dict[str, Score]:
    """The scores of a line by ``evaluator.figure``."""
    return {name: Score.from_json(score) for name, score in line["scores"].items()}


def _check(line: Line) -> None:
    """Refuse, by `ValueError` or `KeyError`, what readers of the line rely on and do not find."""
    samples, losses = line.get("samples") or [], line["losses"]
    if not isinstance(line["recipe"], dict) or not isinstance(line["split"], str):
        raise ValueError("recipe or split")
    if not isinstance(losses, list) or not all(isinstance(loss, int | float) for loss in losses):
        raise ValueError("losses")
    if not isinstance(samples, list) or not all(isinstance(each, dict) for each in samples):
        raise ValueError("samples")
    if not isinstance(line["number"], int | None) or "name" not in line:
        raise ValueError("name or number")
    scores(line)
