"""Do strategies stand in the same order on a surrogate task as on the real one?

    python benchmarks/tabular.py [ja_math_micro ja_vlm_micro] [--seeds 30] [--check 0] [--json]
                                 [--draws] [--strategies random cma_es nsga2 tpe] [--results results]

Runs each strategy on TASK_tabular over seeds that no journal has, through the whole harness, with the
real runs' budget, and prints

- per strategy the mean final hypervolume on search items, real and surrogate, with 95 % bootstrap
  intervals over seeds, and the seconds (wall, processor) that a run took here;
- Kendall's tau between the two orders of mean hypervolumes, its 95 % interval when the seeds of both
  sides are resampled, and how often a resampled order is the real one; beside it the same between
  two resamples of the real seeds, which is what five seeds allow at best;
- per pair of strategies, in which share of the resamples the first is ahead; sure from 97.5 % on.

The surrogate's landscape is that of draw 0; with ``--draws`` each seed has its own, the same for all
strategies. ``--check N`` looks for exploitation: of each strategy, the N candidates that the
surrogate expects most of in the strategy's fronts, over all seeds, and of NSGA-II with 2000 trials
on the expected outcomes themselves, are measured on the real task's search items (a second each).
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).parent))

import simulated
from simulated import FIRST_SEED, Array, Row

from suite.assembly import assemble, compose
from suite.records.journal import Journal
from suite.records.trial import Trial
from suite.search import harness
from suite.statistics import pareto

RESAMPLES = 5000
RESOLVED = 0.975  # share of resamples that makes the better one of a pair sure
HARD = ("nsga2", 2000, ["task.problem.noise=false", "optimizer.population=100"])


def journaled(results: Path, task: str, strategies: list[str]) -> dict[str, Array]:
    """Losses (seeds, trials, m) of the real runs by strategy, cut to the shortest run."""
    found = {}
    for strategy in strategies:
        folders = sorted((results / task / strategy).glob("seed=*"))
        runs = [simulated.losses(Journal(run / "trials.jsonl").read()) for run in folders]
        if runs:
            found[strategy] = np.stack([run[: min(map(len, runs))] for run in runs])
    return found


def search(task: str, strategy: str, seed: int, trials: int, words: list[str]) -> list[Trial]:
    """The trials of a run on the surrogate task."""
    config = simulated.configuration(task, strategy, words)
    return simulated.search(assemble.task(config), config, seed, trials)


def compared(real: dict[str, Array], surrogate: dict[str, Array]) -> Row:
    """Means, intervals and rank agreement of final hypervolumes (seeds,) by strategy."""
    random = np.random.default_rng(0)
    drawn = [{name: _resampled(values, random) for name, values in real.items()} for _ in "ab"]
    other = {name: _resampled(surrogate[name], random) for name in real}
    means = [np.array([values[name].mean() for name in real]) for values in (real, surrogate)]
    one, two, across = (np.array([*each.values()]).T for each in (*drawn, other))
    taus = [kendalltau(a, b)[0] for a, b in zip(one, across, strict=True)]
    best = [kendalltau(a, b)[0] for a, b in zip(one, two, strict=True)]
    order = np.argsort(-means[0])
    return {
        "real": {name: _summary(real[name], drawn[0][name]) for name in real},
        "surrogate": {name: _summary(surrogate[name], other[name]) for name in real},
        "tau": float(kendalltau(*means)[0]),
        "tau_interval": np.percentile(taus, [2.5, 97.5]).tolist(),
        "tau_mean": float(np.mean(taus)),
        "real_order": float((np.argsort(-across, axis=1) == order).all(axis=1).mean()),
        "among_real_mean": float(np.mean(best)),
        "among_real_interval": np.percentile(best, [2.5, 97.5]).tolist(),
        "real_order_among_real": float((np.argsort(-one, axis=1) == order).all(axis=1).mean()),
        "pairs": [_pair(a, b, drawn[0], other) for a, b in itertools.combinations(real, 2)],
    }


def _pair(a: str, b: str, real: dict[str, Array], surrogate: dict[str, Array]) -> Row:
    """In which share of the resamples `a` is the better one, and whether the two sides agree."""
    shares = [float((side[a] > side[b]).mean()) for side in (real, surrogate)]
    sure = [share > RESOLVED or share < 1 - RESOLVED for share in shares]
    names = zip(("real", "surrogate"), sure, strict=True)
    verdict = "agree" if (shares[0] > 0.5) == (shares[1] > 0.5) else "contradict"
    if not all(sure):
        verdict = f"not resolved: {' and '.join(name for name, each in names if not each)}"
    return {"a": a, "b": b, "real": shares[0], "surrogate": shares[1], "verdict": verdict}


def _resampled(values: Array, random: np.random.Generator) -> Array:
    """Means of samples of `values` with replacement, (RESAMPLES,)."""
    found: Array = random.choice(values, (RESAMPLES, len(values))).mean(axis=1)
    return found


def _summary(values: Array, resampled: Array) -> Row:
    interval = np.percentile(resampled, [2.5, 97.5]).tolist()
    return {"mean": float(values.mean()), "interval": interval, "seeds": len(values)}


def checked(task: str, fronts: dict[str, list[Trial]], count: int) -> list[Row]:
    """Expected, drawn and real scores of the `count` best candidates of each strategy, in points."""
    tabular = assemble.task(compose.compose([f"task={task}_tabular", "task.problem.noise=false"]))
    real = assemble.task(compose.compose([f"task={task}", "device=cpu"]))
    found = []
    for strategy, trials in fronts.items():
        expected = [harness.measure(tabular, 0, np.array(trial.x)) for trial in trials]
        chosen = _spread(simulated.losses(expected), count)
        measured = [harness.measure(real, 0, np.array(trials[k].x)) for k in chosen]
        for objective in real.objectives:
            figure = f"problem.{objective.metric}"
            guess = np.array([expected[k].scores[figure].value for k in chosen])
            drawn = np.array([trials[k].scores[figure].value for k in chosen])
            truth = np.array([trial.scores[objective.metric].value for trial in measured])
            row = {"strategy": strategy, "figure": objective.metric, "candidates": len(chosen)}
            values = {"expected": guess, "drawn": drawn, "real": truth}
            row |= {name: float(100 * value.mean()) for name, value in values.items()}
            row["rmse"] = float(100 * np.sqrt(((guess - truth) ** 2).mean()))
            found.append(row)
        shares = (
            pareto.hypervolume(simulated.losses(each))
            for each in ([expected[k] for k in chosen], measured)
        )
        found[-1]["hypervolumes"] = list(shares)
    return found


def _spread(losses: Array, count: int) -> list[int]:
    """`count` rows of the front of `losses`, evenly along the first loss."""
    front = pareto.front(losses)
    front = front[np.argsort(losses[front, 0], kind="stable")]
    places = np.linspace(0, len(front) - 1, min(count, len(front))).round().astype(int)
    return [int(row) for row in front[places]]


def measured(task: str, options: argparse.Namespace) -> Row:
    """Everything of one task."""
    real = journaled(options.results, task, options.strategies)
    budget = min(runs.shape[1] for runs in real.values())
    shares: dict[str, Array] = {}
    seconds: Row = {}
    fronts: dict[str, list[Trial]] = {}
    for strategy in real:
        wall, processor = time.perf_counter(), time.process_time()
        seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
        runs = [
            search(
                task, strategy, seed, budget, [f"task.problem.draw={seed if options.draws else 0}"]
            )
            for seed in seeds
        ]
        spent = time.perf_counter() - wall, time.process_time() - processor
        seconds[strategy] = [each / options.seeds for each in spent]
        shares[strategy] = np.array([pareto.hypervolume(simulated.losses(run)) for run in runs])
        fronts[strategy] = [run[k] for run in runs for k in pareto.front(simulated.losses(run))]
    ends = {
        name: np.array([pareto.hypervolume(run[:budget]) for run in runs])
        for name, runs in real.items()
    }
    found = {"task": task, "trials": budget, "seconds": seconds, **compared(ends, shares)}
    if options.check:
        strategy, trials, words = HARD
        fronts["exploiting"] = search(task, strategy, FIRST_SEED, trials, words)
        found["checked"] = checked(task, fronts, options.check)
    return found


def show(found: Row) -> None:
    """One task's tables."""
    print(f"\n{found['task']}, {found['trials']} trials: mean hypervolume [95 % interval]")
    print(f"{'':12}{'real':30}{'surrogate':30}{'s a run':>8}{'of CPU':>8}")
    for strategy in sorted(found["real"], key=lambda name: -found["real"][name]["mean"]):
        pair = [found[side][strategy] for side in ("real", "surrogate")]
        texts = [
            f"{each['mean']:.4f} [{each['interval'][0]:.4f}, {each['interval'][1]:.4f}] n={each['seeds']}"
            for each in pair
        ]
        wall, processor = found["seconds"][strategy]
        print(f"{strategy:12}{texts[0]:30}{texts[1]:30}{wall:8.2f}{processor:8.2f}")
    tau, among = found["tau_interval"], found["among_real_interval"]
    print(
        f"Kendall's tau {found['tau']:.2f}; resampled {found['tau_mean']:.2f}"
        f" [{tau[0]:.2f}, {tau[1]:.2f}], real order in {found['real_order']:.0%}"
    )
    print(
        f"real against real: {found['among_real_mean']:.2f} [{among[0]:.2f}, {among[1]:.2f}],"
        f" real order in {found['real_order_among_real']:.0%}"
    )
    for pair in found["pairs"]:
        print(
            f"{pair['a']} > {pair['b']}: in {pair['real']:.0%} of resamples of the real seeds,"
            f" {pair['surrogate']:.0%} of the surrogate's; {pair['verdict']}"
        )
    for row in found.get("checked", []):
        shares = row.get("hypervolumes")
        more = f"  hypervolume {shares[0]:.4f}, real {shares[1]:.4f}" if shares else ""
        print(
            f"{row['strategy']:12}{row['figure']:20}{row['candidates']:>3} candidates: drawn"
            f" {row['drawn']:.2f} expected {row['expected']:.2f} real {row['real']:.2f}"
            f" (rmse {row['rmse']:.2f}){more}"
        )


def main() -> int:
    """Run, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["ja_math_micro", "ja_vlm_micro"])
    parser.add_argument("--strategies", nargs="+", default=["random", "cma_es", "nsga2", "tpe"])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--draws", action="store_true")
    parser.add_argument("--check", type=int, default=0, metavar="N")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = []
    for task in options.tasks:
        every.append(measured(task, options))
        if not options.json:
            show(every[-1])
    if options.json:
        print(json.dumps(every, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
