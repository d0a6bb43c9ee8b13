"""TPE by optuna: multivariate and multi-objective, with ints and choices as what they are.

Bergstra et al. 2011, "Algorithms for hyper-parameter optimization" (TPE); Ozaki et al. 2022,
"Multiobjective tree-structured Parzen estimator", JAIR 73; multivariate kernels as in Falkner, Klein
& Hutter 2018 (BOHB). Optuna is given each parameter's native distribution and proposes settings,
which go to the unit cube by `Parameter.encode`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.space import Parameter, SearchSpace, Vector

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution


class Tpe:
    """`batch` optuna trials an ask, told as trials of an in-memory study."""

    def __init__(self, space: SearchSpace, study: Study, batch: int) -> None:
        self._space = space
        self._study = study
        self._batch = batch
        self._distributions = {p.name: _distribution(p) for p in space.parameters}
        self._trials: list[Trial] = []
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next `batch` candidates; those not told yet count as running (constant liar)."""
        self._trials = [self._study.ask(self._distributions) for _ in range(self._batch)]
        self._asked = np.array([self._space.encode(trial.params) for trial in self._trials])
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Completes the trials of the last ask."""
        losses = told_losses(self._asked, X, F, len(self._study.directions))
        self._asked = None
        for trial, row in zip(self._trials, losses, strict=True):
            self._study.tell(trial, row.tolist())


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    batch: int = 1,
    startup: int = 10,
    ei_candidates: int = 24,
    constant_liar: bool = True,
) -> Tpe:
    """Optuna's `TPESampler` after `startup` random trials, `batch` candidates an ask.

    Each candidate is the best of `ei_candidates` by expected improvement. Starting points are
    enqueued: they are asked first and count among the startup trials.
    """
    check_option("tpe", "batch", batch, 1)
    check_option("tpe", "startup", startup, 1)
    check_option("tpe", "ei_candidates", ei_candidates, 1)
    first = starting_points(space, start)
    import optuna

    sampler = optuna.samplers.TPESampler(
        seed=seed,
        multivariate=True,
        n_startup_trials=startup,
        n_ei_candidates=ei_candidates,
        constant_liar=constant_liar,
    )
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study announces itself
    try:
        study = optuna.create_study(directions=["minimize"] * n_objectives, sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)
    for point in first:
        study.enqueue_trial(space.decode(point))
    return Tpe(space, study, batch)


def _distribution(parameter: Parameter) -> BaseDistribution:
    from optuna import distributions

    if parameter.kind == "choice":
        return distributions.CategoricalDistribution(parameter.options)
    if parameter.kind == "int":
        return distributions.IntDistribution(int(parameter.low), int(parameter.high))
    return distributions.FloatDistribution(
        parameter.low, parameter.high, log=parameter.kind == "log"
    )
