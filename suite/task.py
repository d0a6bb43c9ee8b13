"""A task: source models, search space, evaluators and objectives, fixed before any run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from suite import objective as objectives_
from suite.evaluators.handle import ModelHandle
from suite.merge_space import MergeSpace
from suite.objective import Objective
from suite.recipe import Recipe
from suite.space import SearchSpace, Vector
from suite.trial import Score


class Evaluator(Protocol):
    """Measures a model on a split; `figures` are named without the evaluator's name."""

    name: str
    figures: Sequence[str]

    def evaluate(self, handle: ModelHandle, split: str) -> dict[str, Score]: ...


class Merger(Protocol):
    """Merges recipes into a live model, in place."""

    def merge(self, recipe: Recipe) -> None: ...


@dataclass(frozen=True)
class Measurement:
    """Scores by ``evaluator.figure``, and the wall seconds spent merging and evaluating."""

    scores: Mapping[str, Score]
    seconds: Mapping[str, float]


class Task:
    """What a run needs to know: candidates become recipes, recipes scores, scores losses.

    `merge_space` holds the search space; `merger` writes a recipe into the model behind `handle`.
    """

    def __init__(
        self,
        name: str,
        merge_space: MergeSpace,
        objectives: Sequence[Objective],
        evaluators: Sequence[Evaluator],
        merger: Merger,
        handle: ModelHandle,
    ) -> None:
        self.name = name
        self.merge_space = merge_space
        self.objectives = tuple(objectives)
        self.evaluators = tuple(evaluators)
        self.handle = handle
        self._merger = merger

    @property
    def space(self) -> SearchSpace:
        return self.merge_space.space

    def recipe(self, x: Vector) -> Recipe:
        """The merge a candidate `x`, shape (d,), stands for."""
        return self.merge_space.recipe(self.space.decode(x))

    def merge(self, recipe: Recipe) -> None:
        """Put the merge into the live model behind `handle`."""
        self._merger.merge(recipe)

    def measure(self, recipe: Recipe, split: str) -> Measurement:
        """Merge `recipe` and evaluate it on `split`: search, select or report.

        Evaluators run even when no objective picks their figures: what is shown beside the
        objectives costs the same in every run of the task.
        """
        started = time.perf_counter()
        self.merge(recipe)
        merged = time.perf_counter()
        scores = {
            f"{evaluator.name}.{figure}": score
            for evaluator in self.evaluators
            for figure, score in evaluator.evaluate(self.handle, split).items()
        }
        done = time.perf_counter()
        seconds = {"merge": merged - started, "evaluate": done - merged, "total": done - started}
        return Measurement(scores, seconds)

    def losses(self, scores: Mapping[str, Score]) -> NDArray[np.float64]:
        """Losses, shape (m,), in the objectives' order."""
        return objectives_.losses(self.objectives, scores)
