"""What each run chose: the merge that each rule of `suite.statistics.choice` picks on the select items.

A run is looked at as it ended, and as it was after as many trials as the hand tuning tried merges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suite.report.load.results import Judged
from suite.statistics import choice, pareto


def chosen(
    judged: Sequence[Judged],
    losses: NDArray[np.float64],
    names: Sequence[str],
) -> dict[str, Judged]:
    """The chosen merges of a run, measured on the report items, by rule.

    Parameters
    ----------
    judged : sequence of Judged
        The run's judged merges on both splits.
    losses : ndarray, shape (n, m)
        Its search losses, of as many trials as count; NaN rows for failed trials.
    names : sequence of str
        The objectives' names.

    Returns
    -------
    dict of str to Judged
        Empty unless every merge that a rule may choose is judged on the select items; a rule whose
        choice is not measured on the report items yet is left out.
    """
    report = {line.number: line for line in judged if line.split == "report"}
    picks = choice.after(losses, _select(judged), names)
    return {rule: report[number] for rule, number in picks.items() if number in report}


def reported(
    judged: Sequence[Judged],
    losses: NDArray[np.float64],
    names: Sequence[str],
) -> tuple[Judged, ...]:
    """The run's front and chosen merges on the report items: those that its figures are made of.

    Empty while some of the front is not measured there yet: a part of it would count for less.
    """
    front = set(pareto.front(losses).tolist())
    counted = choice.counted(losses, _select(judged), names)
    found = tuple(line for line in judged if line.split == "report" and line.number in counted)
    return found if front <= {line.number for line in found} else ()


def _select(judged: Sequence[Judged]) -> dict[int, Sequence[float]]:
    return {
        n: line.losses
        for line in judged
        if line.split == "select" and (n := line.number) is not None
    }
