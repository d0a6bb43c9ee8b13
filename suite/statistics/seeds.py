"""Two strategies whose runs are paired by seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suite.statistics.items import sampled_sign_flip


def paired_seeds(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided sign-flip permutation p of values paired by seed, a and b (n,)."""
    return sampled_sign_flip(
        np.asarray(a, dtype=float) - np.asarray(b, dtype=float), np.random.default_rng(0)
    )
