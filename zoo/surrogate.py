"""`python -m zoo.surrogate TASK`: fit the surrogate of a task to its journals and ship it.

Reads every run of ``results/TASK/`` and writes ``TASK_tabular/surrogate.npz`` into the package's own
data, which the task ``TASK_tabular`` searches. `benchmarks/surrogate.py` says how good it is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from suite import resources
from suite.assembly import assemble, compose, spaces
from suite.assembly.spec import RunSpec
from suite.checkpoints import parents
from suite.errors import BadInput
from suite.problems import fit
from suite.records import files
from suite.records.task_folder import TaskFolder
from suite.records.trial import Trial
from suite.spaces.space import SearchSpace


def space(run: RunSpec) -> SearchSpace:
    """The search space of a task of models; `BadInput` when it is not one of real numbers alone."""
    task = run.task
    found = spaces.build(task, parents.layers(task.models[task.base])).space
    if other := [p for p in found.parameters if p.kind != "float"]:
        raise BadInput(
            f"task {task.name}: parameter {other[0].name!r} is of kind {other[0].kind!r};"
            " surrogates are fitted to float parameters alone"
        )
    return found


def trials(run: RunSpec, results: Path) -> fit.Trials:
    """The successful trials of every run of the task, in the order of the runs' names and seeds."""
    assemble.evaluators(run)  # refuses an objective that none of them measures
    figures = [objective.metric for objective in run.task.objectives]
    evaluators = list(dict.fromkeys(figure.rpartition(".")[0] for figure in figures))
    rows: list[tuple[str, int, Trial]] = []
    for folder in TaskFolder.at(results, run.task.name).runs():
        name = f"{folder.optimizer}/{folder.path.name}"
        rows += [(name, folder.seed, trial) for trial in folder.trials() if trial.status == "ok"]
    if len({seed for _, seed, _ in rows}) < 2:
        raise BadInput(f"{results / run.task.name}: no runs of two seeds; one is left out to test")
    scores = [trial.scores for _, _, trial in rows]
    return fit.Trials(
        X=np.array([trial.x for _, _, trial in rows]),
        Y=np.array([[v for figure in figures for v in s[figure].items] for s in scores]),
        sizes={figure: scores[0][figure].n for figure in figures},
        evaluators=evaluators,
        tokens=np.array([[s[f"{each}.tokens"].value for each in evaluators] for s in scores]),
        seconds=np.array([trial.seconds["total"] for _, _, trial in rows]),
        runs=np.array([name for name, _, _ in rows]),
        folds=np.array([seed for _, seed, _ in rows]),
    )


def shipped(task: str) -> Path:
    """Where the surrogate of `task` lies in the package's own data."""
    return resources.ZOO / f"{task}_tabular" / "surrogate.npz"


def main() -> int:
    """Fit, write and say where."""
    parser = argparse.ArgumentParser(prog="python -m zoo.surrogate", description=__doc__)
    parser.add_argument("task", help="a task of models that has journals")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, help="default: the package's own data")
    options = parser.parse_args()
    out = options.out or shipped(options.task)
    try:
        run = compose.compose([f"task={options.task}"])
        searched, made = space(run), trials(run, options.results)
        files.make_writable(out.parent)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    import torch

    torch.set_num_threads(1)  # the same sums in the same order wherever it is fitted
    np.savez_compressed(out, **fit.fields(options.task, searched.parameters, made))
    print(f"{out}: {len(made.X)} candidates, {out.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
