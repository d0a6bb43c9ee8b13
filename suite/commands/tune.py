"""`suite tune`: tune by hand, by rule: published defaults and small stated grids on the select items.

Every merge of `suite.search.hand_tuning` is measured once on the select items. After each stage the
rules of `suite.statistics.choice` say which merge a person would take home by then; those merges, and
the front of all, are measured on the report items. Searches are compared with them, at the cost in
candidates that is printed. Lines go to ``<results>/<task>/hand_tuned/judged.jsonl``; the command
continues where it stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.assembly import assemble, compose, identity, spaces
from suite.errors import BadInput, Busy
from suite.records import files
from suite.records.hand_tuning import HandTuningFolder
from suite.records.judged import Line
from suite.records.task_folder import TaskFolder
from suite.search import hand_tuning
from suite.search.hand_tuning import STAGES, Tried
from suite.search.judging import Judged
from suite.search.measuring import Failure, not_measured
from suite.statistics import choice, pareto

if TYPE_CHECKING:
    from suite.search.task import Task


def main(words: list[str]) -> None:
    """Tune ``task=… results=… [hand_tuning=…]`` by hand; prints the merges it comes to."""
    wanted = compose.compose(words[1:])
    spec, rule = wanted.task, wanted.hand_tuning
    if spec.problem is not None:
        raise BadInput(f"task {spec.name}: it has no models, and nothing to tune by hand")
    now = spaces.with_picked_parts(identity.pinned(wanted))
    sources = [name for name in spec.models if name != spec.base]
    tried = hand_tuning.plan(rule, sources, spec.base, assemble.baselines(now))
    folder = TaskFolder.at(wanted.results, spec.name).hand_tuning
    files.make_writable(folder.path)
    with files.alone(folder.path) as alone:
        if not alone:
            raise Busy(f"{folder.path}: another process is tuning this task")
        _begin(folder, hand_tuning.stored(rule, tried, identity.inputs(now)))
        task = assemble.task(now)
        _tune(task, tried, Judged(task, folder.judged))


def _begin(folder: HandTuningFolder, now: dict[str, Any]) -> None:
    """Write what the tuning is, or refuse a folder that holds another one."""
    before = folder.rule()
    if before is not None and before != now:
        changed = sorted(key for key in now if before.get(key) != now[key])
        raise BadInput(
            f"{folder.path}: tuned before with other {', '.join(changed)}; move the folder away to"
            " tune anew"
        )
    folder.write_rule(now)


def _tune(task: Task, tried: Sequence[Tried], judged: Judged) -> None:
    from rich.console import Console
    from rich.progress import Progress

    names = [objective.name for objective in task.objectives]
    failures: list[str] = []
    with Progress(console=Console(stderr=True)) as bar:

        def measured(merges: Sequence[Tried], split: str) -> dict[int, Line]:
            found: dict[int, Line] = {}
            for each in bar.track(merges, description=f"{split} items"):
                model = {"source": "hand_tuned", "name": each.name, "number": each.number}
                line = judged.measure({**model, "stage": each.stage}, each.recipe, split)
                if isinstance(line, Failure):
                    failures.append(not_measured(each.name, split, line))
                else:
                    found[each.number] = line
            return found

        select = {number: line["losses"] for number, line in measured(tried, "select").items()}
        chosen = taken(tried, select, names)
        numbers = sorted(select)
        losses = np.array([select[number] for number in numbers]).reshape(-1, len(names))
        front = [numbers[i] for i in pareto.front(losses)]
        wanted = sorted({*front, *(n for by_rule in chosen.values() for n in by_rule.values())})
        report = measured([tried[number] for number in wanted], "report")
    _tell(task, tried, chosen, report)
    for failure in failures:
        print(f"suite: {failure}", file=sys.stderr)


def taken(
    tried: Sequence[Tried], select: Mapping[int, Sequence[float]], names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Which merge each rule chooses after each stage, among all that were tried by then.

    Those without losses in `select`, which could not be measured, nobody chooses.
    """
    found = {}
    for stage in STAGES:
        by_then = [e.number for e in tried if STAGES.index(e.stage) <= STAGES.index(stage)]
        measured = {n: select[n] for n in by_then if n in select}
        if measured and any(each.stage == stage for each in tried):
            found[stage] = choice.choose(measured, names)
    return found


def _tell(
    task: Task,
    tried: Sequence[Tried],
    chosen: Mapping[str, Mapping[str, int]],
    report: Mapping[int, Line],
) -> None:
    """A table: by rule and stage the merge that would be taken home, on the report items."""
    from rich.console import Console
    from rich.table import Table

    from suite.report.rows.formats import digits, scale

    table = Table(title="hand-tuned merges on the report items", title_justify="left")
    for column in ("rule", "stage", "candidates", "merge", *(o.name for o in task.objectives)):
        table.add_column(column, overflow="fold")
    for rule in choice.rules([objective.name for objective in task.objectives]):
        before = None
        for stage, by_rule in chosen.items():
            if by_rule[rule] == before or by_rule[rule] not in report:
                continue  # the stage found nothing better, or what cannot be measured
            before, line = by_rule[rule], report[by_rule[rule]]
            cost = sum(STAGES.index(each.stage) <= STAGES.index(stage) for each in tried)
            cells = []
            for objective in task.objectives:
                score, k = line["scores"][objective.metric], scale(objective)
                places = digits(objective)
                cells.append(f"{k * score['value']:.{places}f} ± {k * score['stderr']:.{places}f}")
            table.add_row(rule, stage.replace("_", " "), str(cost), line["name"], *cells)
        table.add_section()
    Console().print(table)
    print(f"{len(tried)} candidates in all; a stage that is not listed found nothing better")
