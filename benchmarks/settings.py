"""How far one setting, the budget and the space move a strategy, beside how far strategies are apart.

    OMP_NUM_THREADS=1 python benchmarks/settings.py [ja_math_micro] [--seeds 10] [--budgets 200 1000] [--json]
                                                    [--only nsga2 …] [--skip optuna_gp] [--gp 10]

On TASK_tabular, draw 0: per strategy and setting the final hypervolume on search items, which the
strategy was fitted to, and the *true* one (`simulated.true_share`: its front at the expected outcomes), as
median and range over seeds. A run does not know its budget, so that the first 200 trials of a run of 1000
are the run of 200. Gaussian processes run at the least budget alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import simulated
from simulated import FIRST_SEED, Row, World

from suite.assembly import assemble
from suite.statistics import pareto

SHIPPED = "shipped"
# Strategy, what is varied, and its words; the first of each strategy is what is shipped.
SETTINGS: list[tuple[str, str, list[str]]] = [
    ("random", SHIPPED, []),
    ("random_sources", SHIPPED, []),
    ("lambda_grid", SHIPPED, []),
    ("nsga2", "population 20, shipped", []),
    ("nsga2", "population 10", ["optimizer.population=10"]),
    ("nsga2", "population 50", ["optimizer.population=50"]),
    ("nsga2", "population 100", ["optimizer.population=100"]),
    ("cma_es", "sigma0 0.1667, 13 an ask, shipped", []),
    ("cma_es", "sigma0 0.05", ["optimizer.sigma0=0.05"]),
    ("cma_es", "sigma0 0.1", ["optimizer.sigma0=0.1"]),
    ("cma_es", "sigma0 0.3", ["optimizer.sigma0=0.3"]),
    ("cma_es", "sigma0 0.5", ["optimizer.sigma0=0.5"]),
    ("cma_es", "6 an ask", ["optimizer.popsize=6"]),
    ("cma_es", "26 an ask", ["optimizer.popsize=26"]),
    ("cma_es_random_weights", SHIPPED, []),
    ("como_cma_es", SHIPPED, []),
    ("gde3", SHIPPED, []),
    ("sms_emoa", SHIPPED, []),
    ("tpe", SHIPPED, []),
    ("optuna_gp", SHIPPED, []),
]
SLOW = ("optuna_gp",)


def measured(
    world: World, strategy: str, words: list[str], seeds: int, budgets: list[int]
) -> list[Row]:
    """A row per budget: hypervolumes on search items and true ones of every seed, and their medians."""
    config = simulated.configuration(world.task, strategy, words)
    made = assemble.task(config)
    shares: dict[int, list[tuple[float, float]]] = {budget: [] for budget in budgets}
    began = time.process_time()
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        trials = simulated.search(made, config, seed, max(budgets))
        X, F = simulated.candidates(trials), simulated.losses(trials)
        for budget in budgets:
            pair = pareto.hypervolume(F[:budget]), world.true_share(X[:budget], F[:budget])
            shares[budget].append(pair)
    seconds = (time.process_time() - began) / seeds
    rows = []
    for budget, pairs in shares.items():
        found, true = np.array(pairs).T
        own = {"search": found.tolist(), "true": true.tolist(), "seconds": seconds}
        ends = {f"{name}_{key}": value for name, side in (("search", found), ("true", true))
                for key, value in simulated.medians(side).items()}  # fmt: skip
        rows.append({"strategy": strategy, "trials": budget, "seeds": seeds, **own, **ends})
    return rows


def spread(rows: list[Row], budget: int, side: str) -> Row:
    """Ranges of medians at a budget: over settings of each strategy, over shipped strategies."""
    own = [row for row in rows if row["trials"] == budget]
    ranges = {}
    for strategy in dict.fromkeys(row["strategy"] for row in own):
        medians = [row[f"{side}_median"] for row in own if row["strategy"] == strategy]
        if len(medians) > 1:
            ranges[strategy] = [min(medians), max(medians)]
    shipped = {
        row["strategy"]: row[f"{side}_median"] for row in own if row["setting"].endswith("shipped")
    }
    order = sorted(shipped, key=lambda name: -shipped[name])
    return {"settings": ranges, "order": [(name, shipped[name]) for name in order]}


def show(row: Row) -> None:
    """One line."""
    texts = [
        f"{row[f'{side}_median']:.3f} [{row[f'{side}_least']:.3f}, {row[f'{side}_most']:.3f}]"
        for side in ("search", "true")
    ]
    print(
        f"{row['strategy']:22}{row['setting']:34}{row['trials']:>5}{row['seeds']:>4}"
        f"  {texts[0]:24}{texts[1]:24}{row['seconds']:7.1f}",
        flush=True,
    )


def conclude(rows: list[Row], budget: int) -> None:
    """What settings move, and the order of the strategies as shipped."""
    for side in ("search", "true"):
        found = spread(rows, budget, side)
        for strategy, (low, high) in found["settings"].items():
            print(f"{budget} trials, {side}: settings move {strategy} from {low:.3f} to {high:.3f}")
        order = ", ".join(f"{name} {value:.3f}" for name, value in found["order"])
        print(f"{budget} trials, {side}: {order}")


def main() -> int:
    """Run every setting, print every row, then what they say together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="ja_math_micro")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budgets", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--only", nargs="+", help="these strategies alone")
    parser.add_argument("--skip", nargs="+", default=[])
    parser.add_argument("--gp", type=int, default=10, help="seeds of Gaussian processes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    world, rows = World(options.task), []
    if not options.json:
        heads = f"{'hypervolume on search items':26}{'true':24}s of CPU"
        print(f"{'strategy':22}{'setting':34}{'trials':>5}{'n':>4} {heads}")
    for strategy, setting, words in SETTINGS:
        if strategy in options.skip or strategy not in (options.only or [strategy]):
            continue
        slow = strategy in SLOW
        seeds = options.gp if slow else options.seeds
        budgets = [min(options.budgets)] if slow else options.budgets
        for row in measured(world, strategy, words, seeds, budgets):
            rows.append({"setting": setting, **row})
            if not options.json:
                show(rows[-1])
    if options.json:
        print(json.dumps(rows, indent=1))
        return 0
    for budget in options.budgets:
        conclude(rows, budget)
    return 0


if __name__ == "__main__":
    sys.exit(main())
