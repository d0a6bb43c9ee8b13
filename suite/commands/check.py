"""`suite check`: prove, before anything is searched, that a task is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from suite.assembly import assemble, compose, identity, problems, spaces
from suite.assembly.spec import RunSpec
from suite.assembly.task_spec import TaskSpec
from suite.objective import Objective

if TYPE_CHECKING:
    from suite.checkpoints.compatibility import Fit
    from suite.search.task import Evaluator

FAST = "--fast"


def main(words: list[str]) -> None:
    """Check the models of ``task=…`` by their metadata, then build the task and its baselines.

    Prints what the task consists of, or fails with the reason. Building downloads and loads the
    models; with ``--fast`` neither happens, and everything else is checked. A task without models
    is built and measured once, in the middle of its space.
    """
    wanted = compose.compose([word for word in words[1:] if word != FAST])
    if wanted.task.problem is not None:
        for line in problem_lines(wanted):
            print(line)
        return
    run = spaces.with_picked_parts(identity.pinned(wanted))
    for line in fit_lines(run.task, assemble.fitted(run)):
        print(line, flush=True)
    evaluators: Sequence[Evaluator]
    if FAST in words:
        evaluators = assemble.evaluators(run)
    else:
        task = assemble.task(run)
        evaluators = task.evaluators
        print(f"{task.name}: {task.space.d} parameters, {task.recipe_space.title}")
    for evaluator in evaluators:
        splits = getattr(evaluator, "splits", {})
        sizes = ", ".join(f"{split} {len(items)}" for split, items in splits.items())
        print(f"  evaluator   {evaluator.name}: {sizes}")
    for objective in run.task.objectives:
        print(objective_line(objective))
    print(f"  baselines   {', '.join(assemble.baselines(run))}")
    print("models fit; splits are disjoint" if FAST in words else "complete; splits are disjoint")


def objective_line(objective: Objective) -> str:
    """What an objective picks, and its box."""
    return (
        f"  objective   {objective.name}: {objective.direction} {objective.metric},"
        f" ideal {objective.ideal}, reference {objective.reference}"
    )


def problem_lines(run: RunSpec) -> Iterator[str]:
    """A task without models: what is searched, what is measured, what is known of its front."""
    from suite.problems.problem import front_losses
    from suite.statistics import pareto

    problem = problems.build(run)
    task = problems.task(run, problem)
    yield f"{task.name}: {task.space.d} parameters, {task.recipe_space.title}"
    scores = task.measure(task.recipe(np.full(task.space.d, 0.5)), "search").scores
    for name, score in scores.items():
        yield f"  figure      {name}: {score.value:.6g} in the middle of the space"
    for objective in task.objectives:
        yield objective_line(objective)
    front = front_losses(problem, task.objectives)
    known = "not known"
    if front is not None:
        known = f"{len(front)} points known, hypervolume {pareto.hypervolume(front):.4f}"
    yield f"  front       {known}"
    yield "complete; no models"


def fit_lines(task: TaskSpec, fit: Fit) -> Iterator[str]:
    """A line per model, then what all of them need and what to know about them."""
    from suite.checkpoints.compatibility import size

    for header in fit.headers:
        facts = [
            header.architecture or "architecture unknown",
            f"{header.parameters / 1e6:,.2f}M parameters",
            header.dtype,
            f"vocabulary {header.vocabulary or 'unknown'}",
            f"licence {header.licence or 'not stated'}",
            task.models[header.name],
        ]
        if header.revision:
            facts.append(f"{size(header.download)} to download" if header.download else "in cache")
        lends = header.name == task.vlm
        if lends:
            facts.append(f"{header.eyes / 1e6:,.2f}M parameters of vision tower and projector stay")
        if rows := fit.cut.get(header.name):
            words = "its further rows stay" if lends else "cut to the base's rows"
            facts.append(f"{words}: {', '.join(rows)}")
        name = f"{header.name} (base)" if header.name == fit.base else header.name
        yield f"  model       {name}: {', '.join(facts)}"
    yield f"  download    {size(fit.download)}; {size(fit.disk)} free"
    yield f"  memory      {size(fit.memory)} at least; {size(fit.machine)} there"
    for warning in fit.warnings:
        yield f"  note        {warning}"
