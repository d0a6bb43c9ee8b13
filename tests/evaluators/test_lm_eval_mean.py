"""Figures of lm-eval's tasks: of each document, and of several tasks together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.errors import BadInput
from suite.evaluators.lm_eval_mean import LmEvalMean, mean
from suite.evaluators.models.vision import VisionHandle
from suite.records.trial import Score
from tests.evaluators.small_task import ROWS, WRITE, task

pytest.importorskip("lm_eval")


def test_metrics_of_all_documents_are_taken_of_each(small_tasks: Path, llava: VisionHandle) -> None:
    metrics = {"pair": "pair", "length": "length"}
    evaluator = task(small_tasks, {"search": {}}, task="write", metrics=metrics)
    found = evaluator.evaluate(llava, "search")
    lengths = [len(sample.reply) for sample in evaluator.samples(llava, "search", 99)]
    assert found["length"].items == tuple(map(float, lengths))
    assert found["pair"].items == tuple(
        float(3 * row["a"] + length) for row, length in zip(ROWS, lengths, strict=True)
    )
    assert evaluator.figures == ("pair", "length") == tuple(found)
    assert evaluator.directions == {"pair": "minimize", "length": "maximize"}
    with pytest.raises(BadInput, match=r"'perplexity' is a figure of all documents together"):
        task(small_tasks, {"search": {}}, task="write", metrics={"p": "perplexity"})


def test_the_batch_is_its_own(small_tasks: Path, llava: VisionHandle) -> None:
    one = task(small_tasks, {"search": {}}, task="write", metrics={"m": "length"}, batch_size=1)
    many = task(small_tasks, {"search": {}}, task="write", metrics={"m": "length"})
    assert one.evaluate(llava, "search") == many.evaluate(llava, "search")
    assert (one._lm.batch_size, many._lm.batch_size) == (1, 4)


def several(folder: Path, **options: Any) -> LmEvalMean:
    data = {"path": folder / "data", "files": {"dev": "dev.jsonl"}}
    tasks = {
        "a": {"task": "choice", "metric": "acc", "splits": {"search": {"ids": "0:8"}}},
        "b": {"task": "write", "metric": "length", "splits": {"search": {}, "report": {"ids": []}}},
    }
    tasks["b"]["splits"] = {"search": {"ids": "0:4"}, "report": {"ids": "4:6"}}
    return LmEvalMean("g", **{"tasks": tasks, "path": folder, "data": data, **options})


def test_a_mean_counts_tasks_and_not_documents(small_tasks: Path, llava: VisionHandle) -> None:
    evaluator = several(small_tasks, means={"both": ["a", "b"]})
    assert evaluator.figures == ("mean", "b"), "what the report split lacks is no objective"
    found = evaluator.evaluate(llava, "search")
    a, b = found["a"], found["b"]
    assert (a.n, b.n, found["both"].n) == (8, 4, 12)
    assert found["both"].value == pytest.approx((a.value + b.value) / 2)
    assert found["both"].items == tuple(x * 12 / 16 for x in a.items) + tuple(
        x * 12 / 8 for x in b.items
    )
    assert found["mean"] == b
    assert set(evaluator.evaluate(llava, "report")) == {"mean", "b"}
    with pytest.raises(BadInput, match="no split 'select'; there are search, report"):
        evaluator.evaluate(llava, "select")
    shown = evaluator.samples(llava, "search", 5)
    assert [list(sample.outcome) for sample in shown] == [["a"]] * 3 + [["b"]] * 2


def test_the_standard_error_is_the_stratified_one() -> None:
    """Against a simulation: tasks that differ greatly add nothing to the error of their mean."""
    rng, rates, counts = np.random.default_rng(0), (0.9, 0.1, 0.5), (40, 120, 60)
    values, errors = [], []
    for _ in range(2000):
        scores = [Score.mean(rng.random(n) < p) for p, n in zip(rates, counts, strict=True)]
        score = mean(scores)
        values.append(score.value)
        errors.append(score.stderr)
        assert math.isclose(score.value, np.mean([s.value for s in scores]))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.05)
    assert np.mean(values) == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tasks": {}}, "tasks is empty"),
        (
            {"tasks": {"a": {"task": "choice"}}},
            "'g.a': each of tasks needs task, metric and splits",
        ),
        ({"means": {"m": ["c"]}}, "the mean 'm' has no task 'c'; there are a, b"),
        ({"means": {"m": []}}, "the mean 'm' must name tasks, each once"),
        ({"means": {"a": ["b"]}}, "'a' is a task and a mean"),
        ({"shots": 3}, "'g.a': .*unexpected keyword argument 'shots'"),
    ],
)
def test_bad_means_are_told(small_tasks: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        several(small_tasks, **options)


def test_a_mean_has_one_direction(small_tasks: Path) -> None:
    text = WRITE.replace("mean, higher_is_better: true", "mean, higher_is_better: false")
    (small_tasks / "write.yaml").write_text(text, encoding="utf-8")
    assert several(small_tasks).directions == {"mean": "minimize", "a": "maximize", "b": "minimize"}
    with pytest.raises(BadInput, match="the mean 'both' is of metrics that are better higher and"):
        several(small_tasks, means={"both": ["a", "b"]})
