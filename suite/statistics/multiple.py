"""Several tests at once: p values adjusted so that one error among all is rare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def holm(p: ArrayLike) -> Values:
    """Holm's step-down adjusted p values (n,), in the order given (Holm 1979)."""
    raw = np.asarray(p, dtype=float)
    if not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError("p values must lie in [0, 1]")
    order = np.argsort(raw, kind="stable")
    steps = np.arange(raw.size, 0, -1) * raw[order]
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if raw.size else steps
    return adjusted


def holm_known(p: Sequence[float]) -> Values:
    """Holm over the known values; NaN stays NaN and does not count as a test."""
    adjusted = np.array(p, dtype=float)
    known = ~np.isnan(adjusted)
    adjusted[known] = holm(adjusted[known])
    return adjusted
