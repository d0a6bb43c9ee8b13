"""The optimizer contract: ask for candidates, tell their losses. Nothing heavy is imported here."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.spaces.space import SearchSpace, Vector


class Optimizer(Protocol):
    """A search strategy; it sees the unit cube and losses, never a task.

    Built by ``make(space, n_objectives, seed, start=None, **options)`` and asked and told in turn.
    Everything it does follows from those arguments and from what it was told, so that a run resumes
    by replaying its journal. A budget may end inside a batch: that batch is then never told.
    """

    def ask(self) -> Vector:
        """The next batch of candidates `X`, float64, shape (k, d), in [0, 1]; k may vary."""
        ...

    def tell(self, X: Vector, F: Vector) -> None:
        """Losses `F`, float64, shape (k, m), finite, of the rows `X` of the last ask, in order.

        Neither array is changed or kept.
        """
        ...


def starting_points(space: SearchSpace, start: ArrayLike | None) -> Vector:
    """The candidates to begin from, shape (s, d); s = 0 without any.

    `start` is one candidate (d,) or several (s, d) in the unit cube; `BadInput` otherwise.
    """
    if start is None:
        return np.empty((0, space.d))
    points = np.array(start, dtype=np.float64, ndmin=2)
    if points.ndim != 2 or points.shape[1] != space.d:
        raise BadInput(
            f"optimizer start has shape {np.shape(start)}, allowed: ({space.d},) or (s, {space.d})"
        )
    if not ((points >= 0) & (points <= 1)).all():
        raise BadInput("optimizer start: every value must be in [0, 1]")
    return points


def told_losses(asked: Vector | None, X: Vector, F: Vector, n_objectives: int) -> Vector:
    """A private copy of `F`, after checking that `X` is the batch of the last ask, row by row.

    Raises `ValueError` otherwise: losses paired with the wrong rows would mislead a search silently.
    """
    if asked is None:
        raise ValueError("tell came without an ask before it")
    if np.shape(X) != asked.shape or not np.array_equal(X, asked):
        raise ValueError(f"tell wants the {len(asked)} rows of the last ask, in the same order")
    losses = np.array(F, dtype=np.float64)
    if losses.shape != (len(asked), n_objectives) or not np.isfinite(losses).all():
        raise ValueError(
            f"tell wants finite losses of shape {(len(asked), n_objectives)}, got {losses.shape}"
        )
    return losses


def check_option(optimizer: str, name: str, value: float, low: float, high: float = np.inf) -> None:
    """Refuse an option outside [low, high] with `BadInput`; NaN is outside."""
    if not low <= value <= high:
        allowed = f"at least {low}" if high == np.inf else f"in [{low}, {high}]"
        raise BadInput(f"optimizer {optimizer}: {name} is {value}, allowed: {allowed}")
