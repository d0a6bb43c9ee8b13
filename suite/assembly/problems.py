"""Tasks without models: a configuration with the key ``problem`` instead of models and evaluators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import resources
from suite.assembly import targets
from suite.errors import BadInput

if TYPE_CHECKING:
    from suite.problems.problem import Problem
    from suite.search.task import Task

Config = Mapping[str, Any]
OF_MODELS = ("models", "base", "merge", "path", "evaluators", "baselines")


def named(spec: Config) -> bool:
    """Whether a task's configuration is that of a problem; `BadInput` if it is of models as well."""
    if spec.get("problem") is None:
        return False
    if more := [key for key in OF_MODELS if spec.get(key) is not None]:
        raise BadInput(f"task {spec['name']}: problem and {more[0]}; a task has one of the two")
    return True


def build(config: Config) -> Problem:
    """The problem itself; its ``data``, if it has any, is looked for as configuration writes paths.

    ``get`` says how to come by data that is not there.
    """
    options = {key: value for key, value in config["task"]["problem"].items() if key != "get"}
    if "data" in options:
        options["data"] = _data(config["task"]["problem"])
    problem: Problem = targets.build(options, config.get("allow_targets", ()))
    return problem


def task(config: Config, problem: Problem | None = None) -> Task:
    """The `Task` of `problem`, if it is built already; `BadInput` for an objective it cannot give."""
    from suite.objective import Objective
    from suite.problems.problem import task

    spec = config["task"]
    objectives = [Objective(**entry) for entry in spec["objectives"].values()]
    return task(spec["name"], problem or build(config), objectives)


def files(spec: Config) -> dict[str, Path]:
    """The files that a problem's values come from, by name; none for a function."""
    if "data" not in spec["problem"]:
        return {}
    data = _data(spec["problem"])
    if data.is_file():
        return {data.name: data}
    found = sorted(path for path in data.rglob("*") if path.is_file())
    return {str(path.relative_to(data)): path for path in found}


def _data(problem: Config) -> Path:
    path = resources.resolve(str(problem["data"]))
    if not path.exists():
        how = f"; {problem['get']}" if problem.get("get") else ""
        raise BadInput(f"problem: data {path}: no such file or folder{how}")
    return path
