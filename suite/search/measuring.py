"""One model measured, or why it could not be: the same for a search, a judge, baselines and hand tuning.

What a candidate can do wrong is a `Failure`: weights or scores that are not finite, a score that no
journal could hold, too little memory. Anything else is a bug, and propagates.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from suite.errors import CandidateFailure
from suite.records.trial import Score
from suite.search.task import AnyRecipe, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """A model's scores by ``evaluator.figure``, its losses (m,), and the wall seconds they took."""

    scores: Mapping[str, Score]
    losses: tuple[float, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Failure:
    """Why a model could not be measured, in one line, and the wall seconds (``total``) it cost."""

    reason: str
    seconds: Mapping[str, float]


def attempt(work: Callable[[], T]) -> T | Failure:
    """What `work` returns, or the `Failure` that a candidate made of it.

    Parameters
    ----------
    work : callable
        Without arguments; it measures one model, and writes nothing.

    Returns
    -------
    T or Failure
        A failure for a `CandidateFailure` and for memory that does not suffice, of the host or of the
        device; the tensors that `work` held are free again by then.

    Examples
    --------
    >>> attempt(lambda: 0.5)
    0.5
    >>> def impossible():
    ...     raise CandidateFailure("weights are not finite")
    >>> attempt(impossible).reason
    'CandidateFailure: weights are not finite'
    """
    began = time.perf_counter()
    try:
        return work()
    except (CandidateFailure, MemoryError, _out_of_memory()) as error:
        said = str(error).splitlines()
        reason = f"{type(error).__name__}: {said[0] if said else ''}"
    # JSON takes a lone surrogate, as in a file name that is no UTF-8; a file does not.
    reason = reason.encode("utf-8", "backslashreplace").decode("utf-8")
    return Failure(reason, {"total": time.perf_counter() - began})


def not_measured(model: str, split: str, failure: Failure) -> str:
    """What a person is told of a `failure`; `model` says which one, and where it comes from.

    >>> not_measured("ties_0.2", "report", Failure("MergeFailure: NaN", {}))
    'ties_0.2 cannot be measured on the report items (MergeFailure: NaN)'
    """
    return f"{model} cannot be measured on the {split} items ({failure.reason})"


def measure(task: Task, recipe: AnyRecipe, split: str) -> Measured:
    """Merge `recipe`, measure it on `split`, and check that what came out can be written down.

    Parameters
    ----------
    task : Task
    recipe : recipe
        What to merge.
    split : str
        ``search``, ``select`` or ``report``.

    Returns
    -------
    Measured
        In Python's own numbers, all of them finite.

    Raises
    ------
    CandidateFailure
        When the merge or an evaluator says so, and for a score or a loss that is not finite, a
        negative standard error, or what is no number; the message names the score.
    TypeError
        When an evaluator gives something else than a `Score`, which is a bug of the evaluator.
    """
    found = task.measure(recipe, split)
    scores = {name: _plain(name, score) for name, score in found.scores.items()}
    losses = tuple(float(loss) for loss in task.losses(scores))
    for objective, loss in zip(task.objectives, losses, strict=True):
        if not math.isfinite(loss):
            value = scores[objective.metric].value
            raise CandidateFailure(f"objective {objective.name!r}: the loss of {value} is {loss}")
    return Measured(scores, losses, found.seconds)


def _plain(name: str, score: object) -> Score:
    if not isinstance(score, Score):
        raise TypeError(f"score {name!r}: an evaluator gave {type(score).__name__}, not a Score")
    try:
        return score.plain()
    except ValueError as error:
        raise CandidateFailure(f"score {name!r}: {error}") from None


def _out_of_memory() -> type[BaseException]:
    """That of the device; a task without models never imports torch."""
    torch = sys.modules.get("torch")
    return torch.OutOfMemoryError if torch else MemoryError
