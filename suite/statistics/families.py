"""Families of comparisons: which p values are adjusted together, fixed before a strategy is added.

Holm's adjustment depends on how many comparisons there are. So each comparison belongs to one family
for good: those planned against controls, and the others. A strategy that comes later opens families
of its own and changes no verdict that is published.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suite.statistics.multiple import holm

Pair = tuple[str, str]
PLANNED, OTHERS = "controls", "pairs"


@dataclass(frozen=True)
class Family:
    """Comparisons adjusted together; `date` is the day it was frozen, empty while it is not.

    `measure` names what is compared; of a pair the first is the strategy, the second the control.
    """

    name: str
    date: str
    measure: str
    pairs: tuple[Pair, ...]

    @property
    def frozen(self) -> bool:
        return bool(self.date)


def extended(
    families: Sequence[Family], strategies: Iterable[str], controls: Collection[str], measure: str
) -> tuple[Family, ...]:
    """`families` as they are, and new ones for the pairs of `strategies` that none of them holds.

    Parameters
    ----------
    families : sequence of Family
        What is frozen; empty for a study that starts.
    strategies : iterable of str
        All that are there; their order decides that of new pairs.
    controls : collection of str
        Names of controls. A pair with exactly one of them is planned: it goes to ``controls``, all
        others to ``pairs``; where families are frozen already to ``controls-2``, ``pairs-2`` and so on.
    measure : str
        That of the new families.

    Returns
    -------
    tuple of Family
        The new ones have no date, and none is empty.

    Examples
    --------
    >>> [family.pairs for family in extended((), ["a", "b", "random"], {"random"}, "report")]
    [(('a', 'random'), ('b', 'random')), (('a', 'b'),)]
    """
    held = {frozenset(pair) for family in families for pair in family.pairs}
    new = [p for p in itertools.combinations(strategies, 2) if frozenset(p) not in held]
    planned = [p for p in new if (p[0] in controls) != (p[1] in controls)]
    turned = tuple((b, a) if a in controls else (a, b) for a, b in planned)
    others = tuple(pair for pair in new if pair not in planned)
    number = 1 + max((_number(family.name) for family in families), default=0)
    end = f"-{number}" if number > 1 else ""
    made = [(f"{PLANNED}{end}", turned), (f"{OTHERS}{end}", others)]
    return (*families, *(Family(name, "", measure, pairs) for name, pairs in made if pairs))


def _number(name: str) -> int:
    end = name.rpartition("-")[2]
    return int(end) if end.isdigit() else 1


def adjusted(family: Family, p: Mapping[Pair, float]) -> dict[Pair, float]:
    """Holm within `family`; a pair whose p is NaN or not there keeps NaN.

    It counts as a test that did not resolve anything, so that the size of the family, and with it
    every other figure, does not depend on which of its runs are there.
    """
    raw = np.array([p.get(pair, np.nan) for pair in family.pairs], dtype=float)
    found = holm(np.where(np.isnan(raw), 1.0, raw))
    values = np.where(np.isnan(raw), np.nan, found).tolist()
    return dict(zip(family.pairs, values, strict=True))
