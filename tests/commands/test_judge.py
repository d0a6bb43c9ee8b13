"""`suite judge` and `report` on a real, short run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from suite.__main__ import main
from suite.objective import Objective
from suite.records import folder as folders
from suite.records.judged import judged_lines
from suite.records.trial import Score
from suite.report.load import samples
from suite.report.load.load import load
from suite.report.load.samples import Pictures
from suite.search.judging import Judged
from suite.search.task import Measurement
from tests.conftest import BASELINES

Suite = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(judged_run: Path, tmp_path: Path) -> Path:
    """The judged run, in a copy of its results that a test may change."""
    shutil.copytree(judged_run.parents[2], tmp_path, dirs_exist_ok=True)
    return folders.run_folder(tmp_path, "ja_math_micro", "random", 0)


def judged(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (folder / "judged.jsonl").read_text().splitlines()]


def test_judge_measures_fronts_and_baselines_on_unseen_items(run: Path, tmp_path: Path) -> None:
    lines = judged(run)
    select = {line["number"] for line in lines if line["split"] == "select"}
    report = {line["number"] for line in lines if line["split"] == "report"}
    assert report and report <= select
    assert all(line["samples"] for line in lines if line["split"] == "report")
    names = {line["name"] for line in judged(tmp_path / "ja_math_micro" / "baselines")}
    assert names == set(BASELINES["ja_math_micro"])


def test_judge_measures_nothing_twice(suite: Suite, run: Path, tmp_path: Path) -> None:
    files = [run / "judged.jsonl", tmp_path / "ja_math_micro/baselines/judged.jsonl"]
    before = [file.read_bytes() for file in files]
    assert suite("judge")[0] == 0
    assert [file.read_bytes() for file in files] == before


def test_what_a_rule_chooses_on_select_items_is_measured_on_report_items(
    run: Path, tmp_path: Path
) -> None:
    lines = judged(run)
    losses = {line["number"]: line["losses"] for line in lines if line["split"] == "select"}
    report = {line["number"] for line in lines if line["split"] == "report"}
    loaded = load(tmp_path, "ja_math_micro").runs[0]
    assert loaded.first is not None and loaded.first.number is not None
    assert losses[loaded.first.number][0] == min(first for first, _ in losses.values())
    assert loaded.chosen["utility"].number in report
    assert losses[loaded.chosen["utility"].number] == min(losses.values(), key=sum)
    assert loaded.at_cost == {}  # the task is not tuned by hand


def test_at_the_cost_of_the_hand_tuning_the_run_is_judged_as_it_was_then(
    suite: Suite, run: Path, tmp_path: Path
) -> None:
    grids = [f"hand_tuning.{stage}=null" for stage in ("one_weight", "ties", "dare_ties", "slerp")]
    few = ["hand_tuning.published=false", "hand_tuning.two_weights.weights=[0.4]"]
    assert suite("tune", *grids, *few)[0] == 0
    assert suite("judge")[0] == 0
    loaded = load(tmp_path, "ja_math_micro")
    assert loaded.tuned is not None and loaded.tuned.candidates == 1
    assert {merge.number for merge in loaded.runs[0].at_cost.values()} == {0}


def test_a_run_whose_trials_all_failed_is_passed_over(suite: Suite, run: Path) -> None:
    (run / "judged.jsonl").unlink()
    assert suite("run", "optimizer=random", "trials=1", "seed=1")[0] == 0
    journal = run.with_name("seed=1") / "trials.jsonl"
    trial = {**json.loads(journal.read_text()), "status": "failed", "error": "NaN"}
    journal.write_text(json.dumps({**trial, "scores": {}, "losses": []}) + "\n")
    code, _, err = suite("judge")
    assert code == 0 and "none of its 1 trials succeeded: passed over" in " ".join(err.split())
    assert judged(run)


def test_report_writes_one_page_from_files_alone(run: Path, tmp_path: Path) -> None:
    assert (
        main(["report", f"results={tmp_path}", "task=ja_math_micro", f"out={tmp_path / 'out'}"])
        == 0
    )
    page = (tmp_path / "out" / "index.html").read_text()
    assert "random" in page and "task_arithmetic_0.4" in page


class Recipe:
    def to_json(self) -> dict[str, object]:
        return {"method": "linear", "inputs": [{"model": "a", "parameters": {}}]}


def answering(pictures: list[str | None]) -> SimpleNamespace:
    """A task whose models answer one question per picture, in two evaluators."""
    samples = [
        SimpleNamespace(
            prompt="何", reply="赤", expected="青", outcome={"em": 0.0, "ja": 1.0}, picture=picture
        )
        for picture in pictures
    ]
    evaluators = [
        SimpleNamespace(name=name, samples=lambda handle, split, count: samples[:count])
        for name in ("vqa", "wild")
    ]
    measured = Measurement({"vqa.em": Score(0.0, 0.0, 1, (0.0,))}, {})
    return SimpleNamespace(
        evaluators=[SimpleNamespace(name="cost"), *evaluators],
        handle=None,
        measure=lambda recipe, split: measured,
        objectives=[Objective("vqa", "vqa.em", "maximize", 1.0, 0.0)],
        losses=lambda scores: np.array([1.0]),
    )


def measure(task: SimpleNamespace, folder: Path, name: str) -> None:
    judged = Judged(task, judged_lines(folder / "judged.jsonl"))
    judged.measure({"name": name, "number": None}, Recipe(), "report")


def test_a_picture_is_written_once_a_file_and_named_after_that(tmp_path: Path) -> None:
    red, blue = "data:image/png;base64,iVBORw0KGgoA", "data:image/jpeg;base64,/9j/AAAA"
    for name, seen in (("a", [red]), ("b", [red, blue, red]), ("c", [blue])):
        measure(answering([*seen]), tmp_path, name)
    text = (tmp_path / "judged.jsonl").read_text(encoding="utf-8")
    assert text.count(red) == text.count(blue) == 1
    pictures = Pictures()
    found = [samples.read(line["samples"], {}, pictures) for line in judged(tmp_path)]
    assert [[sample.picture for sample in line] for line in found] == [
        [red] * 2, [red, blue, red] * 2, [blue] * 2,
    ]  # fmt: skip
    assert [sample.evaluator for sample in found[0]] == ["vqa", "wild"]
    assert {sample.figures for line in found for sample in line} == {(("em", 0.0), ("ja", 1.0))}
    assert {sample.outcome for line in found for sample in line} == {0.0}


def test_samples_without_pictures_are_written_as_ever(tmp_path: Path) -> None:
    measure(answering([None]), tmp_path, "a")
    text = (tmp_path / "judged.jsonl").read_text(encoding="utf-8")
    sample = '{"prompt":"何","reply":"赤","expected":"青","outcome":0.0}'
    assert text.endswith(f'"losses":[1.0],"samples":[{sample},{sample}]}}\n')


def test_judge_without_runs_is_bad_input(suite: Suite) -> None:
    code, _, err = suite("judge")
    assert code == 2 and "no runs to judge" in err
