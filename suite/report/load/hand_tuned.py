"""The hand tuning of a task, read from what `suite tune` measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.report.load.results import HandTuned, Judged, Stage
from suite.statistics import choice, pareto


def read(
    stored: Mapping[str, Any], judged: Sequence[Judged], names: Sequence[str]
) -> HandTuned | None:
    """The hand tuning of ``rule.yaml`` and its judged merges; None while it is not at its end."""
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
    """A stage of the hand tuning: after `candidates` merges a rule takes `merge` home; report items."""

    stage: str
    candidates: int
    rule: str
    merge: str
    objective: str
    score: float
    stderr: float


def stage_rows(tuned: HandTuned | None, objectives: Sequence[Any]) -> list[StageRow]:
    """One row per rule, stage and objective; none without a hand tuning."""
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
    """`stage_rows` by rule, stage, candidates and merge, where a stage found another merge than before."""
    found: dict[tuple[str, str, int, str], list[StageRow]] = {}
    last: dict[str, tuple[str, str]] = {}  # by rule: the merge, and the stage that found it
    for row in rows:
        if last.get(row.rule, ("", ""))[0] != row.merge:
            last[row.rule] = (row.merge, row.stage)
        if last[row.rule] == (row.merge, row.stage):
            found.setdefault((row.rule, row.stage, row.candidates, row.merge), []).append(row)
    return dict(sorted(found.items(), key=lambda each: list(last).index(each[0][0])))
