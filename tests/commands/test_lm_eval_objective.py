"""An lm-eval task from the user's own files as an objective, by configuration alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from suite import resources
from suite.checkpoints import hub
from tests.evaluators.small_task import written

pytest.importorskip("lm_eval")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def configured(tmp_path: Path) -> str:
    """The flag of a folder with ja_math_micro and a third objective, lm-eval's."""
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    written(tasks)
    evaluator = {
        "_target_": "suite.evaluators.lm_eval_task.LmEvalTask",
        "name": "colours",
        "task": "choice",
        "metrics": {"acc": "acc"},
        "path": str(tasks),
        "num_fewshot": 1,
        "data": {"path": str(tasks / "data"), "files": {"dev": "dev.jsonl"}},
        "splits": {
            "search": {"ids": {"draw": 3, "seed": 0}},
            "select": {"ids": {"draw": 3, "seed": 0}},
            "report": {"ids": {"column": "id", "values": ["q1", "q2"]}},
        },
    }
    objective = {
        "name": "colours", "metric": "colours.acc", "direction": "maximize",
        "ideal": 1.0, "reference": 0.0,
    }  # fmt: skip
    task = {
        "defaults": [
            "ja_math_micro",
            {"/evaluator@evaluators.colours": "colours"},
            {"/objective@objectives.colours": "colours"},
            "_self_",
        ],
        "name": "coloured",
    }
    for name, content in (
        ("evaluator", evaluator),
        ("objective", objective),
        ("task", task),
    ):
        folder = tmp_path / "conf" / name
        folder.mkdir(parents=True)
        path = folder / ("coloured.yaml" if name == "task" else "colours.yaml")
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    return f"--config-dir={tmp_path / 'conf'}"


def test_it_is_searched_by_and_part_of_what_the_run_is(
    suite: Call, configured: str, tmp_path: Path
) -> None:
    words = (configured, "task=coloured", "optimizer=random", "trials=2", "task.baselines=null")
    code, _, err = suite("run", *words)
    assert code == 0, err
    run = tmp_path / "coloured/random/seed=0"
    stored = yaml.safe_load((run / "config.yaml").read_text())
    assert list(stored["inputs"]["items"]["colours"]) == ["dev/dev.jsonl"]
    before = (run / "trials.jsonl").read_text()
    assert before.count('"colours.acc"') == 2

    file = tmp_path / "tasks/data/dev.jsonl"
    file.write_text(file.read_text().replace("red 11", "red 13"))
    hub.sha256.cache_clear()  # as in a process of its own
    code, _, err = suite("run", *words[:3], "trials=3", words[4])
    assert code == 2 and "inputs.items.colours.dev/dev.jsonl" in err
    assert (run / "trials.jsonl").read_text() == before


def test_the_wrong_way_round_is_refused(suite: Call, configured: str) -> None:
    words = (configured, "task=coloured", "--fast")
    turned = "{direction: minimize, ideal: 0.0, reference: 1.0}"
    code, _, err = suite("check", *words, f"task.objectives.colours={turned}")
    assert code == 2 and err.count("\n") == 1
    assert "direction minimize, but the task says maximize of 'colours.acc'" in err


def test_the_shipped_leaderboard_names_what_is_missing(suite: Call, tmp_path: Path) -> None:
    code, _, err = suite(
        "check", "--fast", "task=ja_math_micro", "+evaluator@task.evaluators.jl=ja_leaderboard",
        f"+task.data={tmp_path}",
    )  # fmt: skip
    assert code == 2 and "JGLUE" in err and err.count("\n") == 1
    assert resources.data("conf").joinpath("task/ja_math_7b_general.yaml").is_file()
