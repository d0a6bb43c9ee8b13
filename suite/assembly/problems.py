"""Tasks without models: a configuration with the key ``problem`` instead of models and evaluators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import resources
from suite.assembly.spec import RunSpec
from suite.assembly.targets import Target
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput

if TYPE_CHECKING:
    from suite.problems.problem import Problem
    from suite.search.task import Task


def build(run: RunSpec) -> Problem:
    """The problem itself; its ``data``, if it has any, is looked for as configuration writes paths.

    ``get`` says how to come by data that is not there.
    """
    target = _problem(run.task)
    options = {key: value for key, value in target.options.items() if key != "get"}
    if "data" in options:
        options["data"] = _data(target.options)
    problem: Problem = Target(target.path, options).build(run.allow_targets)
    return problem


def task(run: RunSpec, problem: Problem | None = None) -> Task:
    """The `Task` of `problem`, if it is built already; `BadInput` for an objective it cannot give."""
    from suite.problems.problem import task

    return task(run.task.name, problem or build(run), run.task.objectives)


def files(task: TaskSpec) -> dict[str, Path]:
    """The files that a problem's values come from, by name; none for a function."""
    options = _problem(task).options
    if "data" not in options:
        return {}
    data = _data(options)
    if data.is_file():
        return {data.name: data}
    found = sorted(path for path in data.rglob("*") if path.is_file())
    return {str(path.relative_to(data)): path for path in found}


def _problem(task: TaskSpec) -> Target:
    if task.problem is None:
        raise BadInput(f"task {task.name}: it is of models, not of a problem")
    return task.problem


def _data(options: Mapping[str, Any]) -> Path:
    path = resources.resolve(str(options["data"]))
    if not path.exists():
        how = f"; {options['get']}" if options.get("get") else ""
        raise BadInput(f"problem: data {path}: no such file or folder{how}")
    return path
