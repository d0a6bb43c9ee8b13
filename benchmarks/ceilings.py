"""What one weight per source and one per source and layer are worth, were the expected scores known.

    OMP_NUM_THREADS=1 python benchmarks/ceilings.py [ja_math_micro] [--steps 51] [--trials 20000] [--seeds 3]
                                                    [--json]

Hypervolumes of expected losses on the surrogate, which no search sees:

- one weight per source (`random_sources`, `lambda_grid`): a full grid of `--steps` values each. The step is
  fine enough when half as many values give nearly the same.
- one per source and layer: NSGA-II with a population of 100 on the noiseless surrogate, and descents of
  weighed losses from uniform starts (L-BFGS-B), alone and together. What is found is a lower bound.

What strategies reach in 200 and 1000 trials is printed by `settings.py`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import simulated
from landscape import descend
from simulated import FIRST_SEED, Array, Row, World

from suite.assembly import assemble
from suite.optimizers.axes import axes
from suite.statistics import pareto

CHUNK = 2000  # candidates predicted at once
QUIET = ["task.problem.noise=false", "optimizer.population=100"]


def grid(made: World, steps: int) -> Array:
    """Losses on the front (k, m) of all combinations of `steps` values of each source's weight."""
    swept, _ = axes(made.space)
    values = np.linspace(0.0, 1.0, steps)
    kept = np.empty((0, len(made.objectives)))
    points = itertools.product(values, repeat=len(swept))
    while chunk := list(itertools.islice(points, CHUNK)):
        X = np.empty((len(chunk), made.space.d))
        for column, indices in enumerate(swept.values()):
            X[:, indices] = np.array(chunk)[:, column, None]
        kept = np.vstack([kept, made.losses(X)])
        kept = kept[pareto.front(kept)]
    return kept


def evolved(made: World, trials: int, seed: int) -> Array:
    """Losses on the front (k, m) that NSGA-II finds on the noiseless surrogate."""
    config = simulated.configuration(made.task, "nsga2", QUIET)
    F = simulated.losses(simulated.search(assemble.task(config), config, seed, trials))
    return F[pareto.front(F)]


def descended(made: World, starts: int) -> Array:
    """Losses (k, m) where descents of weighed losses end, `starts` for each of the weight vectors."""
    random, m = np.random.default_rng(0), len(made.objectives)
    weights = random.dirichlet(np.ones(m), 60) if m > 2 else _pairs(61)
    starting = random.random((len(weights), starts, made.space.d))
    ends = [
        descend(made, w, x0)[0] for w, rows in zip(weights, starting, strict=True) for x0 in rows
    ]
    return made.losses(np.array(ends))


def _pairs(count: int) -> Array:
    first = np.linspace(0.0, 1.0, count)
    return np.stack([first, 1 - first], axis=1)


def measured(made: World, steps: int, trials: int, seeds: int) -> Row:
    """Hypervolumes of both spaces."""
    per_source = {n: pareto.hypervolume(grid(made, n)) for n in (steps // 2 + 1, steps)}
    fronts = [evolved(made, trials, FIRST_SEED + seed) for seed in range(seeds)]
    ends = descended(made, 3)
    return {
        "task": made.task,
        "sources": len(axes(made.space)[0]),
        "parameters": made.space.d,
        "per_source": per_source,
        "nsga2_trials": trials,
        "nsga2": [pareto.hypervolume(front) for front in fronts],
        "descents": len(ends),
        "descended": pareto.hypervolume(ends),
        "together": pareto.hypervolume(np.vstack([*fronts, ends])),
    }


def show(found: Row) -> None:
    """The figures, a line each."""
    print(f"{found['task']}: hypervolume of expected losses")
    for steps, share in found["per_source"].items():
        print(f"{found['sources']} weights, a grid of {steps} values each: {share:.4f}")
    shares = ", ".join(f"{share:.4f}" for share in found["nsga2"])
    print(f"{found['parameters']} weights, NSGA-II for {found['nsga2_trials']} trials: {shares}")
    print(f"{found['parameters']} weights, {found['descents']} descents: {found['descended']:.4f}")
    print(f"{found['parameters']} weights, all together: {found['together']:.4f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="ja_math_micro")
    parser.add_argument("--steps", type=int, default=51)
    parser.add_argument("--trials", type=int, default=20000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measured(World(options.task), options.steps, options.trials, options.seeds)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
