"""`suite run` over layer paths, over merges and paths at once, and over paths of a first stage's merges."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.recipes.layer_path import LayerPath
from suite.records import folder as folders
from suite.records.journal import Journal

Suite = Callable[..., tuple[int, str, str]]


def lines(folder: Path) -> list[dict[str, Any]]:
    """The journal's lines without their times."""
    text = (folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), "seconds": None} for line in text]


@pytest.fixture
def merges(suite: Suite, tmp_path: Path) -> str:
    """A first stage of three real merges; gives the override that reads it."""
    code, _, err = suite("run", "optimizer=random", "trials=3")
    assert code == 0, err
    return f"task.path.parts.merge.run='{tmp_path}/ja_math_micro/{{optimizer}}/seed={{seed}}'"


def tears(suite: Suite, folder: Path, *words: str) -> list[dict[str, Any]]:
    """Run three trials; tear the last line as a crash does, and run again: the same journal."""
    code, _, err = suite("run", "trials=3", *words)
    assert code == 0, err
    whole = lines(folder)
    assert [line["status"] for line in whole] == ["ok"] * 3, whole
    journal = folder / "trials.jsonl"
    torn = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(torn[:1]) + torn[1][:90], encoding="utf-8")
    code, _, err = suite("run", "trials=3", *words)
    assert code == 0, err
    assert lines(folder) == whole
    return whole


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["task=ja_math_micro_dfs", "optimizer=tpe"], {"japanese", "math_add", "math_mul"}),
        (
            ["task=ja_math_micro_dfs", "path@task.path=slots", "task.path.repeats=1",
             "task.path.parts=[japanese,math_add]", "task.path.max_hops=9", "optimizer=cma_es"],
            {"japanese", "math_add"},
        ),
        (["task=ja_math_micro_dfs_depth", "optimizer=nsga2"], {"japanese", "math_add", "math_mul"}),
        (["task=ja_math_micro_hybrid", "optimizer=nsga2"], {"merge", "japanese"}),
    ],
)  # fmt: skip
def test_paths_are_searched_and_a_torn_run_goes_on(
    suite: Suite, tmp_path: Path, words: list[str], parts: set[str]
) -> None:
    task, optimizer = words[0].removeprefix("task="), words[-1].removeprefix("optimizer=")
    folder = folders.run_folder(tmp_path, task, optimizer, 0)
    for line in tears(suite, folder, *words):
        path = LayerPath.from_json(line["recipe"])
        assert set(path.parts) <= parts
        assert len(path.hops) <= 18
        assert path.hops[0].scale == 1
        assert line["scores"]["cost.hops"]["value"] == len(path.hops)
        assert len(line["losses"]) == (3 if "depth" in task else 2)


def test_two_stages_run_one_after_the_other(suite: Suite, tmp_path: Path, merges: str) -> None:
    words = ["task=ja_math_micro_two_stage", "optimizer=random", merges]
    folder = folders.run_folder(tmp_path, "ja_math_micro_two_stage", "random", 0)
    found = tears(suite, folder, *words, "start=[merge]")
    layers = [("merge", layer, 1.0) for layer in range(6)]
    assert [tuple(hop) for hop in found[0]["recipe"]["hops"]] == layers  # the picked merge itself
    first = Journal(tmp_path / "ja_math_micro" / "random" / "seed=0" / "trials.jsonl").read()
    best = min(first, key=lambda trial: trial.losses[0])
    for line in found[1:]:
        path = LayerPath.from_json(line["recipe"])
        assert set(path.parts) == {"merge", "japanese"}
        assert path.merges["merge"].to_json() == best.recipe
    stored = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert stored["task"]["path"]["parts"]["merge"] == {"recipe": best.recipe}


def test_a_second_stage_does_not_go_on_over_another_merge(
    suite: Suite, tmp_path: Path, merges: str
) -> None:
    words = ["task=ja_math_micro_two_stage", "optimizer=random", merges]
    assert suite("run", "trials=1", *words)[0] == 0
    folder = folders.run_folder(tmp_path, "ja_math_micro_two_stage", "random", 0)
    before = (folder / "trials.jsonl").read_bytes()
    first = folders.run_folder(tmp_path, "ja_math_micro", "random", 0)
    text = (first / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    trials = [json.loads(line) for line in text]
    best = min(trials, key=lambda trial: trial["losses"][0])
    best["losses"][0] = 5.0  # another is the best now
    (first / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in trials))
    code, _, err = suite("run", "trials=2", *words)
    (said,) = (line for line in err.splitlines() if line.startswith("suite:"))
    assert code == 2 and "holds another configuration" in said and "Traceback" not in err
    assert "task.path.parts.merge.recipe.inputs" in said
    assert (folder / "trials.jsonl").read_bytes() == before
    shutil.rmtree(first)
    code, _, err = suite("run", "trials=2", *words)
    assert code == 2 and "not a run's folder" in err
    assert (folder / "trials.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task=ja_math_micro_dfs", "task.path=null"], "neither merge nor path"),
        (["task=ja_math_micro_hybrid", "task.merge=null"], "part 'merge' is no model of the task"),
        (["task=ja_math_micro_dfs", "task.path.parts=[japanese]"], "compact wants two parts"),
        (["task=ja_math_micro_dfs", "+task.path.depth=3"], "unknown key 'depth'"),
        (
            ["task=ja_math_micro_two_stage", "task.path.parts.merge.run=/no/such/run"],
            "/no/such/run: not a run's folder",
        ),
        (
            ["task=ja_math_micro_dfs", "task.path.scale.low=0", "start=[upscaled_japanese]"],
            "the search space has no room for hop",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    suite: Suite, tmp_path: Path, words: list[str], said: str
) -> None:
    code, _, err = suite("run", "optimizer=random", "trials=1", *words)
    shown = [line for line in err.splitlines() if line.startswith("suite:")]
    assert code == 2 and len(shown) == 1 and said in shown[0], err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("trials.jsonl"))
