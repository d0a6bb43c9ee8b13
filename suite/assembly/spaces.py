"""The search space of a task: over merges, over layer paths, or over both at once."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.assembly.searched import MergeSpec, Part, PathSpec
from suite.assembly.spec import RunSpec
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput
from suite.records.folder import RunFolder

if TYPE_CHECKING:
    from suite.search.task import RecipeSpace
    from suite.spaces.merge_space import MergeSpace
    from suite.spaces.path_space import PathSpace


def build(task: TaskSpec, layers: int) -> RecipeSpace:
    """The recipe space of a `task` whose models have `layers` layers.

    ``merge`` alone gives a `MergeSpace`, ``path`` alone a `PathSpace`, both a `HybridSpace` whose
    first part is the searched merge. `BadInput` when neither is there or they do not fit.
    """
    merges = None if task.merge is None else _merges(task, task.merge, layers)
    if task.path is not None:
        paths = _paths(task, task.path, layers, hybrid=merges is not None)
        if merges is None:
            return paths
        from suite.spaces.hybrid_space import HybridSpace

        return HybridSpace(merges, paths, next(iter(paths.parts)))
    if merges is None:
        raise BadInput(f"task {task.name}: neither merge nor path; one must say what is searched")
    return merges


def with_picked_parts(run: RunSpec) -> RunSpec:
    """`run` with each path part that is picked from another run replaced by its recipe.

    A part ``{run: folder, pick: …}`` becomes ``{recipe: …}``, which is part of the run's identity:
    this run cannot be continued once the other is gone or another trial of it would be picked. In
    the folder ``{optimizer}`` and ``{seed}`` stand for this run's own.
    """
    parts = {} if run.task.path is None else run.task.path.parts
    picked = {
        name: {"recipe": _picked(part, name, run)}
        for name, part in parts.items()
        if part.run is not None
    }
    return run.with_task(_with_parts(run.task, picked)) if picked else run


def shared(task: TaskSpec) -> TaskSpec:
    """`task` without the recipes of picked parts, which differ between its runs."""
    parts = {} if task.path is None else task.path.parts
    recipes = [name for name, part in parts.items() if part.recipe is not None]
    return _with_parts(task, dict.fromkeys(recipes)) if recipes else task


def _with_parts(task: TaskSpec, parts: Mapping[str, Any]) -> TaskSpec:
    """`task` with other `parts` of its path, of those that are named with what they are."""
    path = task.written["path"]
    return task.changed(path={**path, "parts": {**path["parts"], **parts}})


def _merges(task: TaskSpec, merge: MergeSpec, layers: int) -> MergeSpace:
    from suite.spaces.merge_space import MergeSpace

    return MergeSpace(
        method=merge.method,
        sources=list(merge.sources) or [name for name in task.models if name != task.base],
        base=task.base,
        searched=merge.searched,
        fixed=merge.fixed,
        layers=layers,
        groups=merge.groups,
    )


def _paths(task: TaskSpec, path: PathSpec, layers: int, hybrid: bool) -> PathSpace:
    from suite.recipes.recipe import Recipe
    from suite.spaces.path_space import PathSpace

    merges = {
        name: Recipe.from_json(part.recipe)
        for name, part in path.parts.items()
        if part.recipe is not None
    }
    searched = {next(iter(path.parts))} if hybrid else set()
    for name in path.parts:
        if name not in task.models and name not in merges and name not in searched:
            raise BadInput(
                f"path: part {name!r} is no model of the task ({', '.join(task.models)});"
                " a merge needs {run: folder, pick: …}"
            )
    return PathSpace(path.kind, dict.fromkeys(path.parts, layers), merges, **path.options)


def _picked(part: Part, name: str, run: RunSpec) -> dict[str, Any]:
    """The recipe, as JSON, of the trial that a part of a path is picked as."""
    from suite.recipes.layer_path import read_json
    from suite.recipes.point import Point
    from suite.recipes.recipe import Recipe
    from suite.search import pick

    same = {"{optimizer}": run.optimizer, "{seed}": str(run.seed)}
    place = functools.reduce(lambda text, pair: text.replace(*pair), same.items(), str(part.run))
    other = RunFolder(Path(place).expanduser())
    objectives, trials = RunSpec.of(other).task.objectives, other.trials()
    judged = other.judged_trials(trials)
    chosen = pick.by_words(part.pick, other, objectives, trials, judged)
    recipe = read_json(chosen.trial.recipe)
    if not isinstance(recipe, Recipe):
        kind = "points" if isinstance(recipe, Point) else "layer paths"
        raise BadInput(f"path: part {name!r}: {other}: its trials are {kind}, not merges")
    return recipe.to_json()
