"""Configurations of the micro tasks, changed at will, and one of their merges."""

from __future__ import annotations

import copy
from typing import Any

from suite.assembly import compose
from suite.recipes.recipe import Recipe

LAYERS = 6


def config(task: str, *words: str) -> dict[str, Any]:
    return compose.compose([f"task={task}", "optimizer=random", *words])


def changed(given: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A copy of `given` whose task has other `keys` in its path."""
    made = copy.deepcopy(given)
    made["task"]["path"].update(keys)
    return made


def weights(weight: float) -> Recipe:
    """Task arithmetic of `japanese` alone."""
    parameters = {"normalize": False, "lambda": 1.0}
    inputs = [{"model": "japanese", "parameters": {"weight": weight}}]
    made = {"method": "task_arithmetic", "inputs": inputs, "base": "base"}
    return Recipe.from_json({**made, "parameters": parameters, "dtype": "float32"})
