"""Any optuna sampler as an optimizer: native ints and choices, in-memory study, losses told as given.

Optuna is given each parameter's native distribution and proposes settings, which go to the unit cube
by `Parameter.encode`. Which sampler it is, and with which options, is the business of `tpe`,
`optuna_gp` and `optuna_nsga2`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from suite.optimizers.optimizer import told_losses
from suite.spaces.space import Parameter, SearchSpace, Vector

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler


class OptunaSearch:
    """`batch` optuna trials an ask, told as trials of an in-memory study."""

    def __init__(self, space: SearchSpace, study: Study, batch: int) -> None:
        self._space = space
        self._study = study
        self._batch = batch
        self._distributions = {p.name: _distribution(p) for p in space.parameters}
        self._trials: list[Trial] = []
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next `batch` candidates; to the sampler, those not told yet are running."""
        self._trials = [self._study.ask(self._distributions) for _ in range(self._batch)]
        self._asked = np.array([self._space.encode(trial.params) for trial in self._trials])
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Completes the trials of the last ask."""
        losses = told_losses(self._asked, X, F, len(self._study.directions))
        self._asked = None
        for trial, row in zip(self._trials, losses, strict=True):
            self._study.tell(trial, row.tolist())


def make_study(space: SearchSpace, n_objectives: int, sampler: BaseSampler, first: Vector) -> Study:
    """A study that minimises, with the points `first`, (s, d), enqueued to be asked first."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study announces itself
    try:
        study = optuna.create_study(directions=["minimize"] * n_objectives, sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)
    for point in first:
        study.enqueue_trial(space.decode(point))
    return study


def _distribution(parameter: Parameter) -> BaseDistribution:
    from optuna import distributions

    if parameter.kind == "choice":
        return distributions.CategoricalDistribution(parameter.options)
    if parameter.kind == "int":
        return distributions.IntDistribution(int(parameter.low), int(parameter.high))
    return distributions.FloatDistribution(
        parameter.low, parameter.high, log=parameter.kind == "log"
    )
