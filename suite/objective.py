"""Objectives: one score each, normalised to a loss. Sign and scale change here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.records.trial import Score


@dataclass(frozen=True)
class Objective:
    """One objective of a task.

    `metric` names a score (``evaluator.figure``); `ideal` maps to loss 0 and `reference` to loss 1.
    Both are fixed in configuration before any data is seen.
    """

    name: str
    metric: str
    direction: Literal["maximize", "minimize"]
    ideal: float
    reference: float
    unit: str = ""

    def __post_init__(self) -> None:
        where = f"objective {self.name!r}"
        if self.direction not in ("maximize", "minimize"):
            raise BadInput(f"{where}: direction {self.direction!r} is not maximize or minimize")
        if not (math.isfinite(self.ideal) and math.isfinite(self.reference)):
            raise BadInput(
                f"{where}: ideal {self.ideal} and reference {self.reference} must be finite"
            )
        if self.ideal == self.reference:
            raise BadInput(f"{where}: ideal and reference are both {self.ideal}; they must differ")
        if (self.ideal > self.reference) != (self.direction == "maximize"):
            raise BadInput(
                f"{where}: ideal {self.ideal} is worse than reference {self.reference}"
                f" for direction {self.direction}"
            )

    def loss(self, score: float) -> float:
        """``(ideal − score) / (ideal − reference)``: 0 at the ideal, 1 at the reference."""
        return (self.ideal - score) / (self.ideal - self.reference)


def losses(objectives: Sequence[Objective], scores: Mapping[str, Score]) -> NDArray[np.float64]:
    """Losses, shape (m,), of measured scores; a missing metric is `BadInput` naming those there are."""
    for objective in objectives:
        if objective.metric not in scores:
            raise BadInput(
                f"objective {objective.name!r}: no metric {objective.metric!r};"
                f" the evaluators give {', '.join(sorted(scores))}"
            )
    return np.array([o.loss(scores[o.metric].value) for o in objectives])
