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
from numpy.typing import ArrayLike, NDArray

Pair = tuple[str, str]
Values = NDArray[np.float64]
PLANNED, OTHERS = "controls", "pairs"


def holm(p: ArrayLike) -> Values:
    """Adjust p values by Holm's step-down procedure: one error among all is rare.

    The i-th smallest of n is multiplied by n − i + 1, then made not smaller than those before it
    (Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65-70).

    Parameters
    ----------
    p : array_like, shape (n,)
        In [0, 1]; n of 0 or more.

    Returns
    -------
    ndarray, shape (n,)
        Adjusted, in [0, 1], in the order given.

    Raises
    ------
    ValueError
        For a value outside [0, 1], NaN among them.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=float)
    if not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError("p values must lie in [0, 1]")
    order = np.argsort(raw, kind="stable")
    steps = np.arange(raw.size, 0, -1) * raw[order]
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if raw.size else steps
    return adjusted


def holm_known(p: Sequence[float]) -> Values:
    """Adjust the p values that are known; NaN stays NaN and does not count as a test.

    Parameters
    ----------
    p : sequence of float, shape (n,)
        In [0, 1], or NaN.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        For a value outside [0, 1].

    Examples
    --------
    >>> holm_known([0.01, float("nan"), 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    adjusted = np.array(p, dtype=float)
    known = ~np.isnan(adjusted)
    adjusted[known] = holm(adjusted[known])
    return adjusted


@dataclass(frozen=True)
class Family:
    """Comparisons that are adjusted together.

    Attributes
    ----------
    name : str
        ``controls``, ``pairs``, or one of these with a number: ``controls-2``.
    date : str
        The day on which it was frozen, as ISO 8601; empty while it is not.
    measure : str
        Names what is compared.
    pairs : tuple of (str, str)
        Of a pair the first is the strategy, the second the control.
    """

    name: str
    date: str
    measure: str
    pairs: tuple[Pair, ...]

    @property
    def frozen(self) -> bool:
        """Whether the family has a date, and stays as it is."""
        return bool(self.date)


def extended(
    families: Sequence[Family], strategies: Iterable[str], controls: Collection[str], measure: str
) -> tuple[Family, ...]:
    """Add to `families` new ones for the pairs of `strategies` that none of them holds.

    Parameters
    ----------
    families : sequence of Family
        What is frozen; empty for a study that starts. They stay as they are.
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
    """Adjust by Holm within one family.

    A pair without a p counts as a test that did not resolve anything, so that the size of the family,
    and with it every other figure, does not depend on which of its runs are there.

    Parameters
    ----------
    family : Family
    p : mapping of (str, str) to float
        By pair of the family, in [0, 1]; NaN or left out where it is not known.

    Returns
    -------
    dict of (str, str) to float
        For every pair of the family; NaN where its p is not known.

    Raises
    ------
    ValueError
        For a p outside [0, 1].

    Examples
    --------
    >>> family = Family("pairs", "", "report", (("a", "b"), ("a", "c")))
    >>> adjusted(family, {("a", "b"): 0.01})
    {('a', 'b'): 0.02, ('a', 'c'): nan}
    """
    raw = np.array([p.get(pair, np.nan) for pair in family.pairs], dtype=float)
    corrected = holm(np.where(np.isnan(raw), 1.0, raw))
    values = np.where(np.isnan(raw), np.nan, corrected).tolist()
    return dict(zip(family.pairs, values, strict=True))
