"""lm-evaluation-harness tasks as evaluators, run on the merged model in memory.

Task objects are built once per split; the live model is wrapped once, so that weights replaced in
place are seen by the next evaluation. lm-eval is imported inside functions only. The folder
``lm_eval/`` beside this file holds our item sets as lm-eval tasks, for its own command line as well.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite import places
from suite.errors import BadInput
from suite.evaluators import items as item_sets
from suite.evaluators.generation import Sample
from suite.evaluators.items import Item
from suite.evaluators.scorers import SCORERS, Scorer
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
            raise BadInput(f"evaluator {name!r}: lm_eval is not installed; pip install 'lm-eval[hf]'")
        self.name = name
        self._metrics = dict(metrics)
        self._max_length = max_length
        self._ids: dict[str, list[int] | None]
        self._tasks: dict[str, Any]
        self._lm: Any = None
        with _quiet():
            if items is not None:
                manager = _manager(path, [task], name)
                sets = item_sets.read_splits(Path(items))
                self._ids = dict.fromkeys(sets)
                self._tasks = {
                    split: _load(manager, task, _data_overrides(docs)) for split, docs in sets.items()
                }
            else:
                chosen = {split: dict(spec) for split, spec in (splits or {}).items()}
                names = {split: spec.get("task", task) for split, spec in chosen.items()}
                self._ids = _check_ids(chosen, names, name)
                manager = _manager(path, list(names.values()), name)
                built = {each: _load(manager, each, {}) for each in dict.fromkeys(names.values())}
                self._tasks = {split: built[each] for split, each in names.items()}
                _check_range(self._ids, self._tasks, name)

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
        task, ids = self._tasks[split], self._ids[split]
        if self._lm is None or self._lm.model is not handle.model:
            with _quiet():
                self._lm = _live_model()(
                    pretrained=handle.model,
                    tokenizer=handle.tokenizer,
                    batch_size=handle.batch_size,
                    max_length=self._max_length,
                )
        # Drawn anew for each candidate: every one of them must see the same examples.
        task.set_fewshot_seed(FEWSHOT_SEED)
        with _quiet():
            result = evaluate(
                lm=self._lm,
                task_dict={"tasks": {task.task_name: task}, "groups": {}, "group_map": {}},
                samples=None if ids is None else {task.task_name: ids},
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


def items_task(name: str, items: Sequence[Item], scorer: str, max_new_tokens: int) -> Any:
    """An item set and one of our scorers as an lm-eval `ConfigurableTask`, without any file.

    Prompts, greedy decoding and scoring are those of `GenerationEvaluator`.
    """
    from lm_eval.api.task import ConfigurableTask

    figures = SCORERS[scorer]("", items[0])
    config = {
        "task": name,
        **_data_overrides(items),
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}\n",
        "doc_to_target": "expected",
        "process_results": _scored(SCORERS[scorer]),
        "generation_kwargs": {"do_sample": False, "max_gen_toks": max_new_tokens, "until": []},
        "metric_list": [
            {"metric": figure, "aggregation": "mean", "higher_is_better": True}
            for figure in figures
        ],
        "num_fewshot": 0,
    }
    with _quiet():
        return ConfigurableTask(config=config)


def dataset(items: str, **_: Any) -> dict[str, Any]:
    """The splits of an item folder, for ``custom_dataset`` in a task's YAML; leaves no cache."""
    splits = item_sets.read_splits(places.resolve(items))
    return {split: _documents(content) for split, content in splits.items()}


def _scored(scorer: Scorer) -> Callable[[dict[str, str], list[str]], dict[str, float]]:
    def process_results(doc: dict[str, str], results: list[str]) -> dict[str, float]:
        return scorer(results[0], Item(doc["id"], doc["prompt"], doc["expected"]))

    return process_results


# For ``process_results: !function …`` in a task's YAML.
maths, maths_ja, exact = (_scored(SCORERS[name]) for name in ("maths", "maths_ja", "exact"))


def _documents(items: Sequence[Item]) -> Any:
    import datasets

    rows = [{"id": i.id, "prompt": i.prompt, "expected": i.expected} for i in items]
    return datasets.Dataset.from_list(rows)


def _data_overrides(items: Sequence[Item]) -> dict[str, Any]:
    """The part of a task's configuration that replaces its data by `items`."""
    documents = _documents(items)
    none = dict.fromkeys(("training_split", "validation_split", "fewshot_split"))
    return {"custom_dataset": lambda **_: {"test": documents}, "test_split": "test", **none}


def _manager(path: str | Path | None, names: Sequence[str], evaluator: str) -> Any:
    """A task index that holds every task of `names`."""
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
    return manager


def _load(manager: Any, task: str, overrides: Mapping[str, Any]) -> Any:
    if not overrides:
        return manager.load(task)["tasks"][task]
    # Only a member of a group may override a registered task's settings.
    group = {"group": "suite", "task": [{"task": task, **overrides}]}
    return manager.load(group)["tasks"][task]


def _check_ids(
    splits: Mapping[str, Mapping[str, Any]], tasks: Mapping[str, str], evaluator: str
) -> dict[str, list[int] | None]:
    """Document indices by split, ascending as lm-eval visits them; None is all of the task."""
    ids: dict[str, list[int] | None] = {}
    seen: dict[tuple[str, int | None], str] = {}
    for split, spec in splits.items():
        where = f"evaluator {evaluator!r}, split {split}"
        if unknown := sorted(set(spec) - {"task", "ids"}):
            raise BadInput(f"{where}: unknown key {unknown[0]!r}; allowed are task, ids")
        ids[split] = _indices(spec.get("ids"), where)
        for index in ids[split] or [None]:
            whole = [other for (task, _), other in seen.items() if task == tasks[split]]
            other = seen.get((tasks[split], index)) or seen.get((tasks[split], None))
            other = other or (whole[0] if whole and index is None else None)
            if other and other != split:
                raise BadInput(f"{where}: document {index} is in {other} too; splits are disjoint")
            seen[tasks[split], index] = split
    return ids
