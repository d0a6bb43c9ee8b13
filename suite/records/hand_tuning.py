"""What a hand tuning wrote down: its rule, its cost and its merges, beside the runs of its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.records import files
from suite.records.folder import JUDGED
from suite.records.journal import JsonLines
from suite.records.judged import Line, judged_lines

FOLDER = "hand_tuned"  # beside the optimizers' in a task's results
RULE = "rule.yaml"


@dataclass(frozen=True)
class HandTuningFolder:
    """The folder of a task's hand tuning, which need not be there yet."""

    path: Path

    def rule(self) -> dict[str, Any] | None:
        """``rule.yaml``: what was to be tried, and how much of it; None where there is none yet.

        Raises
        ------
        BadInput
            When it is damaged: no ``candidates``, or no ``stages`` with a number each.
        """
        path = self.path / RULE
        if not path.exists():
            return None
        found: Any = files.read_yaml(path)
        stages = found.get("stages") if isinstance(found, dict) else None
        if (
            not isinstance(stages, dict)
            or type(found.get("candidates")) is not int
            or not all(type(count) is int for count in stages.values())
        ):
            raise BadInput(f"{path}: damaged; restore it, or move {self.path} away and tune again")
        return dict(found)

    def write_rule(self, rule: dict[str, Any]) -> None:
        files.write_yaml(self.path / RULE, rule)

    def cost(self) -> int | None:
        """How many merges the hand tuning tries; None where the task is not tuned yet."""
        found = self.rule()
        return None if found is None else int(found["candidates"])

    @property
    def judged(self) -> JsonLines[Line]:
        """Its merges on the select and the report items."""
        return judged_lines(self.path / JUDGED)
