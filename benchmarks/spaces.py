"""What one search space gives against another: chosen merges of several tasks at an equal budget.

    python benchmarks/spaces.py ja_math_micro ja_math_micro_dfs ja_math_micro_hybrid [--trials 100]

The tasks must share models, items and objectives, and differ in what is searched. The first N
trials of every committed run are judged as a run of N trials would be (in --work; what is judged
there stays). Printed: per task and optimizer, over seeds, the median of each objective of the
chosen model on report items, and the median hypervolume on search items; then the mean over every task's
runs less that of the first task's with the same optimizer, where there is one, with an interval and p
over seeds and report items.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from suite.commands import judge
from suite.records import packed
from suite.records.journal import records
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.statistics import crossed, pareto


def cut(source: Path, target: Path, trials: int) -> None:
    """Copy the first `trials` trials of every run below `source`, once, and what judged them.

    A trial that a longer run chose on the select items is the choice of its beginning too.
    """
    for run in sorted(source.glob("*/seed=*")):
        out = target / run.relative_to(source)
        if out.exists():
            continue
        lines = packed.content(run / "trials.jsonl").decode().splitlines(keepends=True)
        if len(lines) < trials:
            print(f"{run}: {len(lines)} trials, left out")
            continue
        shutil.copytree(run, out, ignore=shutil.ignore_patterns("*.jsonl*"))
        (out / "trials.jsonl").write_text("".join(lines[:trials]), encoding="utf-8")
        judged = records(out / "judged.jsonl")
        for line in records(run / "judged.jsonl").read():
            if line["number"] < trials:
                judged.append(line)
    if (source / "baselines").exists() and not (target / "baselines").exists():
        shutil.copytree(source / "baselines", target / "baselines")


def rows(results: Results) -> Iterator[str]:
    """A line per optimizer: medians over seeds on report items, hypervolume on search items."""
    m = len(results.objectives)
    for optimizer in results.optimizers:
        runs = [run for run in results.of(optimizer) if run.first]
        scores = [
            [run.first.scores[objective.metric].value for run in runs if run.first]
            for objective in results.objectives
        ]
        volumes = [pareto.hypervolume(run.losses(m)) for run in runs]
        yield (
            f"{results.task:30}{optimizer:16}{len(runs):3}"
            + "".join(f"  {median(v):6.3f} [{min(v):.3f}, {max(v):.3f}]" for v in scores)
            + f"  {median(volumes):6.3f} [{min(volumes):.3f}, {max(volumes):.3f}]"
        )


def against(results: Results, first: Results) -> Iterator[str]:
    """Chosen models compared with those of `first` under the same optimizer's name, on the same items."""
    for optimizer in results.optimizers:
        for objective in results.objectives:
            a, b = (
                [
                    run.first.scores[objective.metric].items
                    for run in each.of(optimizer)
                    if run.first
                ]
                for each in (results, first)
            )
            if not a or not b or not a[0]:
                continue
            test = crossed.of_outcomes(a, b)
            yield (
                f"{results.task:30}{optimizer:16}{objective.name:12}"
                f"{test.difference:+.3f} [{test.low:+.3f}, {test.high:+.3f}]  p {test.p:.2g}"
            )


def main() -> None:
    """Cut, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--work", type=Path, default=Path("build/spaces"))
    options = parser.parse_args()
    for task in options.tasks:
        cut(options.results / task, options.work / task, options.trials)
        judge.main(["judge", f"task={task}", f"results={options.work}"])
    loaded = [load(options.work, task) for task in options.tasks]
    names = "".join(f"  {o.name:>21}" for o in loaded[0].objectives)
    print(f"{'task':30}{'optimizer':16}  n{names}  {'hypervolume':>21}")
    for results in loaded:
        print(*rows(results), sep="\n")
    print(
        f"\nmeans against those of {loaded[0].task} with the same optimizer, over seeds and items"
    )
    for results in loaded[1:]:
        print(*against(results, loaded[0]), sep="\n")


if __name__ == "__main__":
    main()
