"""A task: source models, search space, evaluators and objectives, fixed before any run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from suite import objective as objectives_
from suite.objective import Objective
from suite.recipes.layer_path import LayerPath
from suite.recipes.point import Point
from suite.recipes.recipe import Recipe
from suite.records.trial import Score
from suite.spaces.space import SearchSpace, Setting, Vector

if TYPE_CHECKING:
    from suite.evaluators.models.handle import ModelHandle

AnyRecipe = Recipe | LayerPath | Point


class Evaluator(Protocol):
    """Measures a model on a split; `figures` are named without the evaluator's name.

    What reads items also has ``files(options)``, a class method (or an attribute of the function that
    makes it): by name the files that it would read with these options, as configuration gives them.
    Their sha256 become part of what a run is.
    """

    name: str
    figures: Sequence[str]

    def evaluate(self, handle: ModelHandle, split: str) -> dict[str, Score]: ...


class RecipeSpace(Protocol):
    """Candidates to recipes, and hand-tuned recipes to candidates; `title` says which recipes."""

    @property
    def space(self) -> SearchSpace: ...

    @property
    def title(self) -> str: ...

    def recipe(self, settings: Mapping[str, Setting]) -> AnyRecipe: ...

    def encode(self, recipe: Any) -> Vector: ...


class Merger(Protocol):
    """Puts recipes into a live model, in place."""

    def merge(self, recipe: Any) -> None: ...


@dataclass(frozen=True)
class Measurement:
    """Scores by ``evaluator.figure``, and the wall seconds spent merging and evaluating."""

    scores: Mapping[str, Score]
    seconds: Mapping[str, float]


class Task:
    """What a run needs to know: candidates become recipes, recipes scores, scores losses.

    `recipe_space` holds the search space; `merger` writes a recipe into the model behind `handle`.
    """

    def __init__(
        self,
        name: str,
        recipe_space: RecipeSpace,
        objectives: Sequence[Objective],
        evaluators: Sequence[Evaluator],
        merger: Merger,
        handle: ModelHandle,
    ) -> None:
        self.name = name
        self.recipe_space = recipe_space
        self.objectives = tuple(objectives)
        self.evaluators = tuple(evaluators)
        self.handle = handle
        self._merger = merger

    @property
    def space(self) -> SearchSpace:
        return self.recipe_space.space

    def recipe(self, x: Vector) -> AnyRecipe:
        """The merge, layer path or point a candidate `x`, shape (d,), stands for."""
        return self.recipe_space.recipe(self.space.decode(x))

    def merge(self, recipe: AnyRecipe) -> None:
        """Put the merge into the live model behind `handle`."""
        self._merger.merge(recipe)

    def measure(self, recipe: AnyRecipe, split: str) -> Measurement:
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
