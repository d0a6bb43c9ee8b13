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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from suite.assembly import assemble, compose, spaces
from suite.assembly import identity as card
from suite.errors import BadInput
from suite.records import folder as folders
from suite.records import hand_tuning
from suite.search.judging import Judged
from suite.statistics import choice

if TYPE_CHECKING:
    from rich.progress import Progress


def main(words: list[str]) -> None:
    """Judge every run of ``task=… results=…``, then its baselines; continues where it stopped."""
    config = compose.compose(words[1:])
    root = Path(config["results"]) / config["task"]["name"]
    runs = sorted(path.parent for path in root.glob("*/seed=*/config.yaml"))
    if not runs:
        raise BadInput(f"{root}: no runs to judge; make one with suite run")
    task, baselines = _ready(config, runs)
    with _bar() as bar:
        _each(task, runs, bar)
        folders.make_writable(root / "baselines")
        with folders.alone(root / "baselines") as alone:
            if alone:
                _judge_baselines(task, root / "baselines", baselines, bar)


def judge_runs(config: dict[str, Any], runs: list[Path]) -> list[Path]:
    """Judge `runs`, folders of one task, and nothing else; `config` is that of `suite judge`.

    Returns those that another process is judging, which are passed over. `BadInput` when their tasks
    differ, or they were made with other weights or items than are here.
    """
    task, _ = _ready(config, runs)
    with _bar() as bar:
        return _each(task, runs, bar)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True))


def _each(task: Any, runs: list[Path], bar: Progress) -> list[Path]:
    root = runs[0].parent.parent
    cost = hand_tuning.cost(root / hand_tuning.FOLDER)
    passed_over = []
    for run in runs:  # several judges may share them
        with folders.alone(run) as alone:
            if alone:
                _judge(task, run, [] if cost is None else [cost], bar)
            else:
                passed_over.append(run)
    return passed_over


def _ready(config: dict[str, Any], runs: list[Path]) -> tuple[Any, dict[str, Any]]:
    """The task that `runs` share, and the task's baselines."""
    root = runs[0].parent.parent
    stored = {
        run: yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")) for run in runs
    }
    first = stored[runs[0]]
    for run in runs:
        if (
            spaces.shared(stored[run]["task"]) != spaces.shared(first["task"])
            or stored[run]["inputs"] != first["inputs"]
        ):
            raise BadInput(f"{run}: its task differs from that of {runs[0]}; judge them apart")
    spec = dict(first["task"])
    spec["objectives"] = {entry["name"]: entry for entry in spec["objectives"]}
    config = {**config, "task": spec}
    assemble.folders(config)  # what another machine searched may have to be downloaded here
    if card.inputs(config) != first["inputs"]:
        raise BadInput(f"{root}: its runs were made with other weights or items than are here now")
    return assemble.task(config), assemble.baselines(config)


def _judge(task: Any, folder: Path, budgets: Sequence[int], bar: Progress) -> None:
    """Judge the run in `folder`, as it was after each of `budgets` trials and as it is now."""
    from suite.recipes.layer_path import read_json
    from suite.records.journal import Journal

    trials = Journal(folder / "trials.jsonl").read()
    recipes = {trial.number: read_json(trial.recipe) for trial in trials if trial.status == "ok"}
    if not recipes:
        bar.console.print(f"{folder}: none of its {len(trials)} trials succeeded: passed over")
        return
    names = [objective.name for objective in task.objectives]
    losses = np.array([trial.losses or (math.nan,) * len(names) for trial in trials])
    ends = sorted({min(budget, len(trials)) for budget in (*budgets, len(trials))})
    ranked = {end: choice.candidates(losses[:end]) for end in ends}
    judged = Judged(task, folder / "judged.jsonl")
    every = sorted(set().union(*ranked.values()))
    row = bar.add_task(f"{folder.parent.name} {folder.name}", total=2 * len(every))

    def measured(number: int, split: str) -> list[float]:
        identity = {"source": "front", "name": f"trial {number}", "number": number}
        line = judged.measure(identity, recipes[number], split)
        bar.advance(row)
        found: list[float] = line["losses"]
        return found

    select = {number: measured(number, "select") for number in every}
    taken: set[int] = choice.counted(losses, select, names)
    for end in ends:
        taken |= set(choice.after(losses[:end], select, names).values())
    bar.update(row, total=len(every) + len(taken))
    for number in sorted(taken):
        measured(number, "report")


def _judge_baselines(task: Any, folder: Path, recipes: Mapping[str, Any], bar: Progress) -> None:
    """Measure the task's baselines on the report items."""
    judged = Judged(task, folder / "judged.jsonl")
    for name, recipe in bar.track(recipes.items(), description="baselines"):
        judged.measure({"source": "baseline", "name": name, "number": None}, recipe, "report")
