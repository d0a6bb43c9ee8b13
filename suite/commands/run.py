"""`suite run`: search, journal, mirror to a tracker, show the front beside the baselines.

A sweep is slow and its runs are independent: start it once per core and each takes those that are
free. What is finished costs little more than loading the task.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from suite.assembly import assemble, compose, identity, spaces
from suite.assembly.spec import FREE, RunSpec
from suite.records import files
from suite.records.folder import RunFolder
from suite.records.task_folder import TaskFolder

if TYPE_CHECKING:
    from suite.optimizers.optimizer import Optimizer
    from suite.records.trial import Score, Trial
    from suite.search.task import AnyRecipe, Task

Scores = dict[str, dict[str, "Score"]]


def main(words: list[str]) -> None:
    """Run every job of ``suite run …``."""
    compose.each_job(words[1:], run)


def run(wanted: RunSpec) -> None:
    """One optimizer on one task with one seed, new or continued."""
    folder = wanted.folder
    folder.glance()  # before models are loaded
    if folder.begun:
        RunSpec.of(folder)  # likewise: a damaged one is refused at once
    now = spaces.with_picked_parts(identity.pinned(wanted))
    task = assemble.task(now)
    optimizer = assemble.optimizer(now, task)
    baselines = assemble.baselines(now)
    with folder.locked(now.trials):
        begin(now, folder)
        _search(now, folder, task, optimizer, baselines)


def begin(run: RunSpec, folder: RunFolder) -> None:
    """Write the run's config.yaml and environment.json, or refuse a folder that holds another run.

    Those of a run that has all its trials stay: nothing is about to be run with anything else.
    """
    now = identity.recorded(run)
    if folder.begun:
        RunSpec.of(folder).check_same(now, folder)
        if len(folder.trials()) >= run.trials:
            return
    folder.write_config(now.text())
    device = None if run.task.problem is not None else run.device
    if said := folder.keep_environment(identity.environment(device)):
        print(f"suite: {said}", file=sys.stderr)


def _search(
    run: RunSpec,
    folder: RunFolder,
    task: Task,
    optimizer: Optimizer,
    baselines: Mapping[str, AnyRecipe],
) -> None:
    from suite.search import harness
    from suite.search.progress import Progress, summary
    from suite.trackers import Guarded, RunCard

    journal = folder.journal
    done = journal.read()
    tracker = Guarded(run.tracker.build(run.allow_targets))
    with Progress(task.objectives, run.trials, done) as progress:
        measured = measure_baselines(run, task, baselines)
        name = f"{task.name}/{run.optimizer}/seed={run.seed}"
        about = RunCard(name, folder.path, run.written, task.objectives, list(measured), FREE)
        tracker.start(about, resumed_from=len(done))

        def on_trial(trial: Trial) -> None:
            state = progress.add(trial)
            tracker.trial(trial, state.hypervolume, state.front_size)

        try:
            trials = harness.search(task, optimizer, journal, run.trials, on_trial)
        except BaseException:
            tracker.finish(progress.front(), measured, interrupted=True)
            raise
        tracker.finish(progress.front(), measured)
    summary(task.objectives, trials, measured, folder, tracker.where)


def measure_baselines(run: RunSpec, task: Task, baselines: Mapping[str, AnyRecipe]) -> Scores:
    """Baselines' scores on the search items: measured once per results folder and task, then read.

    One that cannot be measured is named, and left out of what the search is shown beside.
    """
    from suite.records.trial import Score
    from suite.search.measuring import Failure, attempt, measure, not_measured

    folder = TaskFolder.of(run.folder)
    files.make_writable(folder.baselines)
    file, inputs, found = folder.searched_baselines, identity.digest(run), {}
    with files.locked(file.path):
        known = {line["digest"]: line for line in file.read() if line["inputs"] == inputs}
        for name, recipe in baselines.items():
            line = known.get(recipe.digest)
            if line is None:
                measured = attempt(partial(measure, task, recipe, "search"))
                if isinstance(measured, Failure):
                    said = not_measured(f"baseline {name}", "search", measured)
                    print(f"suite: {said}", file=sys.stderr)
                    continue
                line = {
                    "name": name,
                    "digest": recipe.digest,
                    "inputs": inputs,
                    "scores": {key: score.to_json() for key, score in measured.scores.items()},
                }
                file.append(line)
            found[name] = {key: Score.from_json(score) for key, score in line["scores"].items()}
    return found
