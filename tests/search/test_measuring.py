"""Scores that no journal could hold are failed trials with a reason; bugs are not."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.objective import Objective
from suite.optimizers import random_search
from suite.records.journal import Journal
from suite.records.trial import Score
from suite.search import harness, measuring
from suite.search.measuring import Failure, Measured, attempt
from suite.search.task import Measurement
from tests.conftest import KnownTask

CANDIDATE = np.full(3, 0.5)
NEAR = Score(0.5, 0.1, 2, (0.0, 1.0))


class Giving(KnownTask):
    """Every candidate's score ``known.near`` is `near`."""

    def __init__(self, near: Any) -> None:
        super().__init__()
        self.near = near

    def measure(self, recipe, split):  # type: ignore[no-untyped-def]
        return Measurement({"known.near": self.near, "known.far": Score(0.5, 0.0, 1)}, {"total": 1})


def with_(**fields: Any) -> Score:
    return Score(**{**NEAR.__dict__, **fields})


UNFIT = [
    (with_(value=math.nan), "score 'known.near': value nan is not finite"),
    (with_(value=np.float32("inf")), "score 'known.near': value inf is not finite"),
    (with_(value=10**400), "is not finite"),
    (with_(value=torch.tensor(0.5)), "score 'known.near': value is no number (Tensor)"),
    (with_(value="0.5"), "value is no number (str)"),
    (with_(value=0.5 + 0j), "value is no number (complex)"),
    (with_(value=None), "value is no number (NoneType)"),
    (with_(value=1e308, stderr=math.inf), "stderr inf is not finite"),
    (with_(stderr=math.nan), "score 'known.near': stderr nan is not finite"),
    (with_(stderr=-0.1), "score 'known.near': stderr -0.1 is negative"),
    (with_(n=1.5), "n 1.5 is no number of items"),
    (with_(n=-1), "n -1 is no number of items"),
    (with_(items=(0.5, math.nan)), "score 'known.near': items[1] nan is not finite"),
    (with_(items=np.array([math.inf, 0.5])), "items[0] inf is not finite"),
    (with_(items=(0.5, "1")), "items[1] is no number (str)"),
    (with_(items=([0.5], [1.0])), "items[0] is no number (list)"),
]


@pytest.mark.parametrize(("score", "reason"), UNFIT, ids=[reason for _, reason in UNFIT])
def test_a_score_that_cannot_be_written_is_a_failed_trial(
    score: Score, reason: str, tmp_path: Path
) -> None:
    task = Giving(score)
    optimizer = random_search.make(task.space, 2, 0, batch=1)
    trials = harness.search(task, optimizer, Journal(tmp_path / "t.jsonl"), 2)
    assert [trial.status for trial in trials] == ["failed", "failed"]
    assert trials[0].error is not None and trials[0].error.startswith("CandidateFailure: score ")
    assert reason in trials[0].error and "\n" not in trials[0].error
    assert Journal(tmp_path / "t.jsonl").read() == trials
    assert trials[0].scores == {} and trials[0].losses == ()


def test_numbers_of_numpy_become_pythons() -> None:
    score = Score(np.float32(0.5), np.float16(0.25), np.int64(2), np.array([0, 1]))  # type: ignore[arg-type]
    trial = harness.measure(Giving(score), 0, CANDIDATE)
    found = json.loads(trial.to_line())["scores"]["known.near"]
    assert found == {"value": 0.5, "stderr": 0.25, "n": 2, "items": "01"}
    for value in (np.bool_(True), np.array(1.0), np.longdouble(1), True):
        plain = Score(value, 0.0, 1).plain().value
        assert plain == 1.0 and type(plain) in (float, int)


def test_what_is_plain_already_stays_what_it_is() -> None:
    for score in (NEAR, Score(3, 0, 1), Score.mean([0.2, 0.4, 1.0])):
        plain = score.plain()
        assert plain == score and json.dumps(plain.to_json()) == json.dumps(score.to_json())


def test_a_loss_that_is_not_finite_is_a_failure() -> None:
    task = Giving(Score(-1.5e308, 0.0, 1))
    task.objectives = (Objective("o", "known.near", "maximize", 1e-3, 0.0),)
    assert harness.measure(task, 0, CANDIDATE).error == (
        "CandidateFailure: objective 'o': the loss of -1.5e+308 is inf"
    )


@pytest.mark.parametrize("given", [0.5, None, {"value": 0.5}])
def test_no_score_at_all_is_a_bug_of_the_evaluator(given: object) -> None:
    with pytest.raises(TypeError, match=r"score 'known.near': an evaluator gave \w+, not a Score"):
        harness.measure(Giving(given), 0, CANDIDATE)


def test_a_failed_trial_has_the_seconds_it_took() -> None:
    class Slow(KnownTask):
        def measure(self, recipe, split):  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            return super().measure(recipe, split)

    trial = harness.measure(Slow(limit=0.0), 0, CANDIDATE)
    assert trial.status == "failed" and 0.05 <= trial.seconds["total"] < 60
    assert {*trial.seconds} == {"total"}


def test_memory_that_does_not_suffice_is_a_failure_whosever_it_is() -> None:
    huge = attempt(lambda: np.empty(10**18))
    assert isinstance(huge, Failure) and "Unable to allocate" in huge.reason
    found = attempt(lambda: fails(torch.OutOfMemoryError("CUDA out of memory.\nTried to …")))
    assert isinstance(found, Failure)
    assert found.reason == "OutOfMemoryError: CUDA out of memory."


def test_a_reason_can_be_written_whatever_it_says() -> None:
    found = attempt(lambda: fails(MemoryError("/data/\udcff.bin")))
    assert isinstance(found, Failure) and found.reason == r"MemoryError: /data/\udcff.bin"


def fails(error: BaseException) -> None:
    raise error


def test_what_is_measured_has_losses_in_the_objectives_order() -> None:
    task = Giving(Score(0.25, 0.0, 1))
    found = measuring.measure(task, task.recipe(CANDIDATE), "search")
    assert found == Measured(found.scores, (0.75, 0.5), {"total": 1})
