"""Exact tests from their definitions, in Python's integers: no generator, no normal approximation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.stats import rankdata

from tests.independent.journals import Array


def mann_whitney(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of the rank sum of `a`: twice the smaller tail, at most 1.

    All C(n, len(a)) splits of the pooled midranks are counted: the coefficients of ∏ (1 + y x^rank).
    """
    ranks = _whole(rankdata(list(a) + list(b)))
    splits = math.comb(len(ranks), len(a))
    kind = np.int64 if splits < 2**62 else object  # exact either way: whole numbers, of any length
    counts = np.zeros(
        (len(a) + 1, sum(ranks) + 1), dtype=kind
    )  # by how many are taken, and their sum
    counts[0, 0] = 1
    high = 0  # the greatest sum so far, which with small ranks first keeps the work small
    for seen, rank in enumerate(sorted(ranks)):
        least = max(len(a) - len(ranks) + seen, 0)  # fewer can no longer become len(a)
        most = min(seen, len(a) - 1)
        counts[least + 1 : most + 2, rank : high + rank + 1] += counts[
            least : most + 1, : high + 1
        ].copy()
        high += rank
    own = sum(ranks[: len(a)])
    tail = min(int(counts[-1, : own + 1].sum()), int(counts[-1, own:].sum()))
    return min(1.0, 2 * tail / splits)


def _whole(ranks: Array) -> list[int]:
    """Midranks as whole numbers: doubled if one is a half."""
    factor = 1 if (ranks == np.floor(ranks)).all() else 2
    return [round(factor * rank) for rank in ranks]


def _coefficients(packed: int, degree: int, cell: int) -> list[int]:
    """Coefficients 0 … degree of a polynomial that one integer holds, `cell` bits for each."""
    step = cell // 8
    raw = packed.to_bytes((degree + 1) * step, "little")
    return [int.from_bytes(raw[k : k + step], "little") for k in range(0, len(raw), step)]


def improvement(a: Sequence[float], b: Sequence[float]) -> float:
    """Share of pairs in which `a` is greater, ties half."""
    x, y = np.asarray(a)[:, None], np.asarray(b)[None]
    return float(((x > y) + 0.5 * (x == y)).mean())


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of the mean, over all 2^n signs (n up to about 20)."""
    d = np.asarray(differences, dtype=float)
    sums = np.zeros(1)
    for value in d:
        sums = np.concatenate([sums + value, sums - value])
    return float((np.abs(sums) >= abs(d.sum()) - 1e-12 * np.abs(d).sum()).mean())


def mcnemar(a: Array, b: Array) -> float:
    """Exact two-sided p of paired outcomes 0 and 1: binomial in the items where they differ."""
    won, lost = int((a > b).sum()), int((a < b).sum())
    n = won + lost
    tail = sum(math.comb(n, k) for k in range(min(won, lost) + 1))
    return min(1.0, float(Fraction(2 * tail, 1 << n)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values (Holm 1979); nan, a comparison that could not be made, does not count."""
    order = sorted((k for k in range(len(p)) if not math.isnan(p[k])), key=lambda k: p[k])
    adjusted, least = [math.nan] * len(p), 0.0
    for place, k in enumerate(order):
        least = max(least, min(1.0, (len(order) - place) * p[k]))
        adjusted[k] = least
    return adjusted


def signed_rank(differences: Sequence[float]) -> float:
    """Wilcoxon's two-sided p, zeros after Pratt: they are ranked, then dropped; exact under ties."""
    d = np.asarray(differences, dtype=float)
    ranks = _whole(rankdata(np.abs(d)))
    kept = [(rank, value > 0) for rank, value in zip(ranks, d, strict=True) if value != 0]
    counts, cell = 1, 8 * (len(kept) // 8 + 1)
    for rank, _ in kept:
        counts += counts << (cell * rank)
    total = sum(rank for rank, _ in kept)
    off = abs(2 * sum(rank for rank, up in kept if up) - total)
    far = [c for s, c in enumerate(_coefficients(counts, total, cell)) if abs(2 * s - total) >= off]
    return sum(far) / (1 << len(kept))


def friedman(values: Array) -> float:
    """Friedman's chi square of values (blocks, treatments), corrected for ties (Conover 1999)."""
    ranks = np.apply_along_axis(rankdata, 1, values)
    blocks, k = ranks.shape
    spread = (ranks**2).sum() - blocks * k * (k + 1) ** 2 / 4
    between = ((ranks.sum(axis=0) - blocks * (k + 1) / 2) ** 2).sum()
    return float((k - 1) * between / spread)


def iqm(values: Sequence[float]) -> float:
    """Interquartile mean: the quarter at either end, rounded down, is left out."""
    ordered, cut = sorted(values), len(values) // 4
    return math.fsum(ordered[cut : len(ordered) - cut]) / (len(ordered) - 2 * cut)


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two; inf where a half is not reached."""
    ordered, half = sorted(values), len(values) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


def wilson(failures: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share = failures / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), centre + half
