"""lm-evaluation-harness tasks as evaluators, run on the merged model in memory.

Task objects are built once per split; the live model is wrapped once, so that weights replaced in
place are seen by the next evaluation. lm-eval is imported inside functions only. The folder
``lm_eval/`` beside this file holds our item sets as lm-eval tasks, for its command line as well.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators import items as item_sets
from suite.evaluators import lm_eval_items
from suite.evaluators.generation import Sample
from suite.evaluators.lm_eval_model import live_model, quiet
from suite.trial import Score

SHIPPED = Path(__file__).with_name("lm_eval")
FEWSHOT_SEED = 1234  # lm-eval's own default


class LmEvalTask:
    """One lm-eval task as an evaluator.

    `task` is a task's name in the folder `path` (null: the tasks shipped here, then all of lm-eval,
    whose index takes some 15 s to read). `metrics` maps our figures to lm-eval's per-item metrics,
    ``metric`` or ``metric,filter``. The items of a split come either from `items`, a folder with
    search.jsonl, select.jsonl and report.jsonl that replaces the task's data, or from `splits`:
    ``{search: {ids: "0:150"}, …}``, indices into the task's own documents (a list, or
    ``start:stop``), with an optional ``task`` for that split. Splits never share an item.
    """

    def __init__(
        self,
        name: str,
        task: str,
        metrics: Mapping[str, str],
        items: str | Path | None = None,
        splits: Mapping[str, Mapping[str, Any]] | None = None,
        path: str | Path | None = None,
        max_length: int | None = None,
    ) -> None:
        if (items is None) == (splits is None):
            raise BadInput(f"evaluator {name!r}: give either items or splits")
        if not metrics:
            raise BadInput(f"evaluator {name!r}: metrics is empty; give figure: lm-eval metric")
        if importlib.util.find_spec("lm_eval") is None:
            raise BadInput(
                f"evaluator {name!r}: lm_eval is not installed; pip install 'merge-suite[lm-eval]'"
            )
        self.name = name
        self._metrics = dict(metrics)
        self.figures = (*self._metrics, "tokens")
        self._max_length = max_length
        self._lm: Any = None
        with quiet():
            if items is not None:
                sets = item_sets.read_splits(Path(items))
                names = dict.fromkeys(sets, task)
                overrides = [lm_eval_items.data(content) for content in sets.values()]
            else:
                names, overrides = _names(splits or {}, task, name), [{}] * len(splits or {})
            built = _tasks(path, list(names.values()), name, overrides)
        self._tasks = dict(zip(names, built, strict=True))
        self._ids: dict[str, list[int]] | None = None
        if splits is not None:
            self._ids = {
                split: _indices(
                    splits[split].get("ids"),
                    len(each.eval_docs),
                    f"evaluator {name!r}, split {split}",
                )
                for split, each in self._tasks.items()
            }
            _check_disjoint(names, self._ids, name)

    def evaluate(self, handle: Any, split: str) -> dict[str, Score]:
        """Scores by figure on the items of `split`, in the order of the task's documents.

        `handle` needs a transformers `model`, a `tokenizer` and a `batch_size`.
        """
        logged = self._measure(handle, split)
        return {
            figure: Score.mean([value for _, value in self._outcomes(logged, metric)])
            for figure, metric in self._metrics.items()
        }

    def samples(self, handle: Any, split: str, count: int) -> list[Sample]:
        """The first `count` documents of `split`: prompt, raw reply, target and outcomes."""
        logged = self._measure(handle, split)
        outcomes = {figure: self._outcomes(logged, m) for figure, m in self._metrics.items()}
        return [
            Sample(
                prompt=str(sample["arguments"][0][0]),
                reply=str(sample["resps"][0][0]),
                expected=str(sample["target"]),
                outcome={figure: rows[index][1] for figure, rows in outcomes.items()},
            )
            for index, (sample, _) in enumerate(next(iter(outcomes.values()))[:count])
        ]

    def _measure(self, handle: Any, split: str) -> list[dict[str, Any]]:
        """lm-eval's logged samples: one per document and filter."""
        from lm_eval.evaluator import evaluate

        if split not in self._tasks:
            raise BadInput(
                f"evaluator {self.name!r}: no split {split!r}; there are {', '.join(self._tasks)}"
            )
        task = self._tasks[split]
        if self._lm is None or self._lm.model is not handle.model:
            self._lm = live_model(handle, self._max_length)
        # Drawn anew for each candidate: every one of them must see the same examples.
        task.set_fewshot_seed(FEWSHOT_SEED)
        with quiet():
            result = evaluate(
                lm=self._lm,
                task_dict={"tasks": {task.task_name: task}, "groups": {}, "group_map": {}},
                samples={task.task_name: self._ids[split]} if self._ids else None,
                bootstrap_iters=0,
                log_samples=True,
            )
        logged: list[dict[str, Any]] = result["samples"][task.task_name]
        return logged

    def _outcomes(
        self, logged: Sequence[dict[str, Any]], metric: str
    ) -> list[tuple[dict[str, Any], float]]:
        """Each document's sample and its value of ``metric[,filter]``, by document index."""
        key, _, wanted = metric.partition(",")
        filters = list(dict.fromkeys(sample["filter"] for sample in logged))
        if wanted not in filters and (wanted or len(filters) > 1):
            raise BadInput(
                f"evaluator {self.name!r}: metric {metric!r} names no filter of the task;"
                f" give {key},FILTER with one of {', '.join(filters)}"
            )
        kept = [sample for sample in logged if not wanted or sample["filter"] == wanted]
        kept.sort(key=lambda sample: int(sample["doc_id"]))
        if key not in kept[0]["metrics"]:
            raise BadInput(
                f"evaluator {self.name!r}: no metric {key!r}; the task gives"
                f" {', '.join(kept[0]['metrics'])}"
            )
        try:
            return [(sample, float(sample[key])) for sample in kept]
        except (TypeError, ValueError):
            raise BadInput(
                f"evaluator {self.name!r}: metric {key!r} has no number per item"
            ) from None


def _names(splits: Mapping[str, Mapping[str, Any]], task: str, evaluator: str) -> dict[str, str]:
    """The lm-eval task of each split."""
    for split, spec in splits.items():
        if unknown := sorted(set(spec) - {"task", "ids"}):
            raise BadInput(
                f"evaluator {evaluator!r}, split {split}: unknown key {unknown[0]!r};"
                " allowed are task, ids"
            )
    return {split: str(spec.get("task", task)) for split, spec in splits.items()}


def _tasks(
    path: str | Path | None, names: Sequence[str], evaluator: str, overrides: Sequence[Any]
) -> list[Any]:
    """One task object per name, built with the settings that override its file's."""
    from lm_eval.tasks import TaskManager

    folder = SHIPPED if path is None else Path(path)
    if not folder.is_dir():
        raise BadInput(f"evaluator {evaluator!r}: path {folder} is not a folder of task YAMLs")
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    if path is None and not set(names) <= set(manager.all_subtasks):
        manager = TaskManager()
    if missing := sorted(set(names) - set(manager.all_subtasks)):
        where = "lm-eval" if path is None else f"{folder}: {', '.join(manager.all_subtasks)}"
        raise BadInput(f"evaluator {evaluator!r}: {missing[0]!r} is not a single task of {where}")
    # Only as a member of a group does lm-eval let a registered task's settings be overridden.
    groups = [
        {"group": "suite", "task": [{"task": name, **more}]}
        for name, more in zip(names, overrides, strict=True)
    ]
    return [manager.load(group)["tasks"][name] for group, name in zip(groups, names, strict=True)]


def _indices(ids: Any, count: int, where: str) -> list[int]:
    """Document indices, ascending as lm-eval visits them; None is all of them."""
    if ids is None:
        return list(range(count))
    try:
        if isinstance(ids, str):
            start, stop = (int(bound) for bound in ids.split(":"))
            found = list(range(start, stop))
        else:
            found = sorted({int(index) for index in ids})
    except (TypeError, ValueError):
        raise BadInput(f"{where}: ids {ids!r} is neither a list nor 'start:stop'") from None
    if not found or found[0] < 0 or found[-1] >= count:
        raise BadInput(f"{where}: ids {ids!r} must lie within the task's {count} documents")
    return found


def _check_disjoint(names: Mapping[str, str], ids: Mapping[str, list[int]], evaluator: str) -> None:
    seen: dict[tuple[str, int], str] = {}
    for split, name in names.items():
        for index in ids[split]:
            if (other := seen.setdefault((name, index), split)) != split:
                raise BadInput(
                    f"evaluator {evaluator!r}: document {index} of {name} is in {other} and in"
                    f" {split}; splits must be disjoint"
                )
