"""Which documents of an lm-eval task belong to which split: chosen by id or drawn, never shared.

For example, searching on rows of the data set's train split and reporting on others::

    splits:
      search: {from: train, ids: {draw: 100, seed: 0}}
      select: {from: train, ids: {draw: 100, seed: 0}}
      report: {from: validation, ids: {column: q_id, values: [8939, 8940]}}
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.lm_eval import documents as lm_eval_documents
from suite.evaluators.lm_eval.documents import Key

KEYS = ("task", "from", "ids")
DRAWN, NAMED = ("draw", "seed", "of"), ("column", "values", "file")

Specs = Mapping[str, Mapping[str, Any]]


def names(splits: Specs, task: str, evaluator: str) -> dict[str, str]:
    """The lm-eval task of each split: its own, or else `task`."""
    for split, spec in splits.items():
        if unknown := sorted(set(spec) - set(KEYS)):
            raise BadInput(
                f"evaluator {evaluator!r}, split {split}: unknown key {unknown[0]!r};"
                f" allowed are {', '.join(KEYS)}"
            )
    return {split: str(spec.get("task", task)) for split, spec in splits.items()}


def changes(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a task that evaluates what `spec` takes its documents from."""
    return {"test_split": str(spec["from"])} if spec.get("from") else {}


def documents(splits: Specs, tasks: Mapping[str, Any], evaluator: str) -> dict[str, list[int]]:
    """The document indices of each split; `tasks` are lm-eval's task objects by split.

    ``ids`` is ``start:stop`` or a list of indices; ``{column: …, values: […]}``, with ``file``, one
    a line, instead of values; or ``{draw: n, seed: …, of: …}``, n of all or of those indices. Draws
    come last, in the order given, and take nothing that another document, in whatever split, asks
    already. `BadInput` when an index or value does not exist, and when two splits share a document,
    what it asks, or a picture.
    """
    taken, found = _Taken(evaluator), {}
    drawn = {split for split, spec in splits.items() if "draw" in _mapping(spec.get("ids"))}
    for split in sorted(tasks, key=drawn.__contains__):
        docs = _Documents(split, splits[split], tasks[split], evaluator)
        if split in drawn:
            found[split] = _draw(docs, splits[split]["ids"], taken)
        else:
            found[split] = docs.chosen(splits[split].get("ids"))
            for index in found[split]:
                taken.take(docs, index)
    return {split: found[split] for split in tasks}


class _Documents:
    """The documents that a split may choose from."""

    def __init__(self, split: str, spec: Mapping[str, Any], task: Any, evaluator: str) -> None:
        self.split, self.task, self.docs = split, task, task.eval_docs
        self.where = f"evaluator {evaluator!r}, split {split}"
        self.called = f"of {task.config.task}"
        self.source = spec.get("from") or task.config.test_split or task.config.validation_split
        self.of = f"the task's {len(self.docs)} documents"

    def keys(self, index: int) -> list[Key]:
        """All that no other split may have: the document, what it asks, its pictures."""
        doc, name = self.docs[index], self.task.config.task
        key = lm_eval_documents.checked(self.task, doc, f"{self.where}: document {index} of {name}")
        seen = lm_eval_documents.pictures(self.task, doc)
        return [("document", name, self.source, index), key, *seen]

    def indices(self, given: Any, what: str) -> list[int]:
        return list(item_sets.indices(given, f"{self.where}: {what}", len(self.docs), self.of))

    def chosen(self, given: Any) -> list[int]:
        """Ascending indices."""
        if not isinstance(given, Mapping):
            return self.indices(given, "ids")
        column = str(given.get("column"))
        if set(given) - set(NAMED) or ("values" in given) == ("file" in given):
            raise BadInput(
                f"{self.where}: ids {dict(given)} must have column and either values or file, or"
                f" {', '.join(DRAWN)}"
            )
        known = list(self.docs[0])
        if column not in known:
            raise BadInput(f"{self.where}: no column {column!r}; there are {', '.join(known)}")
        wanted = {str(value) for value in given.get("values") or _lines(given, self.where)}
        cells = [str(doc[column]) for doc in self.docs]
        if lost := sorted(wanted - set(cells)):
            raise BadInput(f"{self.where}: no document's {column} is {lost[0]!r}")
        return [index for index, cell in enumerate(cells) if cell in wanted]


class _Taken:
    """What the splits have so far."""

    def __init__(self, evaluator: str) -> None:
        self._evaluator = evaluator
        self._seen: dict[Key, str] = {}

    def free(self, docs: _Documents, index: int) -> bool:
        return not any(key in self._seen for key in docs.keys(index))

    def take(self, docs: _Documents, index: int) -> None:
        for key in docs.keys(index):
            if (other := self._seen.setdefault(key, docs.split)) != docs.split:
                what = {"picture": "the picture of document", "text": "what is asked by document"}
                raise BadInput(
                    f"evaluator {self._evaluator!r}: {what.get(key[0], 'document')} {index}"
                    f" {docs.called} is in {other} and in {docs.split}; splits must be disjoint"
                )


def _draw(docs: _Documents, given: Mapping[str, Any], taken: _Taken) -> list[int]:
    """`draw` documents in the order of a seeded shuffle, leaving out what is taken."""
    if unknown := sorted(set(given) - set(DRAWN)):
        raise BadInput(
            f"{docs.where}: ids: unknown key {unknown[0]!r}; allowed are {', '.join(DRAWN)}"
        )
    count, seed = given["draw"], given.get("seed", 0)
    if type(count) is not int or count < 1 or type(seed) is not int:
        raise BadInput(
            f"{docs.where}: ids: draw {count!r} of seed {seed!r}: whole numbers, 1 or more"
        )
    every = docs.indices(given.get("of"), "ids: of")
    found: list[int] = []
    for index in random.Random(seed).sample(every, len(every)):
        if len(found) == count:
            break
        if taken.free(docs, index):
            taken.take(docs, index)
            found.append(index)
    if len(found) < count:
        raise BadInput(
            f"{docs.where}: ids: draw {count}: only {len(found)} documents are left that no other asks"
        )
    return sorted(found)


def _mapping(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _lines(given: Mapping[str, Any], where: str) -> Sequence[str]:
    path = resources.resolve(str(given.get("file")))
    try:
        found = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{where}: ids: file {path}: cannot be read ({error})") from None
    if not any(found):
        raise BadInput(f"{where}: ids: file {path}: no ids")
    return [line for line in found if line]
