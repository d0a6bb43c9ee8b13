"""The suite checked on problems with known fronts: what a strategy reaches in it, and alone.

    python benchmarks/analytic.py [--problems zdt1 dtlz2] [--strategies nsga2 tpe] [--seeds 5]
                                  [--trials 200] [--json]

Per problem and strategy: the median over seeds of the final hypervolume, as a share of the known
front's, through the whole harness (configuration, adapter, losses, journal) and of the strategy's
library used directly (`alone`) with the same seed and budget; then on how many seeds every loss was
the same, bit for bit. Where some are not, the suite's values must lie within those of the library,
or the row is marked and the exit code is 1. A strategy that `alone` does not know has no second
column, nor has a problem that is not pymoo's, which shows hypervolumes where no front is known.

Strategies with Gaussian processes take seconds a candidate and are measured only when named:

    python benchmarks/analytic.py --strategies optuna_gp --problems zdt1 dtlz2 wfg4 --seeds 1 --trials 60
    python benchmarks/analytic.py --strategies qnehvi --problems zdt1 --seeds 1 --trials 34
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import alone
import numpy as np
from numpy.typing import NDArray

from suite.assembly import assemble, compose, problems
from suite.problems.problem import front_losses
from suite.records.journal import Journal
from suite.records.penalty import penalised_losses
from suite.search import harness
from suite.statistics import pareto

PROBLEMS = ["zdt1", "zdt2", "zdt3", "zdt4", "zdt6", "dtlz1", "dtlz2", "dtlz7", "wfg2", "wfg4"]
PROBLEMS += ["wfg8", "dtlz1_3obj", "dtlz2_3obj", "dtlz7_3obj"]
SLOW = ("optuna_gp", "qnehvi")
QUICK = [strategy for strategy in alone.LIBRARIES if strategy not in SLOW]


def inside(strategy: str, task: str, seed: int, trials: int) -> NDArray[np.float64]:
    """Losses (trials, m) in the journal of a run of the suite."""
    config = compose.compose([f"task={task}", f"optimizer={strategy}", f"seed={seed}"])
    made = assemble.task(config)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.jsonl"
        harness.search(made, assemble.optimizer(config, made), Journal(path), trials)
        m = len(made.objectives)
        return np.array([penalised_losses(trial, m) for trial in Journal(path).read()])


def row(task: str, strategy: str, seeds: int, trials: int) -> dict[str, Any]:
    """Medians, ranges and equal seeds of one problem and strategy."""
    config = compose.compose([f"task={task}"])
    problem = problems.build(config)
    front = front_losses(problem, problems.task(config, problem).objectives)
    whole = 1.0 if front is None else pareto.hypervolume(front)

    def shares(runs: list[NDArray[np.float64]]) -> list[float]:
        return [pareto.hypervolume(F) / whole for F in runs]

    ours = [inside(strategy, task, seed, trials) for seed in range(seeds)]
    found: dict[str, Any] = {"problem": task, "strategy": strategy, "suite": shares(ours)}
    if strategy in alone.LIBRARIES and front is not None:
        direct = [
            alone.losses(strategy, config.task.written, seed, trials) for seed in range(seeds)
        ]
        found["alone"] = shares(direct)
        found["same"] = sum(np.array_equal(a, b) for a, b in zip(ours, direct, strict=True))
        low, high = min(found["alone"]), max(found["alone"])
        found["agrees"] = found["same"] == seeds or low <= median(found["suite"]) <= high
    return found


def line(found: dict[str, Any], seeds: int) -> str:
    """A row of the table."""
    text = f"{found['problem']:16}{found['strategy']:22}{_spread(found['suite'])}"
    if "alone" not in found:
        return text
    mark = "" if found["agrees"] else "  DIFFERS"
    return f"{text}  {_spread(found['alone'])}  {found['same']:>3} of {seeds}{mark}"


def _spread(shares: list[float]) -> str:
    return f"{median(shares):.4f} [{min(shares):.4f}, {max(shares):.4f}]"


def measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row per problem and strategy, as they are done."""
    for task in options.problems:
        for strategy in options.strategies:
            yield row(task, strategy, options.seeds, options.trials)


def main() -> int:
    """Measure, print, and say whether all agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS)
    parser.add_argument("--strategies", nargs="+", default=QUICK)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = []
    if not options.json:
        print(f"{'problem':16}{'strategy':22}{'suite':26}{'library alone':26}equal seeds")
    for each in measured(options):
        found.append(each)
        if not options.json:
            print(line(each, options.seeds), flush=True)
    if options.json:
        print(json.dumps(found, indent=1))
    return int(not all(each.get("agrees", True) for each in found))


if __name__ == "__main__":
    sys.exit(main())
