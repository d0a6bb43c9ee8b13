"""What `suite reproduce` was asked for: its words, and the published rows that they select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from suite import resources
from suite.assembly import compose
from suite.assembly.spec import RunSpec
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput
from suite.reproduce import published
from suite.reproduce.published import Figure, Row

DRY = "--dry-run"
ENGINE = "transformers"
_ONLY, _LIMIT, _TASK = "only=", "limit_items=", "task="


@dataclass(frozen=True)
class Asked:
    """The words of a command: row names, items of a subset, tasks, and what Hydra composes."""

    dry: bool
    only: tuple[str, ...] | None
    limit: int | None
    task: str | None
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Selected:
    """A task, as `suite run` would have it, and those of its rows that were asked for."""

    run: RunSpec
    rows: tuple[Row, ...]

    @property
    def task(self) -> TaskSpec:
        return self.run.task

    def figures(self, row: Row) -> dict[str, list[Figure]]:
        """The row's figures that can be measured here, by evaluator; none where nothing can be loaded.

        Figures that are not comparable for their settings alone are measured too, beside the others.
        """
        names = {each.name for each in self.task.evaluators.values()}
        found: dict[str, list[Figure]] = {}
        for figure in row.figures if row.loadable else ():
            evaluator = figure.metric.partition(".")[0]
            if evaluator in names:
                found.setdefault(evaluator, []).append(figure)
            elif figure.why_not is None:
                raise BadInput(
                    f"{row.file}: no evaluator {evaluator!r} measures {figure.metric!r};"
                    f" the task's are {', '.join(sorted(names))}"
                )
        return found


def read(words: Sequence[str]) -> Asked:
    """Take the words apart; `BadInput` for a limit that is none."""
    rest = [word for word in words if word != DRY]
    only, rest = _taken(rest, _ONLY)
    limit, rest = _taken(rest, _LIMIT)
    task, rest = _taken(rest, _TASK)
    if limit is not None and not (limit.isdecimal() and int(limit) > 0):
        raise BadInput(f"limit_items={limit}: must be a whole number, 1 or more")
    names = None
    if only is not None:
        names = tuple(name.strip() for name in only.strip("[]").split(",") if name.strip())
        if not names:
            raise BadInput("only=[]: name one row or more")
    return Asked(DRY in words, names, None if limit is None else int(limit), task, tuple(rest))


def _taken(words: list[str], start: str) -> tuple[str | None, list[str]]:
    """The value of the last word that begins with `start`, and the other words."""
    found = [word.removeprefix(start) for word in words if word.startswith(start)]
    return found[-1] if found else None, [w for w in words if not w.startswith(start)]


def select(asked: Asked) -> list[Selected]:
    """The rows of the task, or of all tasks that have published rows; `BadInput` for unknown names."""
    found = []
    for name in [asked.task] if asked.task else tasks():
        run = compose.compose([f"task={name}", *asked.overrides])
        if run.engine != ENGINE:
            raise BadInput(
                f"engine={run.engine}: published scores are measured with {ENGINE} alone"
            )
        rows = _rows(run.task)
        if asked.task and not rows:
            raise BadInput(
                f"task {name}: no published rows; tasks that have some are {', '.join(tasks())}"
            )
        found.append(Selected(run, tuple(rows.values())))
    if asked.only is None:
        return found
    known = [each for selected in found for row in selected.rows for each in _names(selected, row)]
    if unknown := [name for name in asked.only if name not in known]:
        there = ", ".join(dict.fromkeys(name for name in known if "/" not in name))
        raise BadInput(f"only: no published row {unknown[0]!r}; there are {there}")
    kept = [
        replace(
            each,
            rows=tuple(row for row in each.rows if {*_names(each, row)} & {*asked.only}),
        )
        for each in found
    ]
    return [selected for selected in kept if selected.rows]


def tasks() -> list[str]:
    """The tasks that are named like a folder of baselines with published rows."""
    folders = sorted(path for path in resources.data("baselines").iterdir() if path.is_dir())
    return [folder.name for folder in folders if published.rows(folder)]


def _rows(task: TaskSpec) -> dict[str, Row]:
    folder, models = task.baselines, task.models
    rows = published.rows(resources.data("baselines") / folder) if folder else {}
    for row in rows.values():
        if row.own and row.model is not None and row.model not in models:
            raise BadInput(
                f"{row.file}: model {row.model!r} is not of the task: {', '.join(models)}"
            )
    return rows


def _names(selected: Selected, row: Row) -> tuple[str, str]:
    return row.name, f"{selected.task.name}/{row.name}"
