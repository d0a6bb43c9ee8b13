"""Item outcomes drawn around expected ones: which levels an item has, and how candidates share luck."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]
WAVES = 256  # a field's correlation is within 0.05 of what it stands for
GRID = 32  # expected outcomes 0, 1/32 … 1 at which an item's levels are weighed


class Field:
    """Gaussian fields on the unit cube, one per item, independent: mean 0, variance 1.

    The correlation of two candidates at distance r is Matérn's of order 3/2,
    (1 + √3 r/`length`) exp(−√3 r/`length`). A sum of random waves has it (Rahimi & Recht 2007), whose
    frequencies are multivariate t with 3 degrees of freedom (Rasmussen & Williams 2006, eq. 4.15).
    """

    def __init__(self, d: int, items: int, length: float, random: np.random.Generator) -> None:
        spread = np.sqrt(random.chisquare(3, WAVES) / 3)
        self._frequencies = random.standard_normal((d, WAVES)) / (spread * length)
        self._amplitudes = random.standard_normal((2 * WAVES, items)) / np.sqrt(WAVES)

    def __call__(self, X: Array) -> Array:
        """The fields at candidates `X` (n, d): shape (n, items)."""
        angles = X @ self._frequencies
        found: Array = np.hstack([np.cos(angles), np.sin(angles)]) @ self._amplitudes
        return found


class Levels:
    """The outcomes that each item takes, `values` (items, k) from 0 to 1, seen `counts` times.

    Rows ascend from 0 to 1; a level that is not there has count 0. An item expected at e has its
    levels with probabilities proportional to count · exp(θ · value) with the θ whose mean is e, and
    between two grid points a mixture of both: the mean is exact. Two levels make it Bernoulli.
    """

    def __init__(self, values: Array, counts: Array) -> None:
        self._values = values
        self._below = np.cumsum(_tilted(values, counts), axis=2)

    def drawn(self, expected: Array, field: Array) -> Array:
        """Outcomes (items,) of items expected at `expected` (items,), decided by `field` (items,).

        Increasing in both; over standard normal fields the mean is `expected`.
        """
        place = expected.clip(0.0, 1.0) * GRID
        cell = np.minimum(place.astype(int), GRID - 1)
        share = (place - cell)[:, None]
        items = np.arange(len(expected))
        below = (1 - share) * self._below[items, cell] + share * self._below[items, cell + 1]
        level = (below[:, :-1] < ndtr(field)[:, None]).sum(axis=1)
        found: Array = self._values[items, level]
        return found


def _tilted(values: Array, counts: Array) -> Array:
    """Probabilities (items, GRID + 1, k) of the levels at each expected outcome, by bisection."""
    means = np.linspace(0.0, 1.0, GRID + 1)
    low, high = (np.full((len(values), GRID + 1), end) for end in (-60.0, 60.0))

    def weighed(theta: Array) -> Array:
        weights: Array = counts[:, None] * np.exp(theta[..., None] * (values[:, None] - 0.5))
        shares: Array = weights / weights.sum(axis=2, keepdims=True)
        return shares

    for _ in range(40):
        middle = (low + high) / 2
        short = (weighed(middle) * values[:, None]).sum(axis=2) < means
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    found: Array = weighed((low + high) / 2)
    ends = values[:, None] == means[[0, -1], None]  # exactly there, whatever was counted
    found[:, [0, -1]] = ends / ends.sum(axis=2, keepdims=True)
    return found
