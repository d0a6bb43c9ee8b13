"""Optimizers against each other, pair by pair, by their runs' final hypervolumes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from suite.report.headline import holm_known
from suite.report.results import Results
from suite.statistics import bootstrap, rank_sum, seeds

ALPHA = 0.05


@dataclass(frozen=True)
class ComparisonRow:
    """Two optimizers' final hypervolumes on search items over seeds; p values Holm-adjusted.

    `improvement` is the probability that a run of `a` beats one of `b`, with its stratified
    bootstrap interval (NaN under 5 seeds). `better` names the winner where `p_holm` is below 0.05;
    it is empty where the difference is not resolved.
    """

    a: str
    b: str
    seeds_a: int
    seeds_b: int
    median_a: float
    median_b: float
    improvement: float
    improvement_low: float
    improvement_high: float
    p: float
    p_holm: float
    p_paired: float
    p_paired_holm: float
    better: str


def comparison_rows(results: Results) -> list[ComparisonRow]:
    """Every pair of optimizers that have a run with a trial; see `compared`."""
    return compared(results.final)


def compared(
    final: Mapping[str, Mapping[int, float]], resamples: int = bootstrap.RESAMPLES
) -> list[ComparisonRow]:
    """Every pair of `final`, which holds the score of each seed, larger is better, by optimizer.

    `p` is Mann–Whitney over all seeds, `p_paired` sign-flip permutation over the common ones; each
    is Holm-adjusted over the pairs. The verdict is that of `p`, which five seeds can reach already.
    `resamples` are those of the interval of `improvement`.
    """
    pairs = list(itertools.combinations(final, 2))
    values = {optimizer: [*by_seed.values()] for optimizer, by_seed in final.items()}
    plain = [rank_sum.mann_whitney(values[a], values[b]) for a, b in pairs]
    by_seed = [_paired(final[a], final[b]) for a, b in pairs]
    plain_holm, by_seed_holm = holm_known(plain), holm_known(by_seed)
    rows = []
    for i, (a, b) in enumerate(pairs):
        effect = bootstrap.improvement([values[a]], [values[b]], resamples=resamples)
        rows.append(
            ComparisonRow(
                a=a,
                b=b,
                seeds_a=len(values[a]),
                seeds_b=len(values[b]),
                median_a=median(values[a]),
                median_b=median(values[b]),
                improvement=effect.value,
                improvement_low=effect.low,
                improvement_high=effect.high,
                p=plain[i],
                p_holm=float(plain_holm[i]),
                p_paired=by_seed[i],
                p_paired_holm=float(by_seed_holm[i]),
                better=_better(a, b, effect.value, float(plain_holm[i])),
            )
        )
    return rows


def _paired(a: Mapping[int, float], b: Mapping[int, float]) -> float:
    common = sorted(a.keys() & b.keys())
    if not common:
        return math.nan
    return seeds.paired_seeds([a[seed] for seed in common], [b[seed] for seed in common])


def _better(a: str, b: str, improvement: float, p: float) -> str:
    if p >= ALPHA or improvement == 0.5:
        return ""
    return a if improvement > 0.5 else b


def beaten(rows: Sequence[ComparisonRow], optimizer: str) -> list[str]:
    """Whom `optimizer` is better than, resolved, in the order of `rows`."""
    return [row.b if row.a == optimizer else row.a for row in rows if row.better == optimizer]


def ordered(results: Results) -> list[str]:
    """The optimizers by median final hypervolume, the best first."""
    final = results.final
    return sorted(final, key=lambda optimizer: (-median(final[optimizer].values()), optimizer))
