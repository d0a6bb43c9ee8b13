"""`suite judge` and `report` on a real, short run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from suite import places
from suite.__main__ import main

Suite = Callable[..., tuple[int, str, str]]


@pytest.fixture
def searched(suite: Suite, tmp_path: Path) -> Path:
    assert suite("run", "optimizer=random", "trials=4")[0] == 0
    return places.run_folder(tmp_path, "ja_math_micro", "random", 0)


def judged(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (folder / "judged.jsonl").read_text().splitlines()]


def test_judge_measures_fronts_and_baselines_on_unseen_items(
    suite: Suite, searched: Path, tmp_path: Path
) -> None:
    code, _, err = suite("judge")
    assert code == 0, err
    lines = judged(searched)
    select = {line["number"] for line in lines if line["split"] == "select"}
    report = {line["number"] for line in lines if line["split"] == "report"}
    assert report and report <= select
    assert sum(line["chosen"] for line in lines if line["split"] == "report") == 1
    assert all(line["samples"] for line in lines if line["split"] == "report")
    names = {line["name"] for line in judged(tmp_path / "ja_math_micro" / "baselines")}
    assert {"base", "japanese", "math_add", "math_mul", "uniform_soup", "ties_0.2"} <= names


def test_judge_measures_nothing_twice(suite: Suite, searched: Path, tmp_path: Path) -> None:
    assert suite("judge")[0] == 0
    files = [searched / "judged.jsonl", tmp_path / "ja_math_micro/baselines/judged.jsonl"]
    before = [file.read_bytes() for file in files]
    assert suite("judge")[0] == 0
    assert [file.read_bytes() for file in files] == before


def test_the_chosen_is_best_on_the_select_items(suite: Suite, searched: Path) -> None:
    assert suite("judge")[0] == 0
    lines = judged(searched)
    losses = {line["number"]: line["losses"][0] for line in lines if line["split"] == "select"}
    chosen = next(line["number"] for line in lines if line["chosen"])
    assert losses[chosen] == min(losses.values())


def test_report_writes_one_page_from_files_alone(
    suite: Suite, searched: Path, tmp_path: Path
) -> None:
    assert suite("judge")[0] == 0
    assert (
        main(["report", f"results={tmp_path}", "task=ja_math_micro", f"out={tmp_path / 'out'}"])
        == 0
    )
    page = (tmp_path / "out" / "index.html").read_text()
    assert "random" in page and "uniform_soup" in page


def test_judge_without_runs_is_bad_input(suite: Suite) -> None:
    code, _, err = suite("judge")
    assert code == 2 and "no runs to judge" in err
