"""How good the shipped surrogates are, on whole runs that they never saw.

    python benchmarks/surrogate.py [ja_math_micro ja_vlm_micro] [--results results] [--json]

Per task and figure, on the search items:

- `held-out seeds`: each run predicted by the network that never saw runs of its seed, per strategy.
- `held-out strategy`: by a network fitted to the other strategies' runs alone (fitted here, a minute).
- baselines, on all held-out seeds together: item means, the nearest 15 candidates, logistic regression.

Columns: root mean squared error of the score and its bias (predicted − measured) in points (0.01);
what the draws of a search add around the prediction, in points; Spearman's correlation of predicted
and measured scores, the median over runs; log loss per item; bias and error of the tenth of the
candidates that the prediction puts first. Then the calibration of items, how fast outcomes
decorrelate with distance (measured, and drawn), the hypervolume of the real runs with drawn outcomes
in place of the measured ones, and, of judged candidates, which agrees better with
the report items: the measured search score or the prediction.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from surrogate_errors import Array, Row, baselines, columns, errors, other_strategies, rows

from suite.assembly import compose
from suite.objective import Objective
from suite.problems import fit, tabular
from suite.problems.outcomes import Field, Levels
from suite.records import journal
from suite.records.trial import Score
from suite.statistics import pareto
from zoo import surrogate as zoo

DRAWS = 8
DISTANCES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2)


def draws(made: tabular.Surrogate, predicted: Array, X: Array) -> list[Array]:
    """Outcomes (n, items) drawn around the predicted ones, as searches see them: `DRAWS` landscapes."""
    levels = Levels(made.values, made.counts)
    found = []
    for draw in range(DRAWS):
        random = np.random.default_rng([draw, 1])
        fields = Field(made.space.d, predicted.shape[1], made.length, random)(X)
        found.append(np.array([levels.drawn(*row) for row in zip(predicted, fields, strict=True)]))
    return found


def decay(predicted: Array, drawn: Array, trials: fit.Trials) -> list[Row]:
    """Correlation of unexplained outcomes of two candidates of one run, by their distance."""
    first, second = fit.near_pairs(trials)
    distance = np.linalg.norm(trials.X[first] - trials.X[second], axis=1)
    found = []
    for low, high in itertools.pairwise(DISTANCES):
        chosen = (distance > low) & (distance <= high)
        row: Row = {"from": low, "to": high, "pairs": int(chosen.sum())}
        for name, outcomes in (("measured", trials.Y), ("drawn", drawn)):
            a, b = ((outcomes - predicted)[side[chosen]] for side in (first, second))
            norm = np.sqrt((a**2).sum() * (b**2).sum())
            row[name] = float((a * b).sum() / norm) if norm else float("nan")
        found.append(row)
    return found


def same_candidates(
    drawn: list[Array], trials: fit.Trials, objectives: Sequence[Objective]
) -> list[Row]:
    """Mean final hypervolume of the real runs: measured, and as drawn (mean, least and most)."""

    def losses(Y: Array) -> Array:
        pairs = zip(objectives, columns(trials), strict=True)
        means = [(o, Y[:, items].mean(axis=1)) for o, (_, items) in pairs]
        return np.array([(o.ideal - v) / (o.ideal - o.reference) for o, v in means]).T

    sides = [losses(trials.Y), *map(losses, drawn)]
    shares: dict[str, list[list[float]]] = {}
    for run in np.unique(trials.runs):
        own = [pareto.hypervolume(F[trials.runs == run]) for F in sides]
        shares.setdefault(str(run).partition("/")[0], []).append(own)
    found = []
    for strategy, runs in shares.items():
        measured, *others = np.mean(runs, axis=0).tolist()
        ends = {"mean": float(np.mean(others)), "least": min(others), "most": max(others)}
        found.append({"strategy": strategy, "measured": measured, **ends})
    return found


def calibration(predicted: Array, Y: Array) -> list[Row]:
    """Mean predicted and measured outcome of the items, in tenths of the prediction."""
    tenth = np.minimum((predicted * 10).astype(int), 9)
    found = []
    for index in range(10):
        chosen = tenth == index
        share, p, y = chosen.mean(), predicted[chosen].mean(), Y[chosen].mean()
        found.append({"share": float(share), "predicted": float(p), "measured": float(y)})
    return found


def reported(predicted: Array, trials: fit.Trials, folder: Path) -> list[Row]:
    """Of judged candidates: correlation with the report score, of the search score and prediction."""
    points: dict[str, list[tuple[float, float, float]]] = {figure: [] for figure in trials.sizes}
    for run in np.unique(trials.runs):
        own = np.flatnonzero(trials.runs == run)
        for line in journal.records(folder / str(run) / "judged.jsonl").read():
            if line["split"] != "report" or line["number"] is None:
                continue
            row = own[line["number"]]
            for figure, items in columns(trials):
                report = Score.from_json(line["scores"][figure]).value
                scores = trials.Y[row, items].mean(), predicted[row, items].mean()
                points[figure].append((report, *scores))
    found = []
    for figure, entries in points.items():
        if entries:
            table = np.corrcoef(np.array(entries).T)
            names = {"search": float(table[0, 1]), "predicted": float(table[0, 2])}
            found.append({"figure": figure, "candidates": len(entries), **names})
    return found


def measured(task: str, results: Path) -> Row:
    """Everything of one task."""
    config = compose.compose([f"task={task}"])
    trials = zoo.trials(config, results)
    made = tabular.read(zoo.shipped(task))
    predicted = fit.held_out(made, trials)
    drawn = draws(made, predicted, trials.X)
    added = {f: 100 * (drawn[0] - predicted)[:, i].mean(1).std() for f, i in columns(trials)}
    found = list(rows(predicted, trials, "held-out seeds"))
    found += rows(other_strategies(made, trials), trials, "held-out strategy")
    for name, values in {"surrogate": predicted, **baselines(made, trials)}.items():
        for figure, items in columns(trials):
            row = errors(values[:, items], trials.Y[:, items])
            found.append({"kind": name, "strategy": "all", "figure": figure, **row})
    tokens = 1 - (trials.tokens - made.tokens(trials.X)).var(axis=0) / trials.tokens.var(axis=0)
    return {
        "task": task,
        "trials": len(trials.X),
        "rows": found,
        "length": made.length,
        "noise": {figure: float(value) for figure, value in added.items()},
        "decay": decay(predicted, drawn[0], trials),
        "same_candidates": same_candidates(drawn, trials, config.task.objectives),
        "calibration": calibration(predicted, trials.Y),
        "reported": reported(predicted, trials, results / task),
        "tokens_explained": dict(zip(trials.evaluators, tokens.tolist(), strict=True)),
    }


def show(found: Row) -> None:
    """One task's tables."""
    print(f"\n{found['task']}: {found['trials']} candidates, length {found['length']:.2f}")
    print(
        f"{'':18}{'':14}{'':20}{'rmse':>6}{'bias':>7}{'rank':>6}{'loss':>7}{'top bias':>9}{'rmse':>6}"
    )
    for row in found["rows"]:
        rank = f"{row['rank']:6.2f}" if "rank" in row else " " * 6
        print(
            f"{row['kind']:18}{row['strategy']:14}{row['figure']:20}{row['rmse']:6.2f}"
            f"{row['bias']:+7.2f}{rank}{row['log_loss']:7.3f}{row['top_bias']:+9.2f}"
            f"{row['top_rmse']:6.2f}"
        )
    for figure, value in found["noise"].items():
        print(f"item draws add    {figure:20}{value:.2f} points")
    for row in found["decay"]:
        print(
            f"distance {row['from']:.1f} to {row['to']:.1f}: correlation measured"
            f" {row['measured']:.2f}, drawn {row['drawn']:.2f} ({row['pairs']} pairs)"
        )
    for row in found["same_candidates"]:
        print(
            f"hypervolume of the real runs of {row['strategy']:14} measured {row['measured']:.4f},"
            f" drawn {row['mean']:.4f} ({row['least']:.4f} to {row['most']:.4f} over draws)"
        )
    for row in found["calibration"]:
        print(
            f"predicted {row['predicted']:.3f} measured {row['measured']:.3f} ({row['share']:.1%})"
        )
    for row in found["reported"]:
        print(
            f"report items, {row['figure']}, {row['candidates']} candidates: correlation with the"
            f" search score {row['search']:.2f}, with the prediction {row['predicted']:.2f}"
        )
    for name, value in found["tokens_explained"].items():
        print(f"tokens of {name}: {value:.0%} of the variance explained")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["ja_math_micro", "ja_vlm_micro"])
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = []
    for task in options.tasks:
        found = measured(task, options.results)
        every.append(found)
        if not options.json:
            show(found)
    if options.json:
        print(json.dumps(every, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
