"""A model's replies to items, on disk one line each as soon as they are there; goes on after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets.items import Item
from suite.evaluators.generation import Answer, GenerationEvaluator
from suite.records import journal

Say = Callable[[str], None]


class Replies:
    """What one model said to `items`, kept in the JSON lines of `path`.

    A line has the item's id, the reply, its tokens, every scorer's outcome, and the item's share of
    the wall seconds of its batch. A last line torn by a crash is dropped.
    """

    def __init__(self, path: Path, evaluator: GenerationEvaluator, items: Sequence[Item]) -> None:
        self.path, self.evaluator, self.items = path, evaluator, list(items)
        self._file = journal.records(path)
        self._lines = self._read()

    @property
    def missing(self) -> int:
        """How many items have no reply yet."""
        return len(self.items) - len(self._lines)

    @property
    def seconds(self) -> float:
        """Wall seconds spent on the replies that are there, loading aside."""
        return float(sum(line["seconds"] for line in self._lines.values()))

    def answers(self) -> list[Answer]:
        """All replies in the items' order; only once none is `missing`."""
        lines = [self._lines[item.id] for item in self.items]
        return [Answer(i["id"], i["reply"], i["tokens"], i["outcome"]) for i in lines]

    def complete(self, handle: Any, say: Say, advance: Callable[[int], None]) -> None:
        """Let the model behind `handle` answer what is missing, batch by batch.

        A batch is always the same items, part of which may be there already, as its company can
        move the last bits of a reply. Out of memory on a GPU halves ``handle.batch_size``, which
        `say` is told; `BadInput` when one item is too much.
        """
        beams = self.evaluator.decoding.num_beams
        for batch in _batches(self.items, max(1, handle.batch_size // beams)):
            if all(item.id in self._lines for item in batch):
                continue
            started = time.perf_counter()
            found = self._answer(handle, batch, beams, say)
            seconds = (time.perf_counter() - started) / len(batch)
            for answer in found:
                if answer.id not in self._lines:
                    self._append({**answer.__dict__, "seconds": seconds})
                    advance(1)

    def _append(self, line: dict[str, Any]) -> None:
        self._file.append(line)
        self._lines[line["id"]] = line

    def _answer(self, handle: Any, batch: list[Item], beams: int, say: Say) -> list[Answer]:
        import torch

        while True:
            try:
                return self.evaluator.answers(handle, batch)
            except torch.OutOfMemoryError:
                before = handle.batch_size
            # Outside of the clause, where nothing holds on to the tensors any more.
            torch.cuda.empty_cache()
            if before <= beams:
                raise BadInput(f"out of GPU memory with one item at a time (batch_size={before})")
            handle.batch_size = max(beams, before // 2)
            say(f"out of GPU memory with batch_size={before}; goes on with {handle.batch_size}")

    def _read(self) -> dict[str, dict[str, Any]]:
        known = {item.id for item in self.items}
        found: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(self._file.read(), start=1):
            if not {"id", "reply", "tokens", "outcome", "seconds"} <= set(line):
                raise BadInput(f"{self.path}, line {number}: no reply to an item; move it away")
            if line["id"] not in known or line["id"] in found:
                raise BadInput(
                    f"{self.path}, line {number}: item {line['id']!r} is asked twice or not at all"
                )
            found[line["id"]] = line
        return found


def _batches(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Items of like length together, so that little is padded."""
    ordered = sorted(items, key=lambda item: len(item.prompt))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
