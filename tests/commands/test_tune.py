"""`suite tune` on the embedded task: what is measured, what is taken home, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.__main__ import main
from suite.report.load.load import load
from suite.statistics import choice

Suite = Callable[..., tuple[int, str, str]]
NAMES = ["ja_math", "ja_general"]
FEW = (
    "hand_tuning.published=false",
    "hand_tuning.one_weight.weights=[0.4]",
    "hand_tuning.two_weights.weights=[0.4,0.8]",
    *(f"hand_tuning.{stage}=null" for stage in ("ties", "dare_ties", "slerp")),
)


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "ja_math_micro/hand_tuned/judged.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_merge_is_measured_once_and_the_choices_on_report_items(
    suite: Suite, tmp_path: Path
) -> None:
    code, out, err = suite("tune", *FEW)
    assert code == 0, err
    found = lines(tmp_path)
    select = {line["number"]: line["losses"] for line in found if line["split"] == "select"}
    report = {line["number"] for line in found if line["split"] == "report"}
    assert sorted(select) == [0, 1, 2, 3] and report < set(select)
    last = choice.choose(select, NAMES)
    assert {0, *last.values()} <= report  # the first stage has one merge alone
    assert "4 candidates in all" in out and "one weight" in out

    before = (tmp_path / "ja_math_micro/hand_tuned/judged.jsonl").read_bytes()
    assert suite("tune", *FEW)[0] == 0
    assert (tmp_path / "ja_math_micro/hand_tuned/judged.jsonl").read_bytes() == before


def test_a_killed_tuning_goes_on_and_other_grids_are_another(suite: Suite, tmp_path: Path) -> None:
    assert suite("tune", *FEW)[0] == 0
    path = tmp_path / "ja_math_micro/hand_tuned/judged.jsonl"
    whole = path.read_bytes()
    cut = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(cut[:2]) + cut[2][:100])
    assert suite("tune", *FEW)[0] == 0
    assert path.read_bytes() == whole
    code, _, err = suite("tune", *FEW, "hand_tuning.two_weights.weights=[0.4]")
    assert code == 2 and "tuned before with other candidates, rule, stages" in err


def test_the_report_reads_it(suite: Suite, tmp_path: Path) -> None:
    assert suite("run", "optimizer=random", "trials=1")[0] == 0
    assert suite("tune", *FEW)[0] == 0
    tuned = load(tmp_path, "ja_math_micro").tuned
    assert tuned is not None
    assert [(stage.name, stage.candidates) for stage in tuned.stages] == [
        ("one_weight", 1),
        ("two_weights", 4),
    ]
    assert list(tuned.chosen) == ["best ja_math", "best ja_general", "knee", "utility"]
    path = tmp_path / "ja_math_micro/hand_tuned/judged.jsonl"
    path.write_text(path.read_text(encoding="utf-8").split("\n")[0] + "\n", encoding="utf-8")
    assert load(tmp_path, "ja_math_micro").tuned is None  # not at its end


@pytest.mark.parametrize("task", ["zdt1", "ja_math_micro_tabular"])
def test_a_task_without_models_has_nothing_to_tune(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", f"task={task}", f"results={tmp_path}"]) == 2
    assert "it has no models, and nothing to tune by hand" in capsys.readouterr().err
