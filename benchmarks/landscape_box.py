"""How a task's box of losses lies to the untouched base, and which merge the centre of its cube is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import simulated
from simulated import Array, Row, World

from suite.assembly import assemble, spaces
from suite.assembly.spec import RunSpec
from suite.checkpoints import parents
from suite.optimizers import cma_es, como_cma_es
from suite.recipes.recipe import Recipe
from suite.records import journal
from suite.records.journal import Journal
from suite.records.trial import Score
from suite.statistics import pareto

SEEDS = 100  # first generations whose mean is taken


def box(task: str, run: RunSpec, results: Path) -> Row:
    """The base's losses and hypervolume, and that of runs as published and with the base as reference.

    The *band* is the part of the box where a loss is above the base's: what a merge gets there it gets for
    being no worse than an untouched model. `in_band` is its share of a published hypervolume. With the base
    as reference losses are L / L(base), and what does not beat the base in everything counts nothing.
    """
    objectives = run.task.objectives
    base: dict[str, dict[str, Any]] = {}
    for split, name in (("search", "search"), ("report", "judged")):
        scores = _baseline(results / task / "baselines" / f"{name}.jsonl", "base")
        losses = [o.loss(Score.from_json(scores[o.metric]).value) for o in objectives]
        share = pareto.hypervolume(np.array([losses]))
        band = 1 - float(np.prod(np.minimum(losses, 1.0)))
        base[split] = {"losses": losses, "hypervolume": share, "band": band}
    limit = np.minimum(base["search"]["losses"], 1.0)
    rows = []
    for folder in sorted({path.parent for path in (results / task).glob("*/seed=*")}):
        runs = [Journal(run / "trials.jsonl").read() for run in sorted(folder.glob("seed=*"))]
        both = [(pareto.hypervolume(F), pareto.hypervolume(F / limit))
                for F in map(simulated.losses, runs)]  # fmt: skip
        old, new = np.array(both).T
        row = {"strategy": folder.name, "runs": len(runs), "as_published": float(np.median(old))}
        inside = float(np.median(1 - new * limit.prod() / old))
        rows.append({**row, "in_band": inside, "from_base": float(np.median(new))})
    return {"base": base, "strategies": sorted(rows, key=lambda row: -row["as_published"])}


def _baseline(path: Path, name: str) -> Mapping[str, Any]:
    """The scores of a baseline in its journal; the report split's where the journal has several."""
    lines = [line for line in journal.records(path).read() if line["name"] == name]
    found = next(line for line in lines if line.get("split", "report") == "report")
    scores: Mapping[str, Any] = found["scores"]
    return scores


def centre(run: RunSpec, made: World, results: Path) -> Row:
    """The centre of the cube: the hand-tuned merges that it is, and which strategies start there.

    `same` names the baselines that `MergeSpace.encode` puts at the centre. `trials` counts the trials
    of the journals at the centre, `equal` those whose every outcome on search items is the baseline's.
    """
    spec = run.task
    space = spaces.build(spec, parents.layers(spec.models[spec.base]))
    middle = np.full(space.space.d, 0.5)
    same = [
        name
        for name, recipe in assemble.baselines(run).items()
        if isinstance(recipe, Recipe)
        and recipe.method == "task_arithmetic"
        and np.allclose(space.encode(recipe), middle)
    ]
    weights = sorted({p.decode(0.5) for p in space.space.parameters})
    row: Row = {"weights": weights, "same": same, "strategies": starts(made)}
    if same:
        folder = results / spec.name
        row |= _outcomes(folder, same[0], middle, [o.metric for o in made.objectives])
    return row


def _outcomes(folder: Path, name: str, middle: Array, metrics: list[str]) -> Row:
    known = _baseline(folder / "baselines" / "search.jsonl", name)
    figures = [metric.removeprefix("problem.") for metric in metrics]
    wanted = [list(Score.from_json(known[figure]).items) for figure in figures]
    trials = [
        trial
        for run in sorted(folder.glob("*/seed=*"))
        for trial in Journal(run / "trials.jsonl").read()
        if np.allclose(trial.x, middle)
    ]
    equal = [[list(t.scores[figure].items) for figure in figures] == wanted for t in trials]
    return {"trials": len(trials), "equal": sum(equal)}


def starts(made: World) -> Row:
    """CMA-ES: how far the mean of `SEEDS` first generations is from the centre, in standard errors.

    Of COMO-CMA-ES: in how many of as many runs the exact centre is among the first two generations.
    """
    d, m = made.space.d, len(made.objectives)
    asks = [cma_es.make(made.space, m, seed).ask() for seed in range(SEEDS)]
    rows = np.concatenate(asks)
    errors = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    found = 0
    for seed in range(SEEDS):
        optimizer = como_cma_es.make(made.space, m, seed)
        first = optimizer.ask()
        optimizer.tell(first, made.losses(first))
        seen = np.concatenate([first, optimizer.ask()])
        found += bool((seen == np.full(d, 0.5)).all(axis=1).any())
    mean = rows.mean(axis=0)
    return {
        "cma_es_furthest_mean": float(np.abs(mean - 0.5).max()),
        "cma_es_standard_errors": float((np.abs(mean - 0.5) / errors).max()),
        "como_cma_es_at_centre": found,
        "runs": SEEDS,
    }
