"""Which documents of an lm-eval task belong to which split: chosen by index, never shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.errors import BadInput
from suite.evaluators import items as item_sets
from suite.evaluators.lm_eval_vision import Shown, listed

Specs = Mapping[str, Mapping[str, Any]]


def names(splits: Specs, task: str, evaluator: str) -> dict[str, str]:
    """The lm-eval task of each split: its own, or else `task`."""
    for split, spec in splits.items():
        if unknown := sorted(set(spec) - {"task", "ids"}):
            raise BadInput(
                f"evaluator {evaluator!r}, split {split}: unknown key {unknown[0]!r};"
                " allowed are task, ids"
            )
    return {split: str(spec.get("task", task)) for split, spec in splits.items()}


def documents(splits: Specs, tasks: Mapping[str, Any], evaluator: str) -> dict[str, list[int]]:
    """The document indices of each split; `tasks` are lm-eval's task objects by split.

    `BadInput` when an index does not exist, and when two splits share a document or a picture.
    """
    ids = {}
    for split, task in tasks.items():
        given, count = splits[split].get("ids"), len(task.eval_docs)
        what = f"evaluator {evaluator!r}, split {split}: ids"
        ids[split] = list(item_sets.indices(given, what, count, f"the task's {count} documents"))
    _check_disjoint(tasks, ids, evaluator)
    return ids


def _check_disjoint(tasks: Mapping[str, Any], ids: Mapping[str, list[int]], evaluator: str) -> None:
    """What a search has seen of a picture would leak, so pictures are not shared either."""
    seen: dict[tuple[str, Any], str] = {}
    for split, task in tasks.items():
        for index in ids[split]:
            for thing in [(task.config.task, index), *_pictures(task, index)]:
                if (other := seen.setdefault(thing, split)) != split:
                    what = "the picture of document" if thing[0] == "picture" else "document"
                    raise BadInput(
                        f"evaluator {evaluator!r}: {what} {index} of {task.config.task} is in"
                        f" {other} and in {split}; splits must be disjoint"
                    )


def _pictures(task: Any, index: int) -> list[tuple[str, str]]:
    """The pictures of a document, by what they show."""
    if not task.config.doc_to_image:
        return []
    shown = listed(task.doc_to_image(task.eval_docs[index]))
    return [("picture", Shown.of(image).digest) for image in shown]
