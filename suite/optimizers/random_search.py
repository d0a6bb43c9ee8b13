"""Random search, the permanent competitor: uniform by numpy, or scrambled Sobol by scipy.

It never learns from losses, so any strategy worth its cost must beat it at equal budget. Uniform:
Bergstra & Bengio 2012, "Random search for hyper-parameter optimization", JMLR 13. Sobol with
Owen-type scrambling keeps the points evenly spread: Owen 1998, "Scrambling Sobol' and
Niederreiter-Xing points", J. Complexity 14. Ints and choices need nothing of their own: their levels
are equal cells of the unit interval, so both samplers are uniform over levels and options, and as
neither learns, no order is imposed.

With `scope` ``source`` all layers of a source share one number: uniform random search over what
people set by hand. How much of a gain is due to a strategy, and how much to the space, is told by it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suite.errors import BadInput
from suite.optimizers.axes import axes
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.spaces.space import SearchSpace, Vector

SAMPLERS = ("uniform", "sobol")
SCOPES = ("parameter", "source")


class RandomSearch:
    """Batches of `sample`; the starting points, if any, are a batch of their own before them."""

    def __init__(self, sample: Callable[[], Vector], n_objectives: int, first: Vector) -> None:
        self._sample = sample
        self._n_objectives = n_objectives
        self._first = first
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next batch; the sequence goes on whether or not the last one was told."""
        self._asked = self._first if len(self._first) else self._sample()
        self._first = self._first[:0]
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Checks the pairing and learns nothing."""
        told_losses(self._asked, X, F, self._n_objectives)
        self._asked = None


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    sampler: str = "uniform",
    batch: int = 8,
    scope: str = "parameter",
) -> RandomSearch:
    """Random search, `batch` candidates an ask.

    For a given seed the sequence of candidates does not depend on `batch`.

    Parameters
    ----------
    sampler : str
        ``uniform`` or ``sobol``. Sobol wants a `batch` that is a power of two, so that each batch is
        as balanced as the sequence allows.
    scope : str
        ``parameter`` draws every parameter; ``source`` draws one number for each axis of
        `suite.optimizers.axes`, shared by its layers, and one for each parameter outside them.

    Raises
    ------
    BadInput
        For an option that is not allowed; it names those that are.
    """
    check_option("random", "batch", batch, 1)
    for key, value, allowed in (("sampler", sampler, SAMPLERS), ("scope", scope, SCOPES)):
        if value not in allowed:
            raise BadInput(f"optimizer random: {key} {value!r}, allowed: {', '.join(allowed)}")
    first = starting_points(space, start)
    columns = _columns(space) if scope == "source" else np.arange(space.d)
    numbers = int(columns.max()) + 1
    if sampler == "uniform":
        generator = np.random.default_rng(seed)
        return RandomSearch(
            lambda: generator.random((batch, numbers))[:, columns], n_objectives, first
        )
    if batch & (batch - 1):
        raise BadInput(f"optimizer sobol: batch is {batch}, allowed: a power of two")
    from scipy.stats import qmc

    sequence = qmc.Sobol(numbers, scramble=True, rng=np.random.default_rng(seed))
    return RandomSearch(lambda: np.asarray(sequence.random(batch))[:, columns], n_objectives, first)


def _columns(space: SearchSpace) -> NDArray[np.intp]:
    """Which drawn number each parameter takes, (d,): the same one within an axis."""
    swept, _ = axes(space)
    leader = {index: indices[0] for indices in swept.values() for index in indices}
    leaders = [leader.get(index, index) for index in range(space.d)]
    return np.unique(leaders, return_inverse=True)[1]
