"""What hangs on the test: the published hypervolumes under sampled and exact tests, pools and families.

    python benchmarks/verdicts.py [--json]

From the committed tables of every run's final hypervolume, docs/tabular/runs.csv (16 strategies, two
surrogates) and docs/analytic/runs.csv (15 strategies, 15 functions):

- per surrogate, how many of the 120 pairs Mann-Whitney with Holm resolves, exactly; and for the pairs
  that 9,999 sampled permutations put within reach of .05, the adjusted p by the generator's seed;
- across functions, what Wilcoxon's signed-rank test with Holm resolves, against each control first and
  over all pairs, beside Nemenyi's critical difference for this pool of strategies and for half of it;
- how many verdicts among the first eight strategies change when the others join, with Holm over all
  pairs and within families that are fixed.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from suite.report.load.controls import CONTROLS
from suite.statistics import rank_sum, signed_rank
from suite.statistics.families import extended, holm

DOCS = Path(__file__).resolve().parents[1] / "docs"
FIRST = ("random", "lambda_grid", "cma_es", "nsga2", "sms_emoa", "gde3", "tpe", "optuna_gp")
GENERATORS = 10
ALPHA = 0.05
Runs = dict[str, dict[str, list[float]]]
Pair = tuple[str, str]


def read(path: Path) -> Runs:
    """Final hypervolumes by task and strategy."""
    found: Runs = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own = found.setdefault(row["task"], {}).setdefault(row["optimizer"], [])
            own.append(float(row["hypervolume"]))
    return found


def exact(runs: Mapping[str, Sequence[float]]) -> dict[Pair, float]:
    """Exact Mann-Whitney p of every pair."""
    return {
        (a, b): rank_sum.mann_whitney(runs[a], runs[b]) for a, b in itertools.combinations(runs, 2)
    }


def sampled(a: Sequence[float], b: Sequence[float], seed: int) -> float:
    """The same by 9,999 permutations."""
    method = scipy_stats.PermutationMethod(n_resamples=9999, rng=np.random.default_rng(seed))
    return float(scipy_stats.mannwhitneyu(a, b, method=method).pvalue)


def adjusted(p: Mapping[Pair, float]) -> dict[Pair, float]:
    return dict(zip(p, holm([*p.values()]).tolist(), strict=True))


def surrogate(runs: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Resolved pairs, and the doubtful ones under several generators."""
    p = exact(runs)
    corrected = adjusted(p)
    doubtful = [pair for pair, value in corrected.items() if 0.002 < value < 0.2]
    rows = []
    for a, b in doubtful:
        values = []
        for seed in range(GENERATORS):
            other = {**p, (a, b): sampled(runs[a], runs[b], seed)}
            values.append(adjusted(other)[a, b])
        rows.append({"a": a, "b": b, "exact": corrected[a, b], "sampled": values})
    resolved = sum(value < ALPHA for value in corrected.values())
    return {"pairs": len(p), "resolved": resolved, "doubtful": rows}


def nemenyi(strategies: int, tasks: int) -> float:
    """Nemenyi's critical difference of mean ranks (Demšar 2006)."""
    reach = scipy_stats.studentized_range.ppf(1 - ALPHA, strategies, math.inf) / math.sqrt(2)
    return float(reach * math.sqrt(strategies * (strategies + 1) / (6 * tasks)))


def across(runs: Runs) -> dict[str, Any]:
    """Wilcoxon-Holm over the functions, and what Nemenyi says in two pools."""
    names = [n for n in next(iter(runs.values())) if all(n in own for own in runs.values())]
    table = np.array([[median(own[name]) for name in names] for own in runs.values()])
    column = {name: table[:, k] for k, name in enumerate(names)}
    p = {
        (a, b): signed_rank.wilcoxon(column[a] - column[b])
        for a, b in itertools.combinations(names, 2)
    }
    corrected = adjusted(p)
    best = min(
        names, key=lambda n: scipy_stats.rankdata(-table, axis=1).mean(axis=0)[names.index(n)]
    )
    versus = {pair: value for pair, value in p.items() if best in pair}
    planned = {
        family.name: sum(
            value < ALPHA
            for value in holm(
                [p[pair] if pair in p else p[pair[::-1]] for pair in family.pairs]
            ).tolist()
        )
        for family in extended((), names, CONTROLS, "")
    }
    pools = {}
    for pool in (names, [n for n in names if n in FIRST]):
        ranks = scipy_stats.rankdata(-np.array([column[n] for n in pool]).T, axis=1).mean(axis=0)
        gap = nemenyi(len(pool), len(table))
        pools[len(pool)] = [
            n for n, rank in zip(pool, ranks, strict=True) if rank - ranks.min() > gap
        ]
    return {
        "tasks": len(table),
        "best": best,
        "pairs": len(p),
        "resolved": sum(value < ALPHA for value in corrected.values()),
        "best_resolved_among_all_pairs": [
            b if a == best else a for (a, b), v in corrected.items() if best in (a, b) and v < ALPHA
        ],
        "best_against_each_after_the_fact": sum(v < ALPHA for v in adjusted(versus).values()),
        "families": planned,
        "nemenyi_worse_than_best": pools,
    }


def joined(runs: Mapping[str, Sequence[float]]) -> dict[str, int]:
    """Verdicts among `FIRST` that change when all others join: Holm over all pairs, and in families."""
    few = {name: runs[name] for name in FIRST}
    p = exact(runs)
    p |= {pair[::-1]: value for pair, value in p.items()}
    before = adjusted(exact(few))
    after = adjusted(exact(runs))
    after |= {pair[::-1]: value for pair, value in after.items()}
    fixed = extended((), few, CONTROLS, "")
    later = extended(fixed, runs, CONTROLS, "")
    kept = [
        (pair, holm([p[q] for q in family.pairs])[k] < ALPHA)
        for family in fixed
        for k, pair in enumerate(family.pairs)
    ]
    again = {
        pair: holm([p[q] for q in family.pairs])[k] < ALPHA
        for family in later
        for k, pair in enumerate(family.pairs)
    }
    return {
        "pairs": len(before),
        "changed_over_all_pairs": sum((v < ALPHA) != (after[k] < ALPHA) for k, v in before.items()),
        "changed_in_families": int(sum(again[pair] != sure for pair, sure in kept)),
    }


def main() -> int:
    """Compute and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tabular = read(DOCS / "tabular" / "runs.csv")
    found = {
        "surrogates": {task: surrogate(runs) for task, runs in tabular.items()},
        "joined": {task: joined(runs) for task, runs in tabular.items()},
        "functions": across(read(DOCS / "analytic" / "runs.csv")),
    }
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    for task, each in found["surrogates"].items():
        print(f"{task}: {each['resolved']} of {each['pairs']} pairs resolved, exact, Holm")
        for row in each["doubtful"]:
            low, high = min(row["sampled"]), max(row["sampled"])
            print(
                f"  {row['a']} – {row['b']}: exact {row['exact']:.4f}; sampled, by the generator's"
                f" seed, {low:.4f} to {high:.4f}"
            )
        print(f"  when eight more strategies join: {found['joined'][task]}")
    for key, value in found["functions"].items():
        print(f"functions, {key}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
