"""Objectives: one score each, normalised to a loss. Sign and scale change here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

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

    @classmethod
    def listed(cls, given: Any, where: str) -> tuple[Objective, ...]:
        """The objectives that a configuration gives, as a list or by name, in its order.

        Parameters
        ----------
        given : list or mapping of mappings
            Each with name, metric, direction, ideal and reference; unit may be left out.
        where : str
            What `BadInput` begins with.

        Raises
        ------
        BadInput
            For anything else, for none at all, and for two of one name.
        """
        entries = [*given.values()] if isinstance(given, Mapping) else given
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise BadInput(f"{where}: objectives must be listed; it is {given!r}")
        if not entries:
            raise BadInput(f"{where}: no objectives")
        found = tuple(cls._parsed(entry, where) for entry in entries)
        names = [objective.name for objective in found]
        if twice := [name for name in names if names.count(name) > 1]:
            raise BadInput(f"{where}: two objectives are called {twice[0]!r}")
        return found

    @classmethod
    def _parsed(cls, entry: Any, where: str) -> Objective:
        known = {field.name for field in fields(cls)}
        if not isinstance(entry, Mapping) or not known - {"unit"} <= set(entry) <= known:
            raise BadInput(
                f"{where}: task.objectives must list name, metric, direction, ideal, reference, unit;"
                f" this is {entry!r}"
            )
        for key in ("ideal", "reference"):
            if type(entry[key]) not in (int, float):
                raise BadInput(
                    f"{where}: objective {entry['name']!r}: {key} {entry[key]!r} must be a number"
                )
        texts = {key: str(entry[key]) for key in ("name", "metric")}
        return cls(**{**entry, **texts, "unit": str(entry.get("unit") or "")})

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
