"""Several lm-eval tasks as one figure: the plain mean over tasks, every item's outcome kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import BadInput
from suite.evaluators.generation import Sample
from suite.evaluators.lm_eval.outcomes import Direction
from suite.evaluators.lm_eval_task import LmEvalTask
from suite.records.trial import Score


class LmEvalMean:
    """Several lm-eval tasks as one evaluator; their means as figures, the tasks' own beside them.

    `tasks` maps a figure to the options of its `LmEvalTask`: ``task``, ``metric``, ``splits`` and
    what else differs; `options` are for all tasks. The figure ``mean`` averages the tasks that have
    every split; `means` maps further figures to the tasks that each averages, given on the splits
    that all of these have. Only what every split has can be an objective.
    """

    def __init__(
        self,
        name: str,
        tasks: Mapping[str, Mapping[str, Any]],
        means: Mapping[str, Sequence[str]] | None = None,
        **options: Any,
    ) -> None:
        if not tasks:
            raise BadInput(f"evaluator {name!r}: tasks is empty; give figure: {{task, metric, …}}")
        _check(name, {"mean": tuple(tasks), **(means or {})}, tasks)
        self.name = name
        self._tasks = {
            key: _task(f"{name}.{key}", {**options, **own}) for key, own in tasks.items()
        }
        self.splits: dict[str, list[str]] = {}
        for key, task in self._tasks.items():
            for split, ids in task.splits.items():
                self.splits.setdefault(split, []).extend(f"{key}/{each}" for each in ids)
        every = tuple(
            key for key, task in self._tasks.items() if len(task.splits) == len(self.splits)
        )
        first = {"mean": every} if every else {}
        self.means = {**first, **{figure: tuple(of) for figure, of in (means or {}).items()}}
        self.figures = tuple(figure for figure, of in self._of().items() if set(of) <= set(every))
        self.directions = self._directions()

    @classmethod
    def files(cls, options: Mapping[str, Any]) -> dict[str, Path]:
        """The local files that its tasks read, each under the name of its figure."""
        common = {key: each for key, each in options.items() if key not in ("tasks", "means")}
        found = LmEvalTask.files(common)
        for figure, own in (options.get("tasks") or {}).items():
            named = LmEvalTask.files({**own, "name": figure})
            found |= {f"{figure}/{name}": path for name, path in named.items()}
        return found

    def evaluate(self, handle: Any, split: str) -> dict[str, Score]:
        """Scores by figure on the items of `split`: the tasks' in their order, task after task."""
        found = {
            key: task.evaluate(handle, split)[_FIGURE]
            for key, task in self._tasks.items()
            if split in task.splits
        }
        if not found:
            raise BadInput(
                f"evaluator {self.name!r}: no split {split!r}; there are {', '.join(self.splits)}"
            )
        means = {
            figure: mean([found[key] for key in of])
            for figure, of in self.means.items()
            if set(of) <= set(found)
        }
        return {**means, **found}

    def samples(self, handle: Any, split: str, count: int) -> list[Sample]:
        """`count` documents of `split`, the first ones of each task as evenly as can be."""
        here = [(key, task) for key, task in self._tasks.items() if split in task.splits]
        found: list[Sample] = []
        for place, (key, task) in enumerate(here[:count]):
            share = count // len(here) + (place < count % len(here))
            for each in task.samples(handle, split, share):
                outcome = {key: each.outcome[_FIGURE]}
                found.append(Sample(each.prompt, each.reply, each.expected, outcome, each.picture))
        return found

    def _of(self) -> dict[str, tuple[str, ...]]:
        return {**self.means, **{key: (key,) for key in self._tasks}}

    def _directions(self) -> dict[str, Direction]:
        """Of a mean, the one that its tasks agree on; `BadInput` when some are better lower."""
        ways = {key: task.directions.get(_FIGURE) for key, task in self._tasks.items()}
        found: dict[str, Direction] = {}
        for figure, of in self._of().items():
            known = {way for key in of if (way := ways[key]) is not None}
            if len(known) > 1:
                raise BadInput(
                    f"evaluator {self.name!r}: the mean {figure!r} is of metrics that are better"
                    " higher and of others that are better lower"
                )
            if known:
                found[figure] = known.pop()
        return found


_FIGURE = "score"


def mean(scores: Sequence[Score]) -> Score:
    """The plain mean of k tasks' scores, each task counting the same whatever its items.

    An outcome is weighted N / (k n), for n items of its task and N of all, so that the plain mean of
    the outcomes is the value: pairs of models are compared on them as on any others. The standard
    error is the stratified one, √(Σ stderr²) / k: which tasks there are is no accident.
    """
    k, total = len(scores), sum(score.n for score in scores)
    weighted = [outcome * (total / (k * s.n)) for s in scores for outcome in s.items]
    stderr = math.sqrt(sum(score.stderr**2 for score in scores)) / k
    return Score(float(np.mean(weighted)), stderr, total, tuple(weighted))


def _task(name: str, options: Mapping[str, Any]) -> LmEvalTask:
    given = dict(options)
    if "task" not in given or "metric" not in given or "splits" not in given:
        raise BadInput(f"evaluator {name!r}: each of tasks needs task, metric and splits")
    try:
        return LmEvalTask(name, metrics={_FIGURE: given.pop("metric")}, **given)
    except TypeError as error:
        raise BadInput(f"evaluator {name!r}: {error}") from None


def _check(name: str, means: Mapping[str, Sequence[str]], tasks: Mapping[str, Any]) -> None:
    for figure, of in means.items():
        if figure in tasks:
            raise BadInput(f"evaluator {name!r}: {figure!r} is a task and a mean")
        if unknown := [key for key in of if key not in tasks]:
            raise BadInput(
                f"evaluator {name!r}: the mean {figure!r} has no task {unknown[0]!r}; there are"
                f" {', '.join(tasks)}"
            )
        if not of or len(set(of)) < len(of):
            raise BadInput(f"evaluator {name!r}: the mean {figure!r} must name tasks, each once")
