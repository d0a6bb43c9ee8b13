"""Configurations of the micro tasks, changed at will, and one of their merges."""

from __future__ import annotations

from typing import Any

from suite.assembly import compose
from suite.assembly.spec import RunSpec
from suite.recipes.recipe import Recipe

LAYERS = 6


def config(task: str, *words: str) -> RunSpec:
    return compose.compose([f"task={task}", "optimizer=random", *words])


def changed(given: RunSpec, **keys: Any) -> RunSpec:
    """`given` with other `keys` in its task's path."""
    return given.with_task(given.task.changed(path={**given.task.written["path"], **keys}))


def stored(task: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """What config.yaml holds of a run of `task`, with other `keys` where they are given."""
    return {
        "task": task,
        "tracker": {"_target_": "suite.trackers.none.make"},
        "seed": 0,
        "device": "cpu",
        "trials": 10,
        "results": "results",
        "batch_size": 8,
        "optimizer_options": {"_target_": "suite.optimizers.random_search.make"},
        "optimizer": "random",
        **keys,
    }


def objective(name: str, metric: str) -> dict[str, Any]:
    """An objective as configuration has it."""
    box = {"direction": "maximize", "ideal": 1.0, "reference": 0.0}
    return {"name": name, "metric": metric, **box}


def weights(weight: float) -> Recipe:
    """Task arithmetic of `japanese` alone."""
    parameters = {"normalize": False, "lambda": 1.0}
    inputs = [{"model": "japanese", "parameters": {"weight": weight}}]
    made = {"method": "task_arithmetic", "inputs": inputs, "base": "base"}
    return Recipe.from_json({**made, "parameters": parameters, "dtype": "float32"})
