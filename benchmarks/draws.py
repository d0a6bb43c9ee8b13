"""One item set is one replicate: what items and what seeds add to a difference.

    OMP_NUM_THREADS=1 python benchmarks/draws.py [ja_math_micro] [--draws 12] [--seeds 5] [--trials 200]
                                                 [--kinds noise items] [--strategies …]
                                                 [--processes 1] [--json]

Strategies × item draws × seeds on TASK_tabular, every cell. Two kinds of draws:

- ``noise``: the same items with the same expected outcomes, their outcomes drawn anew (task.problem.draw).
  What differs is luck; how hard each item is, and which weights solve it, stays.
- ``items``: another item set. Of each objective's items as many are drawn with replacement, and their
  outcomes are drawn anew, each copy's for itself. The mean over items then varies as that of a fresh set of
  the same size does. That is what "another item set" means.

Subsets without replacement (task.problem.items=100) are not used: half of the items have the right variance
of expected scores, but twice that of their noise, and make the search harder than it is.

Per pair of strategies: the difference of mean hypervolumes, and the standard deviations that draws
(strategy by draw) and runs (seeds) give to it (`suite.statistics.hierarchy.components`). p after Holm over
all pairs, when draws are random (t over draws) and when these draws are taken to be all there are. Both for
the search items' hypervolume and the true one, which is the front's at the expectation of all the items
there are: the population that ``items`` draws from.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import simulated
from simulated import FIRST_SEED, Array, Row, World

from suite.problems.problem import task as problem_task
from suite.problems.tabular import Surrogate, Tabular
from suite.search.task import Task
from suite.statistics import pareto
from suite.statistics.families import holm
from suite.statistics.hierarchy import components, fixed_draws, one_draw, random_draws

SIDES = ("search", "true")
KINDS = ("noise", "items")
ALPHA = 0.05


def resampled(surrogate: Surrogate, draw: int) -> Surrogate:
    """The surrogate of another item set: each figure's items drawn with replacement."""
    random = np.random.default_rng([draw, 3])
    first, chosen = 0, []
    for size in surrogate.sizes.values():
        chosen.append(first + random.integers(size, size=size))
        first += size
    return surrogate.with_items(np.concatenate(chosen))


def drawn(world: World, kind: str, draw: int) -> Task:
    """The surrogate task on draw `draw` of a kind."""
    made = world.surrogate if kind == "noise" else resampled(world.surrogate, draw)
    problem = Tabular(made, None, draw, noise=True)
    return problem_task(f"{world.task}_tabular", problem, world.objectives)


def cells(
    task: str, kind: str, draw: int, strategies: Sequence[str], seeds: int, trials: int
) -> Array:
    """Final hypervolumes (strategies, sides, seeds) of every run on one draw."""
    world = World(task)
    made = drawn(world, kind, draw)
    found = np.empty((len(strategies), len(SIDES), seeds))
    for row, name in enumerate(strategies):
        config = simulated.configuration(task, name)
        for column in range(seeds):
            run = simulated.search(made, config, FIRST_SEED + column, trials)
            X, F = simulated.candidates(run), simulated.losses(run)
            found[row, :, column] = pareto.hypervolume(F), world.true_share(X, F)
    print(f"{kind}: draw {draw} done", file=sys.stderr, flush=True)
    return found


def shares(kind: str, options: argparse.Namespace) -> dict[str, Array]:
    """Final hypervolumes (sides, draws, seeds) by strategy; draws are independent of each other."""
    own = (options.strategies, options.seeds, options.trials)
    fresh = multiprocessing.get_context("spawn")  # a fork would share the libraries' threads
    with ProcessPoolExecutor(options.processes, mp_context=fresh) as pool:
        draws = range(options.draws)
        waiting = [pool.submit(cells, options.task, kind, draw, *own) for draw in draws]
        found = np.stack([each.result() for each in waiting], axis=2)
    return dict(zip(options.strategies, found, strict=True))


def compared(values: dict[str, Array]) -> list[Row]:
    """A row per pair, of hypervolumes (draws, seeds) by strategy."""
    rows = []
    for a, b in itertools.combinations(values, 2):
        d = values[a] - values[b]
        parts = components(d)
        alone = np.array([one_draw(each)[1] for each in d])
        row = {"a": a, "b": b, "difference": float(d.mean()), "draws": parts.draws}
        row |= {"seeds": parts.seeds, "rest": parts.rest, "run": parts.run}
        row |= {"random": random_draws(d)[1], "fixed": fixed_draws(d)[1], "alone": alone.tolist()}
        row["other_order"] = float((np.sign(d.mean(axis=1)) != np.sign(d.mean())).mean())
        rows.append(row)
    for name in ("random", "fixed"):
        for row, p in zip(rows, holm(np.array([row[name] for row in rows], float)), strict=True):
            row[f"{name}_holm"] = float(p)
    each_draw = np.array([holm(column) for column in np.array([r["alone"] for r in rows], float).T])
    for row, ps in zip(rows, each_draw.T, strict=True):
        row["alone_holm"] = ps.tolist()
    return rows


def summary(rows: Sequence[Row]) -> Row:
    """Components averaged over pairs without random search, and how many pairs are resolved, of all."""
    close = [row for row in rows if "random" not in (row["a"], row["b"])]
    parts = {key: float(np.mean([row[key] for row in close])) for key in ("draws", "seeds", "rest")}
    deviations = {f"sd_{key}": math.sqrt(max(value, 0.0)) for key, value in parts.items()}
    deviations["sd_run"] = math.sqrt(max(parts["seeds"] + parts["rest"], 0.0))
    alone = np.array([row["alone_holm"] for row in rows]) < ALPHA
    counts = {name: sum(r[f"{name}_holm"] < ALPHA for r in rows) for name in ("random", "fixed")}
    counts |= {f"{name}_close": sum(r[f"{name}_holm"] < ALPHA for r in close) for name in counts}
    ends = [int(alone.sum(axis=0).min()), int(alone.sum(axis=0).max())]
    return {"pairs": len(rows), "close": len(close), **deviations, **counts, "one_draw": ends}


def show(kind: str, side: str, values: dict[str, Array], rows: Sequence[Row]) -> None:
    """One kind's and side's tables."""
    draws, seeds = next(iter(values.values())).shape
    print(
        f"\n{draws} {kind} draws x {seeds} seeds, hypervolume {side}: mean, range of draws' means"
    )
    for name in sorted(values, key=lambda name: -values[name].mean()):
        means = values[name].mean(axis=1)
        print(f"  {name:22}{means.mean():.4f}  [{means.min():.3f}, {means.max():.3f}]")
    print(f"{'pair':38}{'difference':>11}{'sd draws':>10}{'sd run':>8}{'p random':>10}{'p fixed':>9}"
          f"{'other order':>13}")  # fmt: skip
    for row in rows:
        deviations = [math.sqrt(max(row[key], 0.0)) for key in ("draws", "run")]
        print(
            f"{row['a'] + ' - ' + row['b']:38}{row['difference']:+11.4f}{deviations[0]:10.4f}"
            f"{deviations[1]:8.4f}{row['random_holm']:10.4f}{row['fixed_holm']:9.4f}"
            f"{row['other_order']:13.0%}"
        )
    found = summary(rows)
    print(
        f"of {found['close']} pairs without random search: sd of a difference from draws"
        f" {found['sd_draws']:.4f}, from runs {found['sd_run']:.4f} (seeds {found['sd_seeds']:.4f},"
        f" seed by draw {found['sd_rest']:.4f})"
    )
    print(
        f"resolved of {found['pairs']} pairs: {found['fixed']} with draws fixed, {found['random']}"
        f" with draws random; of the {found['close']} without random search {found['fixed_close']}"
        f" and {found['random_close']}; on one draw alone {found['one_draw'][0]} to"
        f" {found['one_draw'][1]} of {found['pairs']}",
        flush=True,
    )


def main() -> int:
    """Run, estimate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="ja_math_micro")
    default = "random random_sources lambda_grid nsga2 cma_es sms_emoa gde3 tpe"
    parser.add_argument("--strategies", nargs="+", default=default.split())
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=[*KINDS], choices=KINDS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = []
    for kind in options.kinds:
        found = shares(kind, options)
        for index, side in enumerate(SIDES):
            values = {name: each[index] for name, each in found.items()}
            rows = compared(values)
            own = {"shares": {name: each.tolist() for name, each in values.items()}}
            every.append({"kind": kind, "side": side, **own, "pairs": rows, **summary(rows)})
            if not options.json:
                show(kind, side, values, rows)
    if options.json:
        print(json.dumps(every, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
