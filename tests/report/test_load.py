"""Whatever is missing or damaged in a results folder is named; nothing else is accepted silently."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.errors import BadInput
from suite.records.trial import Trial
from suite.report.load.load import load
from tests.nonempty import some

RUN = Path(synthetic.TASK) / "nsga2" / "seed=1"


@pytest.fixture
def results(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "results"))


def test_everything_written_is_read(small: Path) -> None:
    found = load(small, synthetic.TASK)
    assert found.objectives == synthetic.OBJECTIVES[:2]
    assert found.optimizers == ("nsga2", "random", "tpe")
    assert [run.seed for run in found.of("tpe")] == [0, 1, 2, 3, 4]
    assert {b.name for b in found.baselines} == set(synthetic.BASELINES)
    lines = (small / RUN / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    written = [Trial.from_line(line) for line in lines]
    assert any(score.items for trial in written for score in trial.scores.values())
    for trial in written:  # search items are all that the report has no use for
        for metric, score in trial.scores.items():
            trial.scores[metric] = dataclasses.replace(score, items=())  # type: ignore[index]
    assert found.of("nsga2")[1].trials == tuple(written)


def test_failed_trials_are_rows_of_nan(small: Path) -> None:
    seen: set[bool] = set()
    for run in some(load(small, synthetic.TASK).runs):
        failed = np.array([trial.status == "failed" for trial in run.trials])
        seen |= {*failed.tolist()}
        losses = run.losses(2)
        assert np.isnan(losses[failed]).all()
        assert np.isfinite(losses[~failed]).all()
    assert seen == {True, False}


def test_a_parent_is_told_by_its_recipe_not_by_its_name(small: Path) -> None:
    unmerged = {b.name for b in load(small, synthetic.TASK).baselines if b.unmerged}
    assert unmerged == {"base", "parent_ja", "parent_maths_1", "parent_maths_2"}


def test_seeds_are_sorted_as_numbers(results: Path) -> None:
    (results / RUN).rename((results / RUN).with_name("seed=10"))
    assert [run.seed for run in load(results, synthetic.TASK).of("nsga2")] == [0, 2, 3, 4, 10]


def test_a_torn_last_line_is_left_out(results: Path) -> None:
    path = results / RUN / "trials.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    (results / RUN / "judged.jsonl").unlink()  # it may hold the torn trial
    assert len(load(results, synthetic.TASK).of("nsga2")[1].trials) == 29


def test_a_model_judged_again_counts_once_and_its_last_measurement_decides(results: Path) -> None:
    path = results / RUN / "judged.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    before = load(results, synthetic.TASK).of("nsga2")[1]
    assert before.first is not None
    select = {line["number"]: line for line in lines if line["split"] == "select"}
    least = {**select[before.first.number]}
    for number in {line.number for line in before.reported} - {before.first.number}:
        again = {**select[number], "scores": least["scores"], "losses": least["losses"]}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(again) + "\n")
    run = load(results, synthetic.TASK).of("nsga2")[1]
    assert len({line.number for line in run.reported}) == len(run.reported)
    assert run.first is not None  # of equally good ones the first trial
    assert run.first.number == min(
        line.number for line in before.reported if line.number is not None
    )


def test_a_run_that_is_not_judged_to_the_end_has_chosen_nothing(results: Path) -> None:
    path = results / RUN / "judged.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[1:]), encoding="utf-8")  # a select line is missing
    run = load(results, synthetic.TASK).of("nsga2")[1]
    assert run.chosen == {} and run.first is None and run.at_cost == {}
    assert run.reported  # the front, as far as it is there


def replace(old: str, new: str) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return apply


def drop_first_line(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").split("\n", 1)[1], encoding="utf-8")


def worsen_first_loss(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    record = json.loads(lines[0])
    record["losses"][0] += 0.01
    path.write_text("\n".join([json.dumps(record), *lines[1:], ""]), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        ("config.yaml", Path.unlink, "not a run's folder (no config.yaml)"),
        ("config.yaml", replace("task:", "tusk:"), "no mapping under the key 'task'"),
        ("config.yaml", replace("metric:", "metrics:"), "task.objectives must list name"),
        ("config.yaml", replace("ideal: 0.9", "ideal: 0.8"), "its objectives differ"),
        ("config.yaml", replace("ideal: 0.9", "ideal: 0.3"), "they must differ"),
        ("config.yaml", lambda path: path.write_bytes(b"\xff"), "not UTF-8"),
        ("config.yaml", lambda path: path.write_text("a: [", "utf-8"), "not valid YAML"),
        ("environment.json", Path.unlink, "environment.json: missing"),
        ("environment.json", replace("{", ""), "not valid JSON"),
        ("trials.jsonl", Path.unlink, "trials.jsonl: missing"),
        ("trials.jsonl", replace('"status"', '"state"'), "trials.jsonl, line 1"),
        ("trials.jsonl", drop_first_line, "trials.jsonl, line 1"),
        ("trials.jsonl", worsen_first_loss, "trials.jsonl, line 1: loss"),
        ("judged.jsonl", replace('"split"', '"spilt"'), "judged.jsonl, line 1"),
        ("judged.jsonl", replace('"inputs": [', '"inputs": [1,'), "judged.jsonl, line 1"),
        ("judged.jsonl", replace("maths.right_ja", "maths.other"), "no score 'maths.right_ja'"),
        ("judged.jsonl", worsen_first_loss, "judged.jsonl, line 1: loss"),
        ("judged.jsonl", replace('"number": ', '"number": 9'), "no successful trial"),
    ],
)
def test_damage_is_named(
    results: Path, file: str, damage: Callable[[Path], object], says: str
) -> None:
    damage(results / RUN / file)
    with pytest.raises(BadInput) as caught:
        load(results, synthetic.TASK)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["trials.jsonl", "judged.jsonl"])
@pytest.mark.parametrize("hops", ['"hops": []', '"hops": [["ja"]]', '"hops": [["ja", -1, 1.0]]'])
def test_a_damaged_layer_path_is_named(hopping: Path, tmp_path: Path, file: str, hops: str) -> None:
    results = Path(shutil.copytree(hopping, tmp_path / "results"))
    path = results / RUN / file
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[0] = re.sub(r'"hops": ?\[\[.*?\]\]', hops, lines[0])
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(
        BadInput, match=rf"{file}, line 1: not a judged model|{file}, line 1: .*path"
    ):
        load(results, synthetic.TASK)


def test_an_unknown_task_names_those_there_are(small: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"'other'; there are {synthetic.TASK}"):
        load(small, "other")
    with pytest.raises(BadInput, match="there are none"):
        load(tmp_path / "nowhere", "other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no runs"):
        load(tmp_path, "empty")


def test_a_folder_that_is_no_seed_is_refused(results: Path) -> None:
    (results / RUN).rename((results / RUN).with_name("seed=one"))
    with pytest.raises(BadInput, match="seed=<whole number>"):
        load(results, synthetic.TASK)


def test_journaled_losses_follow_from_the_scores(small: Path) -> None:
    for run in some(load(small, synthetic.TASK).runs):
        for trial in some(run.trials):
            for objective, loss in zip(synthetic.OBJECTIVES, trial.losses, strict=False):
                assert math.isclose(objective.loss(trial.scores[objective.metric].value), loss)
