"""Endless, seeded streams of training documents."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Writer = Callable[..., Any]  # (random.Random, **arguments) to a document


class Mixture:
    """An endless stream of documents: `entries` are {document, weight, **arguments of its writer}.

    A document is a tuple of texts, or has them as ``turns``; `writers` are known by name.
    """

    def __init__(
        self, entries: Sequence[Mapping[str, Any]], seed: str, writers: Mapping[str, Writer]
    ) -> None:
        self._rng = random.Random(seed)
        self._weights = [float(entry["weight"]) for entry in entries]
        self._draw = [
            (
                writers[entry["document"]],
                {key: value for key, value in entry.items() if key not in ("document", "weight")},
            )
            for entry in entries
        ]

    def take(self, count: int) -> list[Any]:
        """The next `count` documents."""
        chosen = self._rng.choices(self._draw, self._weights, k=count)
        return [writer(self._rng, **arguments) for writer, arguments in chosen]


def batches(mixture: Mixture, batch: int, group: int = 8) -> Iterator[list[Any]]:
    """Endless batches of documents of similar length: `group` batches are drawn and sorted at once."""
    while True:
        drawn = sorted(mixture.take(batch * group), key=_length)
        rows = [drawn[start : start + batch] for start in range(0, len(drawn), batch)]
        # Interleave short and long, so that a stage never ends on one length.
        yield from rows[::2] + rows[1::2][::-1]


def _length(document: Any) -> int:
    """Characters of a document's texts."""
    return sum(map(len, getattr(document, "turns", document)))
