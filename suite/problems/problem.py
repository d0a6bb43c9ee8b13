"""What a problem is, and the task made of it: a point takes the place of the merged model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.objective import Objective
from suite.recipes.point import Point
from suite.records.trial import Score
from suite.search.task import Task
from suite.spaces.space import SearchSpace, Setting, Vector

NAME = "problem"  # stands where an evaluator's name does: objectives pick ``problem.<figure>``


class Problem(Protocol):
    """A function of settings. Equal settings on the same split give equal scores.

    `space` is the search space, `title` says in a few words what it is, `figures` names what
    `measure` returns, in order.
    """

    @property
    def title(self) -> str: ...

    @property
    def space(self) -> SearchSpace: ...

    @property
    def figures(self) -> Sequence[str]: ...

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        """Every figure in natural units, on `split`: search, select or report.

        A value that is exact has ``Score(value, stderr=0.0, n=1)``, one with noise or items its
        standard error and items. `CandidateFailure`, or a value of NaN, where there is none.
        """
        ...

    def front(self) -> NDArray[np.float64] | None:
        """Points of the known front in natural units, (n, f), a column per figure; None if unknown."""
        ...


def task(name: str, problem: Problem, objectives: Sequence[Objective]) -> Task:
    """The task of searching `problem`; `BadInput` for an objective it has no figure for."""
    if not objectives:
        raise BadInput(f"task {name}: no objectives")
    known = [f"{NAME}.{figure}" for figure in problem.figures]
    for objective in objectives:
        if objective.metric not in known:
            raise BadInput(
                f"objective {objective.name!r}: no metric {objective.metric!r};"
                f" the problem gives {', '.join(known)}"
            )
    place: Any = _Place()
    return Task(name, PointSpace(problem), objectives, [_Values(problem)], place, place)


def front_losses(problem: Problem, objectives: Sequence[Objective]) -> NDArray[np.float64] | None:
    """The known front as losses, shape (n, m), in the objectives' order; None if it is unknown."""
    values = problem.front()
    if values is None:
        return None
    column = {f"{NAME}.{figure}": values[:, i] for i, figure in enumerate(problem.figures)}
    rows = zip(*(column[objective.metric] for objective in objectives), strict=True)
    return np.array([[o.loss(float(v)) for o, v in zip(objectives, r, strict=True)] for r in rows])


class PointSpace:
    """Candidates to points and back."""

    def __init__(self, problem: Problem) -> None:
        self.space = problem.space
        self.title = f"points of {problem.title}"

    def recipe(self, settings: Mapping[str, Setting]) -> Point:
        return Point(settings)

    def encode(self, recipe: Point) -> Vector:
        return self.space.encode(recipe.settings)


class _Place:
    """Where the point is that is measured next, as a merge is in the live model."""

    point: Point

    def merge(self, recipe: Point) -> None:
        self.point = recipe


class _Values:
    """The problem as the task's evaluator."""

    name = NAME

    def __init__(self, problem: Problem) -> None:
        self.figures: Sequence[str] = tuple(problem.figures)
        self._problem = problem

    def evaluate(self, handle: Any, split: str) -> dict[str, Score]:
        return self._problem.measure(handle.point.settings, split)
