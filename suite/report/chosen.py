"""What each run chose: the merge that each rule of `suite.choice` picks on the select items.

A run is looked at as it ended, and as it was after as many trials as the hand tuning tried merges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from suite import choice, pareto
from suite.report.results import Judged


def chosen(
    judged: Sequence[Judged], losses: NDArray[np.float64], names: Sequence[str], end: int
) -> dict[str, Judged]:
    """The chosen merges of a run after `end` trials, measured on the report items, by rule.

    Parameters
    ----------
    judged : sequence of Judged
        The run's judged merges on both splits.
    losses : ndarray, shape (n, m)
        Its search losses; NaN rows for failed trials.
    names : sequence of str
        The objectives' names.
    end : int
        How many trials count.

    Returns
    -------
    dict of str to Judged
        Empty unless every merge that a rule may choose is judged on the select items; a rule whose
        choice is not measured on the report items yet is left out.
    """
    select = {line.number: line.losses for line in judged if line.split == "select"}
    report = {line.number: line for line in judged if line.split == "report"}
    ranked = choice.candidates(losses[:end])
    if not ranked or any(number not in select for number in ranked):
        return {}
    picks = choice.choose({number: select[number] for number in ranked}, names)
    return {rule: report[number] for rule, number in picks.items() if number in report}


def reported(
    judged: Sequence[Judged], losses: NDArray[np.float64], picks: Mapping[str, Judged]
) -> tuple[Judged, ...]:
    """The run's front and chosen merges on the report items: those that its figures are made of."""
    counted = {*pareto.front(losses).tolist(), *(pick.number for pick in picks.values())}
    return tuple(line for line in judged if line.split == "report" and line.number in counted)
