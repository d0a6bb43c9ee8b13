"""`suite report`: figures, tables and pages, from files alone; what is frozen, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import BadInput
from suite.records import task_folder
from suite.records.folder import RunFolder
from suite.records.task_folder import TaskFolder

if TYPE_CHECKING:
    from suite.report.load.reference import Reference
    from suite.report.load.results import Results

ALLOWED = "task=NAME, task=[NAME,…], results=…, out=…, freeze=true, allow_targets=[MODULE,…]"


def main(words: list[str]) -> None:
    """Report on ``task=…`` from ``results=…`` into ``out=…``; prints the page.

    Several tasks, as ``task=[a,b]``, with ``*`` for any letters, or left out for all there are, give
    a page each and one across them. ``freeze=true`` first freezes the reference front of tasks that
    have none, and families of comparisons for the strategies that are in none; ``allow_targets=[…]``
    names the modules that their problems may be built from.
    """
    from suite import report

    options = _options(words[1:])
    results = Path(options["results"])
    tasks = _tasks(results, options["task"])
    if options["freeze"] == "true":
        for task in tasks:
            freeze(results, task, _names(options["allow_targets"]))
    if len(tasks) == 1:
        out = Path(options["out"]) if options["out"] else results / tasks[0] / "report"
        print(report.build(results, tasks[0], out))
        return
    out = Path(options["out"]) if options["out"] else results / "report"
    own = out if options["out"] else None
    folders = {task: own / task if own else results / task / "report" for task in tasks}
    print(report.build_all(results, folders, out))


def _options(words: list[str]) -> dict[str, str]:
    options = dict.fromkeys(("task", "out", "allow_targets"), "")
    options |= {"results": "results", "freeze": "false"}
    for word in words:
        key, mark, value = word.partition("=")
        if not mark or key not in options:
            raise BadInput(f"report: {word!r}; allowed are {ALLOWED}")
        options[key] = value
    if options["freeze"] not in ("true", "false"):
        raise BadInput(f"report: freeze={options['freeze']}; allowed are true and false")
    return options


def _tasks(results: Path, wanted: str) -> list[str]:
    """The tasks that `wanted` names, in its order; a name without ``*`` need not have runs."""
    there = task_folder.tasks(results)
    found: list[str] = []
    for pattern in _names(wanted) or ["*"]:
        matching = [t for t in there if fnmatchcase(t, pattern)] if "*" in pattern else [pattern]
        if not matching and wanted:
            raise BadInput(
                f"report: task={pattern} matches none of {', '.join(there) or 'no tasks'}"
            )
        found += [task for task in matching if task not in found]
    if not found:
        raise BadInput(f"{results}: no runs to report on; make one with suite run")
    return found


def _names(words: str) -> list[str]:
    return [name.strip() for name in words.strip("[]").split(",") if name.strip()]


def freeze(results: Path, task: str, allow: Sequence[str] = ()) -> list[Path]:
    """Freeze the reference front of `task`, unless it has one, and the families of newcomers.

    Returns the files that were written. The front is the known one of a problem, else what all runs
    there are found together on the search items. A problem of a module outside `suite` is built only
    if `allow` names it.
    """
    from suite.report.load import families, load, reference

    loaded, folder = load.load(results, task), TaskFolder.at(results, task)
    written: list[Path | None] = []
    if loaded.reference is None:
        made = _known(results, loaded, allow) or _pooled(loaded)
        written.append(reference.write(folder, loaded.objectives, made))
    written.append(families.freeze(folder, loaded, date.today().isoformat()))
    return [path for path in written if path]


def _pooled(loaded: Results) -> Reference:
    import numpy as np

    from suite.report.load.reference import Reference

    m = len(loaded.objectives)
    counts = ", ".join(f"{len(loaded.of(name))} of {name}" for name in loaded.optimizers)
    trials = sum(len(run.trials) for run in loaded.runs)
    rows = np.concatenate([run.losses(m) for run in loaded.runs])
    source = f"{trials} trials of {len(loaded.runs)} runs on the search items ({counts})"
    return Reference.of("pooled", rows, date.today().isoformat(), source)


def _known(results: Path, loaded: Results, allow: Sequence[str]) -> Reference | None:
    """The front that the task's problem knows; None for models, and where it knows none."""
    if not loaded.problem:
        return None
    from suite.assembly import problems
    from suite.assembly.spec import RunSpec
    from suite.problems.problem import front_losses
    from suite.report.load.reference import Reference

    first = loaded.runs[0]
    run = RunSpec.of(RunFolder.at(results, loaded.task, first.optimizer, first.seed))
    problem = problems.build(run.changed(allow_targets=list(allow)))
    losses = front_losses(problem, loaded.objectives)
    if losses is None:
        return None
    return Reference.of("known", losses, date.today().isoformat(), problem.title)
