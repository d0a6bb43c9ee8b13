"""The plays that the contract's checks look at: an optimizer asked and told on losses made up here.

A play asks and tells until a number of candidates, each batch checked for its form: float64, shape
(k, d), finite, in [0, 1]. `ContractViolation` says in one line what is not as it must be.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace, Vector

Make = Callable[..., Optimizer]
Batch = tuple[Vector, Vector]
Losses = Callable[[Vector], Vector]

OBJECTIVES = 2
FLOATS = SearchSpace([Parameter(f"w{i}") for i in range(6)])
MIXED = SearchSpace(
    [
        Parameter("weight", "float", -1.0, 2.0),
        Parameter("rate", "log", 1e-3, 1.0),
        Parameter("layers", "int", 1, 4),
        Parameter("method", "choice", options=("linear", "ties", "slerp")),
        Parameter("rounds", "int", 0, 9),
        Parameter("rescale", "choice", options=(0, 1.0)),
    ]
)
SPACES = (FLOATS, MIXED)
FEW = SearchSpace(  # six settings, soon all seen
    [Parameter("layers", "int", 1, 3), Parameter("method", "choice", options=("linear", "ties"))]
)


class ContractViolation(AssertionError):
    """An optimizer breaks the contract; the message says how."""


def play(optimizer: Optimizer, losses: Losses, evaluations: int) -> list[Batch]:
    """Asks and tells until `evaluations` rows; the batches, each checked for form."""
    batches: list[Batch] = []
    while evaluations > 0:
        X = optimizer.ask()
        demand(isinstance(X, np.ndarray) and X.dtype == np.float64, "ask gives no float64 array")
        demand(X.ndim == 2 and len(X) > 0, f"ask gives shape {X.shape}, not (k, d) with k > 0")
        demand(bool(np.isfinite(X).all()), "ask gives NaN or infinite values")
        demand(bool(((X >= 0) & (X <= 1)).all()), "ask gives values outside [0, 1]")
        batches.append((X.copy(), losses(X.copy())))
        optimizer.tell(X, batches[-1][1].copy())
        evaluations -= len(X)
    return batches


def survive(make: Make, space: SearchSpace, losses: Losses, what: str, evaluations: int) -> None:
    """`ContractViolation` when the search raises on these losses."""
    try:
        play(make(space, OBJECTIVES, 10), losses, 2 * evaluations)
    except ContractViolation:
        raise
    except Exception as error:
        raise ContractViolation(f"{what} ends the search: {error!r}") from error


def bowls(X: Vector, m: int = OBJECTIVES) -> Vector:
    """Conflicting quadratic losses, shape (k, m): mean squared distance to m points."""
    centres = np.linspace(0.2, 0.7, m)
    return np.stack([((X - centre) ** 2).mean(axis=1) * 2 for centre in centres], axis=1)


def same(a: list[Batch], b: list[Batch]) -> bool:
    """Whether two plays asked the same candidates."""
    return len(a) == len(b) and all(
        np.array_equal(x, y) for (x, _), (y, _) in zip(a, b, strict=True)
    )


def demand(holds: bool, violation: str) -> None:
    """`ContractViolation` with these words unless it holds."""
    if not holds:
        raise ContractViolation(violation)
