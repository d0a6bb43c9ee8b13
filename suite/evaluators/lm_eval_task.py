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
from suite.evaluators import lm_eval_items, lm_eval_model, lm_eval_splits, lm_eval_vision
from suite.evaluators.generation import THUMBNAIL, Sample
from suite.evaluators.lm_eval_model import quiet
from suite.evaluators.lm_eval_vision import Shown
from suite.trial import Score

SHIPPED = Path(__file__).with_name("lm_eval")


class LmEvalTask:
    """One lm-eval task as an evaluator.

    `task` is a task's name in the folder `path` (null: the tasks shipped here, then all of lm-eval,
    whose index takes some 15 s to read). `metrics` maps our figures to lm-eval's per-item metrics,
    ``metric`` or ``metric,filter``. The items of a split come either from `items`, a folder with
    search.jsonl, select.jsonl and report.jsonl that replaces the task's data, or from `splits`:
    ``{search: {ids: "0:150"}, …}``, indices into the task's own documents (a list, or
    ``start:stop``), with an optional ``task`` for that split. Splits never share an item, nor a
    picture.

    A task with pictures needs a handle that sees (``task.vlm``) and generates its replies: lm-eval
    has no log-likelihoods of replies about pictures. `apply_chat_template` puts prompts into the
    chat template of the model, after `system_instruction`. `max_length` bounds prompt and reply in
    tokens; `model_args` may set what lm-eval's class ``hf-multimodal`` knows about pictures
    (`lm_eval_vision.OPTIONS`).
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
        apply_chat_template: bool = False,
        system_instruction: str | None = None,
        model_args: Mapping[str, Any] | None = None,
    ) -> None:
        if (items is None) == (splits is None):
            raise BadInput(f"evaluator {name!r}: give either items or splits")
        if not metrics:
            raise BadInput(f"evaluator {name!r}: metrics is empty; give figure: lm-eval metric")
        if importlib.util.find_spec("lm_eval") is None:
            raise BadInput(
                f"evaluator {name!r}: lm_eval is not installed; pip install 'merge-suite[lm-eval]'"
            )
        if unknown := sorted(set(model_args or {}) - {*lm_eval_vision.OPTIONS}):
            raise BadInput(
                f"evaluator {name!r}: model_args has no {unknown[0]!r}; allowed are"
                f" {', '.join(lm_eval_vision.OPTIONS)}"
            )
        self.name = name
        self._metrics = dict(metrics)
        self.figures = (*self._metrics, "tokens")
        self._max_length, self._model_args = max_length, dict(model_args or {})
        self._chat, self._system = apply_chat_template, system_instruction
        self._lm: Any = None
        with quiet():
            if items is not None:
                sets = item_sets.read_splits(Path(items))
                names = dict.fromkeys(sets, task)
                overrides = [lm_eval_items.data(content) for content in sets.values()]
            else:
                names = lm_eval_splits.names(splits or {}, task, name)
                overrides = [{}] * len(names)
            built = _tasks(path, list(names.values()), name, overrides)
        for each in built:
            _check(each, name)
        self._tasks = dict(zip(names, built, strict=True))
        self._ids = splits and lm_eval_splits.documents(splits, self._tasks, name)

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
                picture=_thumbnail(sample["arguments"][0]),
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
        self._prepare(handle, task)
        named = str(task.config.task)  # `task_name` draws a random number each time it is read
        # Drawn anew for each candidate: every one of them must see the same examples.
        task.set_fewshot_seed(lm_eval_model.SEED)
        with quiet(), lm_eval_model.fair(), lm_eval_model.thrifty():
            result = evaluate(
                lm=self._lm,
                task_dict={"tasks": {named: task}, "groups": {}, "group_map": {}},
                samples={named: self._ids[split]} if self._ids else None,
                bootstrap_iters=0,
                log_samples=True,
                system_instruction=self._system,
                apply_chat_template=self._chat,
            )
        logged: list[dict[str, Any]] = result["samples"][named]
        return logged

    def _prepare(self, handle: Any, task: Any) -> None:
        """Wrap the handle's model, once; `BadInput` when it cannot do the task."""
        sees = lm_eval_vision.sees(handle)
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
            self._lm = lm_eval_vision.live_model(handle, self._max_length, self._model_args)
        else:
            self._lm = lm_eval_model.live_model(handle, self._max_length)

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


def _check(task: Any, evaluator: str) -> None:
    """Refuse what lm-eval cannot ask a model of transformers."""
    where = f"evaluator {evaluator!r}: the lm-eval task {task.config.task}"
    if task.config.doc_to_audio:
        raise BadInput(f"{where} has sounds, which no model here hears")
    if task.config.doc_to_image and task.OUTPUT_TYPE != "generate_until":
        raise BadInput(
            f"{where} is of the type {task.OUTPUT_TYPE}; with pictures lm-eval does only"
            " generate_until"
        )


def _thumbnail(arguments: Sequence[Any]) -> str | None:
    """The first picture that a request came with, as a data URI."""
    seen = arguments[2]["visual"] if len(arguments) > 2 else None
    return Shown.of(seen[0]).uri(THUMBNAIL) if seen else None
