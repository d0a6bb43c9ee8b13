"""Read a results folder into values; every file is checked here and nowhere else in the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import BadInput
from suite.objective import Objective
from suite.recipes.layer_path import METHOD as PATH
from suite.recipes.layer_path import read_json
from suite.recipes.point import METHOD as POINT
from suite.records.folder import RunFolder
from suite.records.hand_tuning import HandTuningFolder
from suite.records.journal import Journal, JsonLines
from suite.records.task_folder import TaskFolder
from suite.records.trial import Score, Trial
from suite.report.load import chosen, families, reference, samples
from suite.report.load.results import HandTuned, Judged, Results, Run
from suite.statistics import halves

TOLERANCE = 1e-6  # between a journaled loss and the one its score gives


def load(results: Path, task: str) -> Results:
    """Read the results of a task.

    A torn last line of a journal, the trace of a killed run, is left out.

    Parameters
    ----------
    results : Path
        The folder that holds ``<task>/<optimizer>/seed=<n>/``.
    task : str

    Returns
    -------
    Results

    Raises
    ------
    BadInput
        Names the file, and the line, that is missing, damaged or measured under other objectives.
    """
    folder = TaskFolder.at(results, task)
    if not folder.path.is_dir():
        known = sorted(p.name for p in results.iterdir() if p.is_dir()) if results.is_dir() else []
        raise BadInput(
            f"{results}: no results of task {task!r}; there are {', '.join(known) or 'none'}"
        )
    found = folder.every_run()
    if not found:
        raise BadInput(f"{folder}: no runs; a run lies in <optimizer>/seed=<n>/")
    objectives: tuple[Objective, ...] = ()
    base, problem = "", False
    cost = folder.hand_tuning.cost()
    runs = []
    for run in found:
        config = run.config()
        own = _objectives(config["task"], run)
        objectives = objectives or own
        if own != objectives:
            raise BadInput(
                f"{run.config_path}: its objectives differ from those of {found[0]};"
                " runs of one task must share names, metrics, ideals and references"
            )
        base = base or str(config["task"].get("base") or "")
        problem = problem or config["task"].get("problem") is not None
        runs.append(_run(run, config, own, cost))
    lines = _judged(folder.judged_baselines, objectives)
    reported = tuple(line for line in lines if line.split == "report")
    frozen, compared = reference.read(folder, objectives), families.read(folder)
    tuned = _tuned(folder.hand_tuning, objectives)
    return Results(task, objectives, tuple(runs), reported, base, problem, frozen, compared, tuned)


def _tuned(folder: HandTuningFolder, objectives: tuple[Objective, ...]) -> HandTuned | None:
    stored = folder.rule()
    if stored is None:
        return None
    lines = _judged(folder.judged, objectives)
    return chosen.hand_tuned(stored, lines, [objective.name for objective in objectives])


def _objectives(task: Mapping[str, Any], run: RunFolder) -> tuple[Objective, ...]:
    found = Objective.listed(task["objectives"], str(run.config_path))
    return tuple(replace(o, ideal=float(o.ideal), reference=float(o.reference)) for o in found)


def _run(
    run: RunFolder,
    config: Mapping[str, Any],
    objectives: tuple[Objective, ...],
    cost: int | None,
) -> Run:
    environment = run.environment()
    if environment is None:
        raise BadInput(f"{run.environment_path}: missing; on what a run was made stands here")
    trials, optimism = _trials(run.journal, objectives)
    lines = _judged(run.judged, objectives)
    for line in lines:
        number = -1 if line.number is None else line.number
        if number not in range(len(trials)) or trials[number].status != "ok":
            raise BadInput(
                f"{run.judged_path}: {line.name!r} is no successful trial of trials.jsonl"
            )
    budget = config.get("trials")
    names = [objective.name for objective in objectives]
    losses = np.array([t.losses or (math.nan,) * len(names) for t in trials])
    losses = losses.reshape(-1, len(names))
    cut = len(trials) + 1 if cost is None else cost
    return Run(
        optimizer=run.optimizer,
        seed=run.seed,
        budget=budget if isinstance(budget, int) else None,
        trials=trials,
        reported=chosen.reported(lines, losses, names),
        chosen=chosen.chosen(lines, losses, names),
        at_cost=chosen.chosen(lines, losses[:cut], names) if cut <= len(trials) else {},
        card={**environment, "inputs": config.get("inputs") or {}},
        optimism=optimism,
    )


def _trials(journal: Journal, objectives: tuple[Objective, ...]) -> tuple[tuple[Trial, ...], float]:
    """Read the trials without their items, and the optimism of choosing by the first objective."""
    path = journal.file
    if not path.exists():
        raise BadInput(f"{path}: missing; a run's journal lies here")
    trials = journal.read()
    for line, trial in enumerate(trials, start=1):
        if trial.status == "ok":
            _check(f"{path}, line {line}", objectives, trial.scores, trial.losses)
            _check_recipe(f"{path}, line {line}", trial.recipe)
    optimism = _optimism(trials, objectives[0])
    return tuple(_without_items(trial) for trial in trials), optimism


def _optimism(trials: Sequence[Trial], objective: Objective) -> float:
    done = [t.scores[objective.metric].items for t in trials if t.status == "ok"]
    if not done or len({len(items) for items in done}) != 1:
        return math.nan
    sign = 1.0 if objective.direction == "maximize" else -1.0
    return halves.optimism(sign * np.array(done))


def _without_items(trial: Trial) -> Trial:
    """Beyond optimism search items are needed for nothing, and they are nearly all of a trial."""
    if not any(score.items for score in trial.scores.values()):
        return trial
    scores = {name: Score(s.value, s.stderr, s.n) for name, s in trial.scores.items()}
    return replace(trial, scores=scores)


def _judged(
    file: JsonLines[dict[str, Any]], objectives: tuple[Objective, ...]
) -> tuple[Judged, ...]:
    lines: dict[tuple[str, str], Judged] = {}
    pictures = samples.Pictures()
    for number, record in enumerate(file.read(), start=1):
        where = f"{file.file}, line {number}"
        try:
            judged = _judged_line(record, pictures)
        except (BadInput, ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(f"{where}: not a judged model") from None
        _check(where, objectives, judged.scores, judged.losses)
        lines.pop((judged.split, judged.name), None)  # a run judged again after it went on
        lines[judged.split, judged.name] = judged
    return tuple(lines.values())


def _judged_line(data: Mapping[str, Any], pictures: samples.Pictures) -> Judged:
    scores = {name: Score.from_json(score) for name, score in data["scores"].items()}
    return Judged(
        source=data["source"],
        name=str(data["name"]),
        number=data["number"],
        recipe=_recipe(data["recipe"]),
        split=data["split"],
        scores=scores,
        losses=tuple(float(loss) for loss in data["losses"]),
        samples=samples.read(data.get("samples") or (), scores, pictures),
    )


def _recipe(data: Mapping[str, Any]) -> Mapping[str, Any]:
    if data["method"] in (PATH, POINT):
        read_json(data)  # raises where it is none
        return dict(data)
    if not all(isinstance(entry["model"], str) for entry in data["inputs"]) or not data["inputs"]:
        raise ValueError("a recipe has inputs with a model each")
    return dict(data)


def _check_recipe(where: str, recipe: Mapping[str, Any]) -> None:
    if recipe.get("method") in (PATH, POINT):
        try:
            read_json(recipe)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None


def _check(
    where: str,
    objectives: tuple[Objective, ...],
    scores: Mapping[str, Score],
    losses: tuple[float, ...],
) -> None:
    """Refuse losses that the scores do not give under the configured ideals and references."""
    if len(losses) != len(objectives):
        raise BadInput(f"{where}: {len(losses)} losses for {len(objectives)} objectives")
    for objective, loss in zip(objectives, losses, strict=True):
        score = scores.get(objective.metric)
        if score is None:
            raise BadInput(f"{where}: no score {objective.metric!r}; it has {', '.join(scores)}")
        if not math.isclose(
            objective.loss(score.value), loss, rel_tol=TOLERANCE, abs_tol=TOLERANCE
        ):
            raise BadInput(
                f"{where}: loss {loss} of {objective.name!r} does not follow from its score"
                f" {score.value} with ideal {objective.ideal} and reference {objective.reference}"
            )
