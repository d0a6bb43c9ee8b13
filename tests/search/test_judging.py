"""Lines of judged.jsonl: read once, whole or not at all."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from suite.records import journal
from suite.records.judged import judged_lines
from suite.records.trial import Score
from suite.search.judging import Judged
from suite.search.measuring import Failure
from suite.search.task import Measurement
from tests.conftest import KnownTask

RED = "data:image/png;base64,iVBORw0KGgoA"


def identity(number: int) -> dict[str, Any]:
    return {"source": "front", "name": f"trial {number}", "number": number}


def recipes(task: KnownTask, count: int) -> list[Any]:
    return [task.recipe(np.full(3, (number + 1) / (count + 1))) for number in range(count)]


def test_the_file_is_parsed_once_however_many_models_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, path = KnownTask(), tmp_path / "judged.jsonl"
    models = recipes(task, 12)
    first = Judged(task, judged_lines(path))
    for number, recipe in enumerate(models[:5]):
        first.measure(identity(number), recipe, "select")

    parsed = []
    loads = json.loads

    def counting(text: str) -> Any:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr(journal.json, "loads", counting)
    again = Judged(task, judged_lines(path))
    for number, recipe in enumerate(models):
        again.measure(identity(number), recipe, "select")
    assert len(parsed) == 5  # the lines that were there, once each
    assert task.measured == 12
    assert path.read_text().count("\n") == 12


def test_what_cannot_be_measured_leaves_no_line_and_is_tried_again(tmp_path: Path) -> None:
    task, path = KnownTask(limit=1.0), tmp_path / "judged.jsonl"
    light, heavy = task.recipe(np.full(3, 0.1)), task.recipe(np.full(3, 0.9))
    judged = Judged(task, judged_lines(path))
    failed = judged.measure(identity(1), heavy, "report")
    assert isinstance(failed, Failure) and failed.reason == (
        "CandidateFailure: tensor 'w' is not finite"
    )
    assert failed.seconds["total"] >= 0 and not path.exists()
    assert not isinstance(judged.measure(identity(0), light, "report"), Failure)
    assert path.read_text().count("\n") == 1
    task.limit = 9.0
    assert not isinstance(judged.measure(identity(1), heavy, "report"), Failure)


class Answering(KnownTask):
    """A model's score is 0.5; of its two samples, which show a picture, the second has `outcome`."""

    def __init__(self, outcome: Any) -> None:
        super().__init__()
        first, second = (
            SimpleNamespace(prompt="何", reply="赤", expected="青", outcome={"em": em}, picture=RED)
            for em in (1.0, outcome)
        )
        evaluator: Any = SimpleNamespace(name="vqa", samples=lambda *a: [first, second])
        self.evaluators, self.second = (evaluator,), second

    def measure(self, recipe, split):  # type: ignore[no-untyped-def]
        scores = {"known.near": Score(0.5, 0.0, 1), "known.far": Score(np.float32(0.5), 0.0, 1)}
        return Measurement(scores, {})


@pytest.mark.parametrize("outcome", [math.nan, "right"])
def test_a_sample_that_cannot_be_written_fails_its_model_alone(
    outcome: object, tmp_path: Path
) -> None:
    task = Answering(outcome)
    one, other = recipes(task, 2)
    judged = Judged(task, judged_lines(tmp_path / "judged.jsonl"))
    failed = judged.measure(identity(0), one, "report")
    assert isinstance(failed, Failure) and "a sample of evaluator 'vqa': em" in failed.reason
    task.second.outcome = {"em": np.float32(1.0)}
    line = judged.measure(identity(1), other, "report")
    assert not isinstance(line, Failure) and line["samples"][1]["outcome"] == 1.0
    # the picture of the line that was not written has to stand in the first one that is
    assert line["samples"][0]["picture"] == RED
    assert json.loads((tmp_path / "judged.jsonl").read_text()) == line


def test_a_bug_propagates_and_leaves_the_file_whole(tmp_path: Path) -> None:
    task = KnownTask()
    judged = Judged(task, judged_lines(tmp_path / "judged.jsonl"))
    one, other = recipes(task, 2)
    judged.measure(identity(0), one, "report")
    before = (tmp_path / "judged.jsonl").read_bytes()
    task.measure = lambda *a: 1 / 0  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        judged.measure(identity(1), other, "report")
    assert (tmp_path / "judged.jsonl").read_bytes() == before
