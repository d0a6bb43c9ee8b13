"""Answers side by side and the run card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import synthetic

from suite.report import answers
from suite.report.load import load
from suite.report.results import Results


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def test_every_question_has_the_best_merge_first_and_all_parents(results: Results) -> None:
    chosen = [run.chosen for run in results.runs if run.chosen]
    best = min(chosen, key=lambda line: line.losses[0])
    questions = answers.side_by_side(results)
    assert [q.prompt for q in questions] == [s.prompt for s in best.samples]
    for question, sample in zip(questions, best.samples, strict=True):
        names = [name for name, _ in question.replies]
        assert names[0].endswith(best.name)
        assert question.replies[0][1] == sample
        assert set(names[2:]) == {"base", "parent_ja", "parent_maths_1", "parent_maths_2"}


def test_a_model_without_a_question_is_left_out_of_it(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=1, trials=6, items=(20, 20))
    path = tmp_path / synthetic.TASK / "baselines" / "judged.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["name"] == "base":
            line["samples"] = line["samples"][1:]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    questions = answers.side_by_side(load(tmp_path, synthetic.TASK))
    assert ["base" in dict(question.replies) for question in questions] == [False, True, True, True]


def test_the_card_counts_the_runs_behind_each_value(results: Results) -> None:
    lines = {line.key: line.values for line in answers.run_card(results)}
    assert lines["packages.torch"] == (("2.13.0", 15),)
    assert lines["git.dirty"] == (("False", 15),)
    assert lines["seed"] == tuple((str(seed), 3) for seed in range(5))
