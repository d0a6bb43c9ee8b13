"""The data sets that a task's evaluators read: whether they are here, and whether items leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite import resources
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput


def check_there(task: TaskSpec) -> None:
    """Say how to get a data set that an evaluator reads and that is not in the folder ``data``.

    ``datasets`` maps folders in ``data`` to data sets of the Hub, as ``org/name[@revision]``.
    """
    for name, found in task.datasets.items():
        folder = resources.resolve(task.data) / name
        repo, _, revision = found.partition("@")
        for evaluator in task.evaluators.values():
            paths = _paths(evaluator.options.get("data"))
            if folder.exists() or not any(
                resources.resolve(path).is_relative_to(folder) for path in paths
            ):
                continue
            at = f" --revision {revision}" if revision else ""
            raise BadInput(
                f"evaluator {evaluator.name!r}: no folder {folder}; task.data names the one that it"
                f" is in, or: hf download {repo} --repo-type dataset{at} --local-dir {folder}"
            )


def _paths(data: object) -> list[str]:
    """What an option ``data`` names, for all splits or for one; none where it is of another make."""
    if not isinstance(data, Mapping):
        return []
    parts = [part for part in (data, *data.values()) if isinstance(part, Mapping)]
    return [str(part["path"]) for part in parts if "path" in part]


def check_leaks(evaluators: Sequence[Any]) -> None:
    """Refuse a report item's picture that the search or select items of another evaluator show."""
    seen: dict[str, tuple[bool, str]] = {}
    for each in evaluators:
        for split, items in getattr(each, "splits", {}).items():
            for picture in (getattr(item, "picture", None) for item in items):
                if picture is None:
                    continue
                here = (split == "report", f"{split} items of {each.name!r}")
                first = seen.setdefault(picture.digest, here)
                if first[0] != here[0]:
                    raise BadInput(
                        f"{picture.origin}: this picture is in the {first[1]} and in the {here[1]};"
                        " what is searched on must not be reported on"
                    )
