"""How a task of lm-eval becomes an object: its file, and whence its documents and examples come."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators.lm_eval import data as lm_eval_data

SHIPPED = Path(__file__).with_name("tasks")


@dataclass(frozen=True)
class Source:
    """What an evaluator changes of the tasks that it names; null leaves it as the task's file has it.

    `path` is a folder of task files (null: those shipped here, then lm-eval's own). `data` replaces
    the data set by local files (`lm_eval_data.read`), `revision` pins that of the Hub.
    """

    evaluator: str
    path: str | Path | None = None
    num_fewshot: int | None = None
    data: Mapping[str, Any] | None = None
    revision: str | None = None

    def __post_init__(self) -> None:
        if self.data is not None and self.revision is not None:
            raise BadInput(f"{self.where}: revision is of the Hub's data set, data replaces it")
        shots: object = self.num_fewshot
        if shots is not None and (type(shots) is not int or shots < 0):
            raise BadInput(f"{self.where}: num_fewshot {shots!r} must be a whole number, 0 or more")

    @property
    def where(self) -> str:
        return f"evaluator {self.evaluator!r}"

    def build(self, names: Sequence[str], more: Sequence[Mapping[str, Any]]) -> list[Any]:
        """One task object for each name, with the settings in `more` instead of its file's."""
        manager = self._manager(set(names))
        replaced = None if self.data is None else lm_eval_data.read(self.data, self.where)
        built = []
        for name, own in zip(names, more, strict=True):
            changes = {**self._changes(manager, name, replaced), **own}
            # Only as a member of a group does lm-eval let a registered task's settings be changed.
            group = {"group": "suite", "task": [{"task": name, **changes}]}
            task = self._load(manager, group, name)
            _check(task, self.where)
            built.append(task)
        return built

    def _manager(self, names: set[str]) -> Any:
        """lm-eval's index of task files that holds all `names`."""
        from lm_eval.tasks import TaskManager

        folder = SHIPPED if self.path is None else Path(self.path)
        if not folder.is_dir():
            raise BadInput(f"{self.where}: path {folder} is not a folder of task YAMLs")
        manager = TaskManager(include_path=str(folder), include_defaults=False)
        if self.path is None and not names <= set(manager.all_subtasks):
            manager = _lm_evals_own(names)
        if missing := sorted(names - set(manager.all_subtasks)):
            there = f"{folder}: {', '.join(manager.all_subtasks)}"
            where = "lm-eval" if self.path is None else there
            raise BadInput(f"{self.where}: {missing[0]!r} is not a single task of {where}")
        return manager

    def _changes(
        self, manager: Any, name: str, replaced: lm_eval_data.Splits | None
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if self.num_fewshot is not None:
            changes["num_fewshot"] = self.num_fewshot
        if replaced is not None:
            changes["custom_dataset"] = lambda **_: replaced
            if self.num_fewshot == 0:  # then a local copy may lack what examples are drawn from
                changes |= dict.fromkeys(("training_split", "fewshot_split"))
        if self.revision is not None:
            own = _settings(manager, name).get("dataset_kwargs") or {}
            changes["dataset_kwargs"] = {**own, "revision": self.revision}
        return changes

    def _load(self, manager: Any, group: dict[str, Any], name: str) -> Any:
        from jinja2 import TemplateError

        try:
            return manager.load(group)["tasks"][name]
        except BadInput:
            raise
        except (
            TemplateError,
            ImportError,
            LookupError,
            OSError,  # the Hub cannot be reached, among others
            AttributeError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            told = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise BadInput(
                f"{self.where}: the lm-eval task {name} cannot be made of"
                f" {self._named(manager, name)} ({told[:300]})"
            ) from None

    def _named(self, manager: Any, name: str) -> str:
        if self.data is not None:
            return f"the files in {self.data['path']}"
        repo = _settings(manager, name).get("dataset_path") or "its own data"
        return f"{repo}; give local files as data, or HF_HUB_OFFLINE=0 to fetch it"


def _lm_evals_own(names: set[str]) -> Any:
    """An index of the folders of lm-eval whose files are called like `names`, or of everything.

    Reading all of its files takes some 15 s, those of a folder a moment.
    """
    from lm_eval.tasks import TaskManager

    folders = {folder for name in names for folder in _folders().get(name, ())}
    if folders:
        near = [str(folder) for folder in sorted(folders)]
        manager = TaskManager(include_path=near, include_defaults=False)
        if names <= set(manager.all_subtasks):
            return manager
    return TaskManager()


@functools.cache
def _folders() -> dict[str, list[Path]]:
    """The folders of lm-eval's that have a file of a name."""
    import lm_eval

    found: dict[str, list[Path]] = {}
    for folder, _, files in os.walk(Path(lm_eval.__file__).with_name("tasks")):
        for name in files:
            if name.endswith(".yaml"):
                found.setdefault(name.removesuffix(".yaml"), []).append(Path(folder))
    return found


def _settings(manager: Any, name: str) -> Mapping[str, Any]:
    """What a task's file says, what it includes too."""
    from lm_eval.tasks._yaml_loader import load_yaml

    entry = manager.task_index[name]
    found: Mapping[str, Any] = entry.cfg or {}
    if entry.yaml_path is not None:
        found = load_yaml(entry.yaml_path, resolve_func=False)
    return found


def _check(task: Any, where: str) -> None:
    """Refuse what lm-eval cannot ask a model of transformers."""
    at = f"{where}: the lm-eval task {task.config.task}"
    if task.config.doc_to_audio:
        raise BadInput(f"{at} has sounds, which no model here hears")
    if task.config.doc_to_image and task.OUTPUT_TYPE != "generate_until":
        raise BadInput(
            f"{at} is of the type {task.OUTPUT_TYPE}; with pictures lm-eval does only generate_until"
        )
