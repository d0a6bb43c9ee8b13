"""The hand tuning in the report: its stages, and runs looked at as they were at its cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from scipy.stats import t

from suite import report
from suite.report.load.controls import control_rows
from suite.report.load.hand_tuned import stage_rows, taken_home
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import headline
from suite.report.rows.front_gains import front_gains
from suite.statistics import choice, pareto

NAMES = ["ja_math", "ja_general"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tuned")
    synthetic.write(path, optimizers=("tpe",), seeds=3, trials=12, items=(40, 60), tuned=True)
    return path


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return load(folder, synthetic.TASK)


def lines(folder: Path) -> list[dict[str, object]]:
    path = folder / synthetic.TASK / "hand_tuned" / "judged.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_stage_takes_home_what_is_best_on_select_items_by_then(
    folder: Path, results: Results
) -> None:
    assert results.tuned is not None
    select = {ln["number"]: ln["losses"] for ln in lines(folder) if ln["split"] == "select"}
    report_ = {ln["number"]: ln["losses"] for ln in lines(folder) if ln["split"] == "report"}
    assert [(s.name, s.candidates) for s in results.tuned.stages] == [
        ("one_weight", 2),
        ("ties", 3),
    ]
    for stage in results.tuned.stages:
        by_then = {n: v for n, v in select.items() if n < stage.candidates}  # type: ignore[operator]
        for rule, number in choice.choose(by_then, NAMES).items():  # type: ignore[arg-type]
            assert stage.chosen[rule].number == number
            assert list(stage.chosen[rule].losses) == report_[number]
    assert len(stage_rows(results.tuned, results.objectives)) == 2 * 4 * 2
    (row,) = (r for r in control_rows(results) if r.control == "hand tuning by rule")
    assert row.there and "front of 3 candidates" in row.measured


def test_searches_are_compared_with_it_by_the_same_rule_at_its_cost_and_at_the_end(
    results: Results,
) -> None:
    assert results.tuned is not None
    rows = headline.chosen_rows(results)
    assert {(row.at_cost, row.trials) for row in rows} <= {(False, 12), (True, 3)}
    for row in rows:
        assert row.baseline == results.tuned.chosen[row.rule].name
        assert row.trial is not None and row.trial < row.trials


def test_a_run_that_is_not_judged_at_that_cost_has_no_row_there(folder: Path) -> None:
    """The first three trials must be on select items; here those that are no later candidates are not."""
    loaded = load(folder, synthetic.TASK)
    assert any(run.at_cost for run in loaded.runs) and not all(run.at_cost for run in loaded.runs)
    for run in loaded.runs:
        candidates = set(choice.candidates(run.losses(2)[:3]))
        judged = set(choice.candidates(run.losses(2)))
        if not candidates <= judged:
            assert run.at_cost == {}
        for pick in run.at_cost.values():
            assert pick.number in candidates


def test_the_page_has_both(folder: Path, tmp_path: Path) -> None:
    text = report.build(folder, synthetic.TASK, tmp_path).read_text(encoding="utf-8")
    assert "What tuning by hand comes to" in text
    assert "Hand tuning by rule tried 3 merges" in text
    assert (tmp_path / "hand_tuned.csv").exists()


def test_a_tuning_that_is_not_at_its_end_does_not_count(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=1, trials=6, items=(20, 20), tuned=True)
    path = tmp_path / synthetic.TASK / "hand_tuned" / "judged.jsonl"
    text = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(text[1:]), encoding="utf-8")
    assert load(tmp_path, synthetic.TASK).tuned is None


def test_a_stage_is_listed_where_it_found_another_merge(results: Results) -> None:
    assert results.tuned is not None
    listed = taken_home(stage_rows(results.tuned, results.objectives))
    first, last = results.tuned.stages
    for rule in last.chosen:
        merges = [merge for (of, _, _, merge), _ in listed.items() if of == rule]
        assert merges == list(dict.fromkeys([first.chosen[rule].name, last.chosen[rule].name]))
    assert all(len(rows) == len(NAMES) for rows in listed.values())


def test_fronts_are_compared_with_the_hand_tunings_over_seeds_and_items(results: Results) -> None:
    assert results.tuned is not None
    (row,) = front_gains(results)
    own = pareto.hypervolume([merge.losses for merge in results.tuned.front])
    runs = [pareto.hypervolume([m.losses for m in run.reported]) for run in results.runs]
    assert (row.optimizer, row.seeds, row.baseline) == ("tpe", 3, own)
    assert row.gain == pytest.approx(np.mean(runs) - own)
    reach = t.ppf(0.975, 2) * np.std(runs, ddof=1) / np.sqrt(3)
    assert row.high - row.gain > reach  # items count beside the seeds
    assert row.p == row.p_holm
    assert front_gains(replace(results, tuned=None)) == []


def test_a_front_against_itself_is_no_gain(results: Results) -> None:
    assert results.tuned is not None
    same = tuple(replace(run, reported=results.tuned.front) for run in results.runs)
    (row,) = front_gains(replace(results, runs=same))
    assert row.gain == pytest.approx(0.0) and row.p == 1.0
