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

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.datasets.items import SPLITS
from suite.evaluators.generation import THUMBNAIL, Sample
from suite.evaluators.lm_eval import data as local_data
from suite.evaluators.lm_eval import documents, model, shots, vision
from suite.evaluators.lm_eval import items as lm_eval_items
from suite.evaluators.lm_eval import outcomes as lm_eval_outcomes
from suite.evaluators.lm_eval import splits as lm_eval_splits
from suite.evaluators.lm_eval.model import quiet
from suite.evaluators.lm_eval.outcomes import Direction
from suite.evaluators.lm_eval.source import SHIPPED as SHIPPED
from suite.evaluators.lm_eval.source import Source
from suite.evaluators.lm_eval.vision import Shown
from suite.records.trial import Score


class LmEvalTask:
    """One lm-eval task as an evaluator.

    `task` is a task's name in the folder `path` (null: the tasks shipped here, then all of lm-eval).
    `metrics` maps our figures to lm-eval's per-item metrics, ``metric`` or ``metric,filter``. The
    items of a split come either from `items`, a folder with search.jsonl, select.jsonl and
    report.jsonl that replaces the task's data, or from `splits`: ``{search: {from: train, ids:
    "0:150"}, …}``. There ``from`` names the split of the data set (null: the one that lm-eval
    evaluates), ``ids`` which of its documents, by index, by a column's values or drawn
    (`lm_eval_splits.documents`), and ``task`` may name another task for that split. Splits never
    share a document, what is asked, nor a picture.

    `num_fewshot` examples (null: the task's own number) precede each document, drawn as lm-eval
    draws them, the same for every candidate; none is a document of its split or of one after it.
    `data` replaces the data set by local files (`lm_eval_data.read`); `revision` pins the Hub's.

    A task with pictures needs a handle that sees (``task.vlm``) and generates its replies: lm-eval
    has no log-likelihoods of replies about pictures. `apply_chat_template` puts prompts into the
    chat template of the model, after `system_instruction`. `max_length` bounds prompt and reply in
    tokens, `batch_size` the prompts of a forward pass (null: the handle's); `model_args` may set
    what lm-eval's class ``hf-multimodal`` knows about pictures (`lm_eval_vision.OPTIONS`).
    """

    def __init__(
        self,
        name: str,
        task: str,
        metrics: Mapping[str, str],
        items: str | Path | None = None,
        splits: Mapping[str, Mapping[str, Any]] | None = None,
        path: str | Path | None = None,
        num_fewshot: int | None = None,
        data: Mapping[str, Any] | None = None,
        revision: str | None = None,
        max_length: int | None = None,
        batch_size: int | None = None,
        apply_chat_template: bool = False,
        system_instruction: str | None = None,
        model_args: Mapping[str, Any] | None = None,
    ) -> None:
        _check(name, metrics, items, splits, data or revision, model_args or {})
        self.name, self._metrics, self.figures = name, dict(metrics), tuple(metrics)
        self._max_length, self._model_args = max_length, dict(model_args or {})
        self._batch = {} if batch_size is None else {"batch_size": batch_size}
        self._chat, self._system = apply_chat_template, system_instruction
        self._lm: Any = None
        source = Source(name, path, num_fewshot, data, revision)
        with quiet(), model.compiled():
            self.splits, self._tasks = _built(source, task, items, splits or {})
            for each in self._tasks.values():
                for metric in self._metrics.values():
                    lm_eval_outcomes.check(each, metric, name)

    @property
    def directions(self) -> dict[str, Direction]:
        """Which way each figure is better, where lm-eval says so of its metric."""
        task = next(iter(self._tasks.values()))
        found = {f: lm_eval_outcomes.direction(task, m) for f, m in self._metrics.items()}
        return {figure: way for figure, way in found.items() if way is not None}

    @classmethod
    def files(cls, options: Mapping[str, Any]) -> dict[str, Path]:
        """The local files of items or data that a task with these options reads, by name.

        None of a data set of the Hub's, which `revision` pins.
        """
        if options.get("items") is not None:
            return item_sets.files(resources.resolve(str(options["items"])))
        if not options.get("data"):
            return {}
        return local_data.files(options["data"], f"evaluator {options.get('name')!r}")

    def evaluate(self, handle: Any, split: str) -> dict[str, Score]:
        """Scores by figure on the items of `split`, in the order of the task's documents.

        `handle` needs a transformers `model`, a `tokenizer` and a `batch_size`.
        """
        logged = self._measure(handle, split)
        return {
            figure: Score.mean([value for _, value in self._outcomes(split, logged, metric)])
            for figure, metric in self._metrics.items()
        }

    def samples(self, handle: Any, split: str, count: int) -> list[Sample]:
        """The first `count` documents of `split`: prompt, raw reply, target and outcomes."""
        logged = self._measure(handle, split)
        outcomes = {f: self._outcomes(split, logged, m) for f, m in self._metrics.items()}
        return [
            Sample(
                prompt=str(sample["arguments"][0][0]),
                reply=str(sample["resps"][0][0]),
                expected=str(sample["target"]),
                outcome={figure: rows[index][1] for figure, rows in outcomes.items()},
                picture=_thumbnail(sample["arguments"][0]),
            )
            for index, (sample, _) in enumerate(next(iter(outcomes.values()))[:count])
        ]

    def _outcomes(
        self, split: str, logged: Sequence[dict[str, Any]], metric: str
    ) -> list[lm_eval_outcomes.Outcome]:
        return lm_eval_outcomes.of(self._tasks[split], logged, metric, self.name)

    def _measure(self, handle: Any, split: str) -> list[dict[str, Any]]:
        """lm-eval's logged samples: one per document and filter."""
        from lm_eval.evaluator import evaluate

        if split not in self._tasks:
            raise BadInput(
                f"evaluator {self.name!r}: no split {split!r}; there are {', '.join(self._tasks)}"
            )
        task = self._tasks[split]
        self._prepare(handle, task)
        named = str(task.config.task)  # `task_name` draws a random number each time it is read
        task.set_fewshot_seed(model.SEED)  # every candidate sees the same examples
        with quiet(), model.compiled(), model.fair(), model.thrifty():
            result = evaluate(
                lm=self._lm,
                task_dict={"tasks": {named: task}, "groups": {}, "group_map": {}},
                bootstrap_iters=0,
                log_samples=True,
                system_instruction=self._system,
                apply_chat_template=self._chat,
            )
        logged: list[dict[str, Any]] = result["samples"][named]
        return logged

    def _prepare(self, handle: Any, task: Any) -> None:
        """Wrap the handle's model, once; `BadInput` when it cannot do the task."""
        sees = vision.sees(handle)
        if task.config.doc_to_image and not sees:
            raise BadInput(
                f"evaluator {self.name!r}: the lm-eval task {task.config.task} has pictures and the"
                " merged model no eyes; name the vision-language model that lends them as task.vlm"
            )
        if self._chat and not (handle.processor if sees else handle.tokenizer).chat_template:
            raise BadInput(f"evaluator {self.name!r}: the model has no chat template")
        if self._lm is not None and self._lm.handle is handle:
            return
        if sees:
            options = {**self._model_args, **self._batch}
            self._lm = vision.live_model(handle, self._max_length, options)
        else:
            self._lm = model.live_model(handle, self._max_length, **self._batch)


def _check(
    name: str,
    metrics: Mapping[str, str],
    items: Any,
    splits: Any,
    other: Any,
    model_args: Mapping[str, Any],
) -> None:
    """Refuse what contradicts itself, before lm-eval is imported."""
    where = f"evaluator {name!r}"
    if (items is None) == (splits is None):
        raise BadInput(f"{where}: give either items or splits")
    if items is not None and other:
        raise BadInput(f"{where}: items replace the task's data; data and revision go with splits")
    if not metrics:
        raise BadInput(f"{where}: metrics is empty; give figure: lm-eval metric")
    if importlib.util.find_spec("lm_eval") is None:
        raise BadInput(f"{where}: lm_eval is not installed; pip install 'merge-suite[lm-eval]'")
    if unknown := sorted(set(model_args) - {*vision.OPTIONS}):
        raise BadInput(
            f"{where}: model_args has no {unknown[0]!r}; allowed are {', '.join(vision.OPTIONS)}"
        )


def _built(
    source: Source, task: str, items: str | Path | None, splits: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The items of each split, or the ids of its documents; and its task, which has no others."""
    found: dict[str, Any] = {}
    if items is not None:
        found = item_sets.read_splits(resources.resolve(str(items)))
        more = [lm_eval_items.data(content) for content in found.values()]
        tasks = dict(zip(found, source.build([task] * len(found), more), strict=True))
    else:
        names = lm_eval_splits.names(splits, task, source.evaluator)
        more = [lm_eval_splits.changes(spec) for spec in splits.values()]
        tasks = dict(zip(names, source.build(list(names.values()), more), strict=True))
        chosen = lm_eval_splits.documents(splits, tasks, source.evaluator)
        for split, indices in chosen.items():
            _keep(tasks[split], indices)
            at = splits[split].get("from") or names[split]
            found[split] = [f"{at}/{index}" for index in indices]
    _draw_examples(tasks, source.where)
    return found, tasks


def _keep(task: Any, indices: Sequence[int]) -> None:
    """Leave `task` these documents, processed once and for all instead of for every candidate."""
    every = task.eval_docs
    docs = every.select(indices) if hasattr(every, "select") else [every[i] for i in indices]
    task.has_test_docs, task.test_docs = lambda: True, lambda: docs


def _draw_examples(tasks: Mapping[str, Any], where: str) -> None:
    """Few-shot examples that give away no document of their split, nor of one opened later."""
    forbidden: set[documents.Key] = set()
    if not any(task.config.num_fewshot for task in tasks.values()):
        return
    order = [split for split in tasks if split not in SPLITS] + [s for s in SPLITS if s in tasks]
    for split in reversed(order):
        task = tasks[split]
        forbidden |= {documents.asked(task, doc) for doc in task.eval_docs}
        shots.draw(task, forbidden, f"{where}, split {split}")


def _thumbnail(arguments: Sequence[Any]) -> str | None:
    """The first picture that a request came with, as a data URI."""
    seen = arguments[2]["visual"] if len(arguments) > 2 else None
    return Shown.of(seen[0]).uri(THUMBNAIL) if seen else None
