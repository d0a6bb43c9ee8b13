"""`suite judge`: measure what searches found, and the baselines, on items no search saw.

A run's candidates are its front and the best trials of each objective (on search items). They are
re-measured once on the select items, and what the rules of `suite.statistics.choice` choose there is
what the run *chose*. The front and the chosen are then measured on the report items, as are all
baselines. Where the task is tuned by hand (`suite tune`), the same is done with the run as it was after
as many trials as the hand tuning tried merges. Everything is appended to judged.jsonl, which thereby
records every opening of the report items. Judging is slow and independent per run: start the command
once per core and each takes the runs that are free.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from suite.assembly import assemble, compose, identity, spaces
from suite.assembly.spec import RunSpec, differences
from suite.errors import BadInput
from suite.records import files
from suite.records.folder import RunFolder
from suite.records.task_folder import TaskFolder
from suite.search.judging import Judged
from suite.search.measuring import Failure, not_measured
from suite.statistics import choice

if TYPE_CHECKING:
    from rich.progress import Progress

    from suite.search.task import AnyRecipe, Task

Baselines = Mapping[str, "AnyRecipe"]


def main(words: list[str]) -> None:
    """Judge every run of ``task=… results=…``, then its baselines; continues where it stopped.

    A model that cannot be measured does not keep the others from it; it is named in the end.
    """
    wanted = compose.compose(words[1:])
    results = TaskFolder.at(wanted.results, wanted.task.name)
    runs = results.runs()
    if not runs:
        raise BadInput(f"{results}: no runs to judge; make one with suite run")
    task, baselines = _ready(wanted, runs)
    with _bar() as bar:
        _, failures = _each(task, runs, bar)
        files.make_writable(results.baselines)
        with files.alone(results.baselines) as alone:
            if alone:
                failures += _judge_baselines(task, results, baselines, bar)
    for line in failures:
        print(f"suite: {line}", file=sys.stderr)


def judge_runs(wanted: RunSpec, runs: Sequence[RunFolder]) -> list[RunFolder]:
    """Judge `runs` of one task, and nothing else; `wanted` is what `suite judge` would be asked for.

    Returns those that another process is judging, which are passed over. `BadInput` when their tasks
    differ, they were made with other weights or items than are here, or one of their models cannot be
    measured, after all others are: nothing is concluded from a part of a run.
    """
    task, _ = _ready(wanted, runs)
    with _bar() as bar:
        passed_over, failures = _each(task, runs, bar)
    if failures:
        raise BadInput("; ".join(failures))
    return passed_over


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True))


def _each(
    task: Task, runs: Sequence[RunFolder], bar: Progress
) -> tuple[list[RunFolder], list[str]]:
    """Judge each of `runs` that is free; those that are not, and which models could not be measured."""
    cost = TaskFolder.of(runs[0]).hand_tuning.cost()
    passed_over: list[RunFolder] = []
    failures: list[str] = []
    for run in runs:  # several judges may share them
        with files.alone(run.path) as alone:
            if alone:
                failures += _judge(task, run, [] if cost is None else [cost], bar)
            else:
                passed_over.append(run)
    return passed_over, failures


def _ready(wanted: RunSpec, runs: Sequence[RunFolder]) -> tuple[Task, Baselines]:
    """The task that `runs` share, and the task's baselines."""
    stored = [RunSpec.of(run) for run in runs]
    first = stored[0]
    for run, spec in zip(runs, stored, strict=True):
        if spaces.shared(spec.task) != spaces.shared(first.task) or spec.inputs != first.inputs:
            raise BadInput(f"{run}: its task differs from that of {runs[0]}; judge them apart")
    now = wanted.with_task(first.task)
    assemble.folders(now)  # what another machine searched may have to be downloaded here
    if differences(first.inputs, identity.inputs(now)):
        raise BadInput(
            f"{TaskFolder.of(runs[0])}: its runs were made with other weights or items than are"
            " here now"
        )
    return assemble.task(now), assemble.baselines(now)


def _judge(task: Task, folder: RunFolder, budgets: Sequence[int], bar: Progress) -> list[str]:
    """Judge the run in `folder`, as it was after each of `budgets` trials and as it is now.

    Returns a line for every model that could not be measured. One that fails on the select items
    leaves the run without a choice, but its front is measured all the same.
    """
    from suite.recipes.layer_path import read_json

    trials = folder.trials()
    recipes = {trial.number: read_json(trial.recipe) for trial in trials if trial.status == "ok"}
    if not recipes:
        bar.console.print(f"{folder}: none of its {len(trials)} trials succeeded: passed over")
        return []
    names = [objective.name for objective in task.objectives]
    losses = np.array([trial.losses or (math.nan,) * len(names) for trial in trials])
    ends = sorted({min(budget, len(trials)) for budget in (*budgets, len(trials))})
    ranked = {end: choice.candidates(losses[:end]) for end in ends}
    judged = Judged(task, folder.judged)
    every = sorted(set().union(*ranked.values()))
    row = bar.add_task(f"{folder.optimizer} {folder.path.name}", total=2 * len(every))
    failures: list[str] = []

    def measured(numbers: Sequence[int], split: str) -> dict[int, list[float]]:
        found: dict[int, list[float]] = {}
        for number in numbers:
            identity = {"source": "front", "name": f"trial {number}", "number": number}
            line = judged.measure(identity, recipes[number], split)
            bar.advance(row)
            if isinstance(line, Failure):
                failures.append(not_measured(f"{folder}: trial {number}", split, line))
            else:
                found[number] = line["losses"]
        return found

    select = measured(every, "select")
    taken: set[int] = choice.counted(losses, select, names)
    for end in ends:
        taken |= set(choice.after(losses[:end], select, names).values())
    bar.update(row, total=len(every) + len(taken))
    measured(sorted(taken), "report")
    return failures


def _judge_baselines(
    task: Task, results: TaskFolder, recipes: Baselines, bar: Progress
) -> list[str]:
    """Measure the task's baselines on the report items; a line for each that could not be."""
    judged = Judged(task, results.judged_baselines)
    failures = []
    for name, recipe in bar.track(recipes.items(), description="baselines"):
        identity = {"source": "baseline", "name": name, "number": None}
        line = judged.measure(identity, recipe, "report")
        if isinstance(line, Failure):
            failures.append(not_measured(f"{results.baselines}: {name}", "report", line))
    return failures
