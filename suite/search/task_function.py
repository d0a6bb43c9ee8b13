"""A task as a function from candidates to losses, for strategies of other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suite.errors import BadInput
from suite.objective import Objective
from suite.records.penalty import penalised_losses
from suite.search import harness
from suite.search.task import Task
from suite.spaces.space import Parameter, SearchSpace, Setting

if TYPE_CHECKING:
    from pymoo.core.problem import Problem


class TaskFunction:
    """`F = function(X)`: losses on the search items, to be minimised; 0 is the ideal, 1 the reference.

    Nothing is journaled. Losses are those that a search is told (`suite.records.penalty`): a candidate
    that cannot be measured gets the penalty, and losses above half of it are bent to stay below.

    >>> from suite import load_task
    >>> zdt1 = load_task("zdt1")
    >>> zdt1([0.5] * zdt1.d).shape
    (2,)
    """

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def space(self) -> SearchSpace:
        """What the coordinates of a candidate stand for."""
        return self.task.space

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """In the order of the losses."""
        return self.task.objectives

    @property
    def d(self) -> int:
        """Number of parameters."""
        return self.space.d

    @property
    def m(self) -> int:
        """Number of objectives."""
        return len(self.objectives)

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Losses (k, m) of the rows of `X` (k, d) in the unit cube, or (m,) of one candidate (d,).

        `BadInput` for another shape and for values outside [0, 1].
        """
        rows = np.asarray(X, dtype=float)
        if rows.ndim not in (1, 2) or rows.shape[-1] != self.d:
            raise BadInput(
                f"candidates have shape {rows.shape}; the task wants ({self.d},) or (k, {self.d})"
            )
        if rows.ndim == 1:
            return penalised_losses(harness.measure(self.task, 0, rows), self.m)
        return np.array([self.evaluate(row) for row in rows]).reshape(len(rows), self.m)

    __call__ = evaluate

    def as_pymoo(self) -> Problem:
        """A pymoo `Problem` over the unit cube, evaluated in batches."""
        from pymoo.core.problem import Problem

        function = self

        class AsPymoo(Problem):  # type: ignore[misc]
            def _evaluate(self, x: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
                out["F"] = function.evaluate(x)

        return AsPymoo(n_var=self.d, n_obj=self.m, xl=0.0, xu=1.0)

    def optuna_objective(self, trial: Any) -> tuple[float, ...]:
        """The m losses of what an Optuna `trial` suggests, each parameter by its own kind.

        For ``study.optimize(function.optuna_objective)``; every direction is ``minimize``.
        """
        settings = {p.name: _suggested(trial, p) for p in self.space.parameters}
        return tuple(self.evaluate(self.space.encode(settings)).tolist())


def _suggested(trial: Any, parameter: Parameter) -> Setting:
    """The trial's value for `parameter`, over its options or between its bounds."""
    found: Setting
    if parameter.kind == "choice":
        found = trial.suggest_categorical(parameter.name, parameter.options)
    elif parameter.kind == "int":
        found = trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high))
    else:
        log = parameter.kind == "log"
        found = trial.suggest_float(parameter.name, parameter.low, parameter.high, log=log)
    return found
