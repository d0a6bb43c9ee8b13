"""The loop: ask, merge, measure, journal, tell; resume by replay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suite.errors import BadInput
from suite.optimizers.optimizer import Optimizer
from suite.records.journal import Journal
from suite.records.penalty import penalised_losses
from suite.records.trial import Trial
from suite.search import measuring
from suite.search.measuring import Failure, attempt
from suite.search.task import Task
from suite.spaces.space import Vector

Listener = Callable[[Trial], None]


def search(
    task: Task,
    optimizer: Optimizer,
    journal: Journal,
    trials: int,
    on_trial: Listener = lambda trial: None,
) -> list[Trial]:
    """Run `optimizer` on `task` until the journal holds `trials` trials; returns them all.

    Trials already in the journal are replayed, not measured: the optimizer is asked as before, its
    rows must equal the journaled ones (`BadInput` otherwise), and it is told the journaled losses
    (`penalised_losses`).
    `on_trial` hears each newly measured trial once it is safely journaled. The batch that the
    budget cuts short is never told, and a journal that holds the budget already needs no optimizer.
    """
    if trials < 1:
        raise BadInput(f"trials={trials}: the budget must be a positive number of trials")
    done = journal.read()
    if len(done) >= trials:
        return done[:trials]
    told = 0
    while told < trials:
        X = np.asarray(optimizer.ask(), dtype=float)
        for number, x in enumerate(X[: trials - told], start=told):
            if number < len(done):
                _check_replay(done[number], x, journal)
                continue
            trial = measure(task, number, x)
            journal.append(trial)
            done.append(trial)
            on_trial(trial)
        batch = done[told : told + len(X)]
        if len(batch) == len(X):
            F = [penalised_losses(trial, len(task.objectives)) for trial in batch]
            optimizer.tell(X, np.stack(F))
        told += len(X)
    return done


def measure(task: Task, number: int, x: Vector) -> Trial:
    """One trial on the search split; a failed one where `measuring.attempt` says so."""
    recipe = task.recipe(x)
    candidate, plain = tuple(float(value) for value in x), recipe.to_json()
    found = attempt(lambda: measuring.measure(task, recipe, "search"))
    if isinstance(found, Failure):
        return Trial(number, candidate, plain, "failed", found.reason, {}, (), found.seconds)
    return Trial(number, candidate, plain, "ok", None, found.scores, found.losses, found.seconds)


def _check_replay(trial: Trial, x: Vector, journal: Journal) -> None:
    if not np.array_equal(np.array(trial.x), x):
        raise BadInput(
            f"{journal.path}, line {trial.number + 1}: the optimizer now asks for another candidate"
            " than the journal holds; it was made by other code, library versions or settings"
        )
