"""Our item sets and scorers as lm-eval tasks: same prompts, same greedy replies, same scores.

Used by `LmEvalTask`, and through ``!function`` by the task files in ``lm_eval/``, which lm-eval's
own command line runs too (``--include_path``). lm-eval is imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from suite import resources
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.datasets.items import Item
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.scorers.by_name import SCORERS, Scorer

Process = Callable[[dict[str, Any], list[str]], dict[str, float]]


def items_task(name: str, items: Sequence[Item], scorer: str, max_new_tokens: int) -> Any:
    """An item set and one of our scorers as an lm-eval `ConfigurableTask`, without any file.

    `scorer` is a key of `SCORERS`. An empty ``until`` leaves the end of sequence as the only stop.
    A picture comes before its question; either every item has one or none.
    """
    from lm_eval.api.task import ConfigurableTask

    figures = SCORERS[scorer]("", items[0])
    seen = items[0].picture is not None
    mean = {"aggregation": "mean", "higher_is_better": True}
    config = {
        "task": name,
        **data(items),
        "output_type": "generate_until",
        "doc_to_text": ("<image>" if seen else "") + "{{prompt}}\n",
        "doc_to_image": pictures if seen else None,
        "doc_to_target": "expected",
        "process_results": _scored(SCORERS[scorer]),
        "generation_kwargs": {"do_sample": False, "max_gen_toks": max_new_tokens, "until": []},
        "metric_list": [{"metric": figure, **mean} for figure in figures],
        "num_fewshot": 0,
    }
    return ConfigurableTask(config=config)


def data(items: Sequence[Item]) -> dict[str, Any]:
    """The part of a task's configuration that makes `items` its only documents."""
    documents = _documents(items)
    none = dict.fromkeys(("training_split", "validation_split", "fewshot_split"))
    return {"custom_dataset": lambda **_: {"test": documents}, "test_split": "test", **none}


def dataset(items: str, **_: Any) -> dict[str, Any]:
    """The splits of an item folder, for ``custom_dataset`` in a task's YAML; writes no cache."""
    splits = item_sets.read_splits(resources.resolve(items))
    return {split: _documents(content) for split, content in splits.items()}


def _documents(items: Sequence[Item]) -> Any:
    import datasets

    rows: list[dict[str, Any]] = [
        {"id": item.id, "prompt": item.prompt, "expected": item.expected} for item in items
    ]
    if any(item.picture for item in items):
        for row, item in zip(rows, items, strict=True):
            row["picture"] = item.picture.data if item.picture else None
    return datasets.Dataset.from_list(rows)


def pictures(doc: dict[str, Any]) -> list[Any]:
    """A document's picture, decoded as the suite's own evaluator decodes it."""
    return [Picture(doc["picture"], f"item {doc['id']!r}").image()] if doc["picture"] else []


def _scored(scorer: Scorer) -> Process:
    def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
        return scorer(results[0], Item(doc["id"], doc["prompt"], doc["expected"]))

    return process_results


# Named for ``process_results: !function suite.evaluators.lm_eval.items.<scorer>``.
maths = _scored(SCORERS["maths"])
maths_ja = _scored(SCORERS["maths_ja"])
exact = _scored(SCORERS["exact"])
vqa_ja = _scored(SCORERS["vqa_ja"])
vqa_en = _scored(SCORERS["vqa_en"])
