"""The loop: ask, merge, measure, journal, tell; resume by replay."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput, CandidateFailure
from suite.optimizers.optimizer import Optimizer
from suite.records.journal import Journal
from suite.records.trial import Trial, failure_losses
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
    rows must equal the journaled ones (`BadInput` otherwise), and it is told the journaled losses.
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
            optimizer.tell(
                X, np.stack([told_losses(trial, len(task.objectives)) for trial in batch])
            )
        told += len(X)
    return done


def measure(task: Task, number: int, x: Vector) -> Trial:
    """One trial on the search split; out of memory and a `CandidateFailure` are failed trials."""
    recipe = task.recipe(x)
    candidate = tuple(float(value) for value in x)
    try:
        measured = task.measure(recipe, "search")
        losses = task.losses(measured.scores)
    except (CandidateFailure, MemoryError, _out_of_memory()) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return Trial(number, candidate, recipe.to_json(), "failed", reason, {}, (), {})
    return Trial(
        number=number,
        x=candidate,
        recipe=recipe.to_json(),
        status="ok",
        error=None,
        scores=measured.scores,
        losses=tuple(losses.tolist()),
        seconds=measured.seconds,
    )


def told_losses(trial: Trial, m: int) -> NDArray[np.float64]:
    """What the optimizer hears of a trial, shape (m,): its losses, or `failure_losses`."""
    return np.array(trial.losses) if trial.status == "ok" else failure_losses(m)


def _check_replay(trial: Trial, x: Vector, journal: Journal) -> None:
    if not np.array_equal(np.array(trial.x), x):
        raise BadInput(
            f"{journal.path}, line {trial.number + 1}: the optimizer now asks for another candidate"
            " than the journal holds; it was made by other code, library versions or settings"
        )


def _out_of_memory() -> type[BaseException]:
    """That of the device; a task without models never imports torch."""
    torch = sys.modules.get("torch")
    return torch.OutOfMemoryError if torch else MemoryError
