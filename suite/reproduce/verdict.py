"""Whether a measurement reproduces a published figure: told in standard errors, never by eye."""

from __future__ import annotations

import math
from dataclasses import dataclass

from suite.records.trial import Score
from suite.reproduce.published import Figure


@dataclass(frozen=True)
class Verdict:
    """The outcome in `words`, with the difference in the figure's unit and in standard errors.

    Both are None where nothing was measured. `stderr` is the standard error that was used.
    """

    words: str
    difference: float | None = None
    stderr: float | None = None
    sigmas: float | None = None


def compare(
    figure: Figure, score: Score | None, subset: int | None = None, not_run: str | None = None
) -> Verdict:
    """The verdict on `figure`, given its `score`, or `not_run`, the reason why there is none.

    Without either the figure is one that nothing here measures. With a `subset` of so many items
    nothing is called reproduced, and what differs is labelled.
    """
    label = "" if subset is None else f"subset of {subset}; "
    if score is None:
        if not_run is not None:
            return Verdict(f"not run: {not_run}")
        return Verdict(f"not comparable: {figure.why_not}")
    stderr = standard_error(score, figure.value)
    difference = score.value - figure.value
    sigmas = difference / stderr
    why_not = figure.why_not
    if why_not is None and subset is None and figure.items not in (None, score.n):
        why_not = f"{score.n} items here, {figure.items} published"
    if why_not is not None:
        words = f"{label}not comparable: {why_not}"
    elif subset is not None:
        words = f"subset of {subset}: {sigmas:+.1f} σ"
    elif abs(sigmas) <= figure.sigma:
        words = "reproduced"
    else:
        words = f"off by {sigmas:+.1f} σ"
    return Verdict(words, difference, stderr, sigmas)


def standard_error(score: Score, published: float) -> float:
    """The standard error of `score`; where all its items agree, the largest that `published` allows.

    Outcomes in [0, 1] with mean p have a variance of at most p (1 − p) (Bhatia and Davis 2000), so
    that a model that solves nothing, whose own standard error is 0, is told apart from a published
    p > 0 by √(p (1 − p) / n). One item, 1/n, is the least.
    """
    if score.stderr > 0:
        return score.stderr
    spread = published * (1 - published) if 0 < published < 1 else 0.0
    return max(math.sqrt(spread / score.n), 1 / score.n)
