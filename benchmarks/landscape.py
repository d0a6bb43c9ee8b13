"""What a task's landscape is like: curvature, dimensions, basins, and how its box of losses lies.

    OMP_NUM_THREADS=1 python benchmarks/landscape.py [ja_math_micro ja_vlm_micro] [--starts 100]
                                                     [--results results] [--json]

From the journals: how well a linear function and a quadratic in all weights explain each score on runs that
they were not fitted to (`explained`), how much of the box of losses the untouched base dominates, and the
runs' hypervolumes with the base as reference (`box`). From the surrogate's expected scores: the effective
dimension near the front (`dimension`) and where local ascents end (`basins`). From the configuration:
which merge the centre of the cube is, where CMA-ES and COMO-CMA-ES start (`centre`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial.distance import pdist

sys.path.insert(0, str(Path(__file__).parent))

from landscape_box import box, centre
from simulated import Array, Row, World
from surrogate_errors import columns

from suite.assembly import compose
from suite.problems import fit
from suite.statistics import pareto
from zoo import surrogate as zoo

FOLDS = 10
RIDGE = 1e-3  # on standardised features, per row: enough where runs repeat few candidates
UNIFORM = 5000  # points all over the cube
APART = 0.1  # root mean square distance per parameter from which two optima are two


def features(X: Array) -> Array:
    """Weights and all their products, (n, d + d (d + 1) / 2): a quadratic without its constant."""
    first, second = np.triu_indices(X.shape[1])
    return np.hstack([X, X[:, first] * X[:, second]])


def predicted(Z: Array, Y: Array, folds: NDArray[np.intp]) -> Array:
    """Ridge predictions of `Y` (n, m) from `Z` (n, p), each fold's by the rows of the others."""
    found = np.empty_like(Y)
    for fold in np.unique(folds):
        own = folds == fold
        mean, spread = Z[~own].mean(axis=0), Z[~own].std(axis=0)
        known, asked = ((Z[rows] - mean) / np.where(spread > 0, spread, 1) for rows in (~own, own))
        level = Y[~own].mean(axis=0)
        penalty = RIDGE * len(known) * np.eye(Z.shape[1])
        weights = np.linalg.solve(known.T @ known + penalty, known.T @ (Y[~own] - level))
        found[own] = level + asked @ weights
    return found


def r_squared(Y: Array, P: Array) -> Array:
    """Share of the variance of `Y` (n, m) that `P` explains, by column; 1 at most."""
    found: Array = 1 - ((Y - P) ** 2).sum(axis=0) / ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)
    return found


def explained(made: World, trials: fit.Trials) -> list[Row]:
    """R² of each figure, runs or strategies left out; the network's is of left-out seeds."""
    Y = np.array([trials.Y[:, items].mean(axis=1) for _, items in columns(trials)]).T
    _, runs = np.unique(trials.runs, return_inverse=True)
    names = np.array([run.partition("/")[0] for run in trials.runs])
    _, strategies = np.unique(names, return_inverse=True)
    others = np.array([made.surrogate.runs.count(run) == 0 for run in trials.runs])
    by_seed = fit.held_out(made.surrogate, trials)
    network = np.array([by_seed[:, items].mean(axis=1) for _, items in columns(trials)]).T
    shuffled = np.random.default_rng(0).permutation(runs.max() + 1)[runs] % FOLDS
    found = []
    for model, Z in (("linear", trials.X), ("quadratic", features(trials.X))):
        for left, folds in (("runs", shuffled), ("strategies", strategies)):
            shares = r_squared(Y, predicted(Z, Y, folds)).tolist()
            found.append({"model": model, "left_out": left, "r2": shares, "rows": len(Y)})
    rows = others if others.any() else np.full(len(Y), True)
    left = "runs never fitted" if others.any() else "seeds"
    shares = r_squared(Y[rows], network[rows]).tolist()
    return [*found, {"model": "network", "left_out": left, "r2": shares, "rows": int(rows.sum())}]


def dimension(made: World, trials: fit.Trials) -> list[Row]:
    """Effective dimension of each expected loss and of all, near the front and all over the cube.

    The matrix C = E[∇f ∇fᵀ] has the eigenvalues λ of the active subspace (Constantine 2015, *Active
    Subspaces*, eq. 1.2). The dimension is their participation ratio, (Σλ)² / Σλ²: d where all
    directions count alike, 1 where one does. `ninety` and `ninety_nine` are how many directions hold so
    much of Σλ in per cent. For all losses together C is the sum of theirs. Near the front the mean is over
    the candidates on their own run's front, elsewhere over uniform points.
    """
    F = np.array([1 - trials.Y[:, items].mean(axis=1) for _, items in columns(trials)]).T
    near = []
    for run in np.unique(trials.runs):
        rows = np.flatnonzero(trials.runs == run)
        near.append(rows[pareto.front(F[rows])])
    fronts = np.unique(trials.X[np.concatenate(near)], axis=0)
    uniform = np.random.default_rng(0).random((UNIFORM, trials.X.shape[1]))
    found = []
    for place, X in (("front", fronts), ("cube", uniform)):
        slopes = made.loss_slopes(X)
        outer = np.einsum("nmi,nmj->mij", slopes, slopes) / len(X)
        for name, matrix in zip([*trials.sizes, "all"], [*outer, outer.sum(axis=0)], strict=True):
            row = {"figure": name, "place": place, "points": len(X), "d": X.shape[1]}
            found.append({**row, **participation(matrix)})
    return found


def participation(matrix: Array) -> Row:
    """Participation ratio of a positive semidefinite matrix's eigenvalues, and what holds 90 and 99 %."""
    values = np.linalg.eigvalsh(matrix)[::-1]
    shares = np.cumsum(values) / values.sum()
    ninety, more = (int(np.searchsorted(shares, share) + 1) for share in (0.9, 0.99))
    ratio = float(values.sum() ** 2 / (values**2).sum())
    return {"ratio": ratio, "ninety": ninety, "ninety_nine": more}


def basins(made: World, starts: int) -> list[Row]:
    """Where ascents from `starts` uniform points end, for each single loss and their mean.

    L-BFGS-B within the cube (scipy) on the expected loss. Two ends are one optimum when they are less than
    `APART` apart (root mean square over parameters) or linked by such ends. `share` is how many starts end
    within .001 of the best loss.
    """
    d, m = made.space.d, len(made.objectives)
    X0 = np.random.default_rng(0).random((starts, d))
    weights = [np.full(m, 1 / m), *np.eye(m)]
    names = ["mean of the losses", *made.surrogate.sizes]
    return [
        {"utility": name, "starts": starts, **_ends(made, weight, X0)}
        for name, weight in zip(names, weights, strict=True)
    ]


def descend(made: World, weight: Array, x0: Array) -> tuple[Array, float]:
    """The local minimum of the losses weighed by `weight` (m,) that x0 (d,) leads to, and its value."""

    def value(x: Array) -> tuple[float, Array]:
        values, slopes = made.weighed_loss(x[None, :], weight)
        return float(values[0]), slopes[0]

    found = minimize(value, x0, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * len(x0), tol=1e-10)
    return found.x, float(found.fun)


def _ends(made: World, weight: Array, X0: Array) -> Row:
    from scipy.cluster.hierarchy import fcluster, linkage

    pairs = [descend(made, weight, x0) for x0 in X0]
    ends, values = np.array([x for x, _ in pairs]), np.array([value for _, value in pairs])
    apart = pdist(ends) / np.sqrt(ends.shape[1])
    groups = fcluster(linkage(apart, "single"), APART, "distance")
    best = [float(values[groups == group].min()) for group in np.unique(groups)]
    centre_end = descend(made, weight, np.full(ends.shape[1], 0.5))[1]
    return {
        "optima": len(best),
        "best": min(best),
        "worst": max(best),
        "share": float((values < values.min() + 1e-3).mean()),
        "from_centre": centre_end,
        "furthest": float(apart.max()),
    }


def measured(task: str, results: Path, starts: int) -> Row:
    """Everything of one task."""
    config = compose.compose([f"task={task}"])
    trials, made = zoo.trials(config, results), World(task)
    return {
        "task": task,
        "figures": [*trials.sizes],
        "trials": len(trials.X),
        "explained": explained(made, trials),
        "dimension": dimension(made, trials),
        "basins": basins(made, starts),
        "box": box(task, config, results),
        "centre": centre(config, made, results),
    }


def show(found: Row) -> None:
    """One task's tables."""
    print(f"\n{found['task']}, {found['trials']} trials; figures: {', '.join(found['figures'])}")
    for row in found["explained"]:
        shares = ", ".join(f"{share:.3f}" for share in row["r2"])
        print(f"R² {row['model']:10} {row['left_out']} left out: {shares} ({row['rows']} trials)")
    for row in found["dimension"]:
        print(
            f"effective dimension, {row['place']}: {row['figure']:20}{row['ratio']:5.1f} of {row['d']};"
            f" 90 % in {row['ninety']} directions, 99 % in {row['ninety_nine']} ({row['points']} points)"
        )
    for row in found["basins"]:
        print(
            f"{row['starts']} descents, {row['utility']:20}{row['optima']} optima, losses"
            f" {row['best']:.4f} to {row['worst']:.4f}, {row['share']:.0%} within .001 of the best;"
            f" from the centre {row['from_centre']:.4f}; furthest ends {row['furthest']:.3f} apart"
        )
    parts = found["box"]
    for split, base in parts["base"].items():
        print(
            f"base alone on {split} items: losses {', '.join(f'{x:.3f}' for x in base['losses'])},"
            f" hypervolume {base['hypervolume']:.3f}, band {base['band']:.3f} of the box"
        )
    for row in parts["strategies"]:
        print(
            f"{row['strategy']:14} hypervolume {row['as_published']:.3f}, of it beyond the base's losses"
            f" {row['in_band']:.0%}; with the base as reference {row['from_base']:.3f}"
        )
    middle = found["centre"]
    same = ", ".join(middle["same"]) or "no shipped baseline"
    print(f"the centre has the weights {middle['weights']}: it is {same}", end="")
    if middle["same"]:
        print(
            f"; {middle['equal']} of {middle['trials']} trials there have its every outcome", end=""
        )
    begun = middle["strategies"]
    print(
        f"\nCMA-ES: the mean of {begun['runs']} first generations is at most"
        f" {begun['cma_es_furthest_mean']:.4f} from .5 ({begun['cma_es_standard_errors']:.1f} standard"
        f" errors); COMO-CMA-ES evaluated the exact centre in {begun['como_cma_es_at_centre']} of"
        f" {begun['runs']} runs"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["ja_math_micro", "ja_vlm_micro"])
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = []
    for task in options.tasks:
        every.append(measured(task, options.results, options.starts))
        if not options.json:
            show(every[-1])
    if options.json:
        print(json.dumps(every, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
