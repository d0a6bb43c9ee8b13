"""Seeded draws from a data set: ``rows: {draw: n, seed: …, of: …}``, n of its items or of those rows.

Splits that draw with one seed from one data set share a shuffle: the first takes its beginning, the
next what follows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets.items import Item, normalised

KEYS = ("draw", "seed", "of")  # the words of `lm_eval_splits`

Key = tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """`count` items in the order of a shuffle by `seed`; `of` are the rows to draw from, None all."""

    count: int
    seed: int = 0
    of: Any = None

    @classmethod
    def parse(cls, rows: Any, where: str) -> Draw | None:
        """The draw that `rows` describes; None where it describes rows. `BadInput` begins with `where`."""
        if not isinstance(rows, Mapping):
            return None
        if unknown := sorted(set(rows) - set(KEYS)):
            raise BadInput(
                f"{where}: rows: unknown key {unknown[0]!r}; allowed are {', '.join(KEYS)}"
            )
        count, seed = rows.get("draw"), rows.get("seed", 0)
        if type(count) is not int or count < 1 or type(seed) is not int:
            raise BadInput(
                f"{where}: rows: draw {count!r} of seed {seed!r}: whole numbers, 1 or more"
            )
        return cls(count, seed, rows.get("of"))

    def items(self, pool: Sequence[Item], taken: Set[Key], where: str) -> list[Item]:
        """The drawn items, in the order of `pool`; none asks what another does or what is `taken`."""
        seen, chosen = set(taken), list[int]()
        for index in random.Random(self.seed).sample(range(len(pool)), len(pool)):
            if len(chosen) == self.count:
                break
            if not seen.intersection(found := keys(pool[index])):
                seen.update(found)
                chosen.append(index)
        if len(chosen) < self.count:
            raise BadInput(
                f"{where}: rows: draw {self.count}: only {len(chosen)} items are left that no other asks"
            )
        return [pool[index] for index in sorted(chosen)]


def keys(item: Item) -> list[Key]:
    """What no drawn item may share with another: the question about its picture, and the picture."""
    picture = item.picture.digest if item.picture else ""
    asked = ("prompt", normalised(item.prompt), picture)
    return [asked, ("picture", picture)] if picture else [asked]
