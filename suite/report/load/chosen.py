"""What the rules of `suite.statistics.choice` take home: of each run, and of the hand tuning.

Both choose on the select items, and what is chosen is then measured on the report items. A run is
looked at as it ended, and as it was after as many trials as the hand tuning tried merges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.report.load.results import HandTuned, Judged, Stage
from suite.statistics import choice, pareto


def chosen(
    judged: Sequence[Judged],
    losses: NDArray[np.float64],
    names: Sequence[str],
) -> dict[str, Judged]:
    """Find the chosen merges of a run, as measured on the report items.

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
        By rule. Empty unless every merge that a rule may choose is judged on the select items; a rule
        whose choice is not measured on the report items yet is left out.
    """
    report = {line.number: line for line in judged if line.split == "report"}
    picks = choice.after(losses, _select(judged), names)
    return {rule: report[number] for rule, number in picks.items() if number in report}


def reported(
    judged: Sequence[Judged],
    losses: NDArray[np.float64],
    names: Sequence[str],
) -> tuple[Judged, ...]:
    """Find the run's front and chosen merges on the report items: those that its figures are made of.

    Parameters
    ----------
    judged : sequence of Judged
        The run's judged merges on both splits.
    losses : ndarray, shape (n, m)
        Its search losses; NaN rows for failed trials.
    names : sequence of str
        The objectives' names.

    Returns
    -------
    tuple of Judged
        Empty while some of the front is not measured there yet: a part of it would count for less.
    """
    front = set(pareto.front(losses).tolist())
    counted = choice.counted(losses, _select(judged), names)
    measured = tuple(line for line in judged if line.split == "report" and line.number in counted)
    return measured if front <= {line.number for line in measured} else ()


def _select(judged: Sequence[Judged]) -> dict[int, Sequence[float]]:
    return {
        n: line.losses
        for line in judged
        if line.split == "select" and (n := line.number) is not None
    }


def hand_tuned(
    stored: Mapping[str, Any], judged: Sequence[Judged], names: Sequence[str]
) -> HandTuned | None:
    """Put together the hand tuning of a task from what `suite tune` measured.

    Parameters
    ----------
    stored : mapping of str to object
        What ``rule.yaml`` holds: stages by name with their numbers of candidates, and how many
        candidates there are in all.
    judged : sequence of Judged
        The measured merges on both splits.
    names : sequence of str
        The objectives' names.

    Returns
    -------
    HandTuned or None
        None while the tuning is not at its end.
    """
    select = {line.number: line.losses for line in judged if line.split == "select"}
    report = {line.number: line for line in judged if line.split == "report"}
    if len(select) < stored["candidates"]:
        return None
    stages, end = [], 0
    for name, count in stored["stages"].items():
        end += count
        if not count:
            continue
        picks = choice.choose({n: v for n, v in select.items() if n is not None and n < end}, names)
        if any(number not in report for number in picks.values()):
            return None
        stages.append(Stage(name, end, {rule: report[n] for rule, n in picks.items()}))
    numbers = sorted(n for n in select if n is not None)
    front = [numbers[i] for i in pareto.front([select[n] for n in numbers])]
    return HandTuned(tuple(stages), tuple(report[n] for n in front if n in report))


@dataclass(frozen=True)
class StageRow:
    """A stage of the hand tuning: a line of ``hand_tuned.csv``.

    Attributes
    ----------
    stage : str
    candidates : int
        Merges tried by then.
    rule : str
    merge : str
        What the rule takes home by then.
    objective : str
    score, stderr : float
        Of the merge on the report items, in the objective's natural unit.
    """

    stage: str
    candidates: int
    rule: str
    merge: str
    objective: str
    score: float
    stderr: float


def stage_rows(tuned: HandTuned | None, objectives: Sequence[Any]) -> list[StageRow]:
    """List what was taken home, by stage, rule and objective.

    Parameters
    ----------
    tuned : HandTuned or None
    objectives : sequence of Objective

    Returns
    -------
    list of StageRow
        Empty without a hand tuning.
    """
    return [
        StageRow(
            stage=stage.name,
            candidates=stage.candidates,
            rule=rule,
            merge=pick.name,
            objective=objective.name,
            score=pick.scores[objective.metric].value,
            stderr=pick.scores[objective.metric].stderr,
        )
        for stage in (tuned.stages if tuned else ())
        for rule, pick in stage.chosen.items()
        for objective in objectives
    ]


def taken_home(rows: Sequence[StageRow]) -> dict[tuple[str, str, int, str], list[StageRow]]:
    """Group rows where a stage found another merge than before.

    Parameters
    ----------
    rows : sequence of StageRow
        Those of `stage_rows`.

    Returns
    -------
    dict of (str, str, int, str) to list of StageRow
        By rule, stage, candidates and merge.
    """
    groups: dict[tuple[str, str, int, str], list[StageRow]] = {}
    last: dict[str, tuple[str, str]] = {}  # by rule: the merge, and the stage that found it
    for row in rows:
        if last.get(row.rule, ("", ""))[0] != row.merge:
            last[row.rule] = (row.merge, row.stage)
        if last[row.rule] == (row.merge, row.stage):
            groups.setdefault((row.rule, row.stage, row.candidates, row.merge), []).append(row)
    return dict(sorted(groups.items(), key=lambda each: list(last).index(each[0][0])))
