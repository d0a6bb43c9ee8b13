"""What scales and repeated layers do for searched paths: chosen paths without them, on report items.

    python benchmarks/path_ablation.py ja_math_micro_dfs [--results results]

For every judged run of the task, the chosen path is measured again with every scale 1, and, where
a layer runs more than once, with its first run alone. Printed: the score of each objective with
and without, item by item compared; then the medians over runs. Nothing is written: the paths were
chosen before, so opening the report items for them once more chooses nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from suite.assembly import assemble, compose
from suite.recipes.layer_path import Hop, LayerPath
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.statistics import items


def unscaled(path: LayerPath) -> LayerPath:
    """The path with every scale 1."""
    return replace(path, hops=tuple(replace(hop, scale=1.0) for hop in path.hops))


def unrepeated(path: LayerPath) -> LayerPath:
    """The path with every layer where it ran first, and not again."""
    first: dict[tuple[str, int], Hop] = {}
    for hop in path.hops:
        first.setdefault((hop.part, hop.layer), hop)
    return replace(path, hops=tuple(first.values()))


ABLATIONS: dict[str, Callable[[LayerPath], LayerPath]] = {
    "scales 1": unscaled,
    "no layer twice": unrepeated,
}


def ablate(results: Results) -> Iterator[tuple[str, str, float, float]]:
    """Ablation, objective, score before, score after, for every run's chosen path; prints them."""
    task = assemble.task(compose.compose([f"task={results.task}"]))
    for run in results.runs:
        if run.first is None:
            continue
        path = LayerPath.from_json(run.first.recipe)
        for name, without in ABLATIONS.items():
            if (other := without(path)) == path:
                continue
            scores = task.measure(other, "report").scores
            for objective in results.objectives:
                before, after = run.first.scores[objective.metric], scores[objective.metric]
                test = items.paired(after.items, before.items)
                print(
                    f"{run.optimizer:14} seed {run.seed}  {name:15}{objective.name:12}"
                    f"{before.value:.3f} -> {after.value:.3f}"
                    f"  [{test.low:+.3f}, {test.high:+.3f}]  p {test.p:.2g}",
                    flush=True,
                )
                yield name, objective.name, before.value, after.value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    found = list(ablate(load(options.results, options.task)))
    for name, objective in dict.fromkeys(row[:2] for row in found):
        pairs = [row[2:] for row in found if row[:2] == (name, objective)]
        before, after = (median(side) for side in zip(*pairs, strict=True))
        print(f"median of {len(pairs)}  {name:15}{objective:12}{before:.3f} -> {after:.3f}")


if __name__ == "__main__":
    main()
