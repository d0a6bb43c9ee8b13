"""COMO-CMA-ES by comocma: K CMA-ES kernels, each maximising its uncrowded hypervolume improvement
over the other kernels' incumbents (the Sofomore framework); the multi-objective form of CMA-ES.

Touré, Hansen, Auger & Brockhoff 2019, "Uncrowded hypervolume improvement: COMO-CMA-ES and the
Sofomore framework", GECCO. All kernels are asked at once (the paper's parallel form), since comocma
does not allow the two forms to be mixed. comocma calls more than two objectives not thoroughly
tested.

For continuous spaces. **Ints and choices are relaxed** to cells of the unit interval, as in
`cma_es`: a kernel whose step is smaller than a cell can no longer change the level of an int, and on
the options of a choice the order is imposed in which they happen to be listed. Use `cma_es_margin`,
`nsga2` or `tpe` on spaces that have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.cma_es import check_cma_options, pycma_options
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.spaces.space import SearchSpace, Vector

if TYPE_CHECKING:
    from comocma import Sofomore
    from comocma.como import CmaKernel


class ComoCmaEs:
    """All kernels' offspring an ask, after the incumbents that their last generation moved.

    A kernel that met one of pycma's stopping criteria stays as a point of the front, and a new one
    from `restart` takes its place in the search.
    """

    def __init__(self, restart: Callable[[int], list[CmaKernel]], sofomore: Sofomore) -> None:
        self._restart = restart
        self._sofomore = sofomore
        self._kernels = len(sofomore)
        self._solutions: list[Vector] = []
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next generation: up to ``kernels * (popsize + 1)`` rows."""
        self._solutions = self._sofomore.ask("all")
        self._asked = np.array(self._solutions, dtype=np.float64)
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Updates every kernel, then replaces those that stopped."""
        losses = told_losses(self._asked, X, F, len(self._sofomore.reference_point))
        self._asked = None
        self._sofomore.tell(self._solutions, losses.tolist())
        # Sofomore's own restart option fails when two kernels stop in the same tell.
        stopped = self._kernels - sum(not kernel.stop() for kernel in self._sofomore)
        if stopped:
            self._sofomore.add(self._restart(stopped))


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    kernels: int = 3,
    popsize: int | None = None,
    sigma0: float = 0.1667,
    reference_point: Sequence[float] | None = None,
) -> ComoCmaEs:
    """COMO-CMA-ES with `kernels` strategies of `popsize` each (None: pycma's 4 + 3 ln d).

    `reference_point` is in loss space, shape (m,), by default 1 everywhere. `sigma0` is the initial
    step in units of the cube. The first starting point is every kernel's initial mean (else the
    centre of the cube). Needs d of 2 or more and m of 2 or more.
    """
    check_cma_options("como_cma_es", space, sigma0, popsize)
    check_option("como_cma_es", "kernels", kernels, 1)
    if n_objectives < 2:
        raise BadInput("optimizer como_cma_es: 1 objective, needs 2 or more; for one use cma_es")
    reference = (
        [1.0] * n_objectives if reference_point is None else [float(r) for r in reference_point]
    )
    if len(reference) != n_objectives or not np.isfinite(reference).all():
        raise BadInput(
            f"optimizer como_cma_es: reference_point {reference}, allowed: {n_objectives} finite losses"
        )
    first = starting_points(space, start)
    mean = first[0] if len(first) else np.full(space.d, 0.5)
    random = np.random.RandomState(seed)
    options = pycma_options(random, popsize)
    import comocma

    def restart(count: int) -> list[CmaKernel]:
        means: list[list[float]] = random.random_sample((count, space.d)).tolist()
        kernels: list[CmaKernel] = comocma.get_cmas(means, sigma0, options)
        return kernels

    # comocma shuffles the kernels by numpy's global generator unless it is given another.
    settings = {"archive": False, "verb_log": 0, "update_order": lambda _: random.random_sample()}
    begun = comocma.get_cmas([mean.tolist() for _ in range(kernels)], sigma0, options)
    return ComoCmaEs(restart, comocma.Sofomore(begun, reference, settings))
