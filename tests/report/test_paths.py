"""Which layer paths are shown, read from the files anew, and their hops as a table."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synthetic

from suite import report
from suite.recipes.layer_path import LayerPath
from suite.records.trial import Score
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import headline, paths, tables


@pytest.fixture(scope="module")
def results(hopping: Path) -> Results:
    return load(hopping, synthetic.TASK)


def judged(folder: Path, optimizer: str, seed: int) -> list[dict[str, Any]]:
    path = folder / synthetic.TASK / optimizer / f"seed={seed}" / "judged.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def every(folder: Path) -> dict[tuple[str, int, int], dict[str, Any]]:
    return {
        (optimizer, seed, line["number"]): line
        for optimizer in ("nsga2", "tpe")
        for seed in range(3)
        for line in judged(folder, optimizer, seed)
        if line["split"] == "report"
    }


def test_the_chosen_paths_of_the_first_seeds_come_first(hopping: Path, results: Results) -> None:
    first, second = paths.shown(results)[:2]
    for shown, optimizer in ((first, "nsga2"), (second, "tpe")):
        lines = judged(hopping, optimizer, 0)
        select = [line for line in lines if line["split"] == "select"]
        best = min(select, key=lambda line: (line["losses"][0], sum(line["losses"])))
        assert (shown.optimizer, shown.seed) == (optimizer, 0)
        assert shown.marks[0] == "chosen, seed 0"
        assert shown.path == LayerPath.from_json(best["recipe"])
        assert shown.trial == best["number"]


def test_the_best_per_objective_are_on_the_pooled_front(hopping: Path, results: Results) -> None:
    lines = every(hopping)
    for k, name in enumerate(("ja_math", "ja_general", "depth")):
        (best,) = (s for s in paths.shown(results) if f"best {name}" in s.marks)
        own = lines[best.key]["losses"]
        assert own[k] == min(line["losses"][k] for line in lines.values())
        assert not any(
            all(a <= b for a, b in zip(line["losses"], own, strict=True)) and line["losses"] != own
            for line in lines.values()
        )
        assert best.scores["cost.hops"].value == len(best.path.hops)


def test_one_trial_is_shown_once_with_all_its_marks(results: Results) -> None:
    shown = paths.shown(results)
    assert len({each.key for each in shown}) == len(shown)
    assert sum(len(each.marks) for each in shown) == 2 + 3


def test_the_table_holds_every_chosen_and_every_shown_hop(
    hopping: Path, results: Results, tmp_path: Path
) -> None:
    names = tables.Tables.of(results).write(tmp_path)
    assert "hops.csv" in names
    with (tmp_path / "hops.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["optimizer", "seed", "trial", "hop", "part", "layer", "scale"]
    found: dict[tuple[str, int, int], list[Any]] = {}
    for row in rows:
        hops = found.setdefault((row["optimizer"], int(row["seed"]), int(row["trial"])), [])
        assert int(row["hop"]) == len(hops)
        hops.append([row["part"], int(row["layer"]), float(row["scale"])])
    lines = every(hopping)
    wanted = {(r.optimizer, r.seed, r.first.number) for r in results.runs if r.first}
    wanted |= {each.key for each in paths.shown(results)}
    assert found == {key: lines[key]["recipe"]["hops"] for key in wanted}


def test_unjudged_runs_show_their_best_on_the_search_items(tmp_path: Path) -> None:
    synthetic.write(
        tmp_path, optimizers=("tpe",), seeds=2, trials=8, judged=False, items=(20, 20), paths=True
    )
    results = load(tmp_path, synthetic.TASK)
    done = [t for run in results.runs for t in run.trials if t.status == "ok"]
    shown = paths.shown(results)
    assert not any("chosen" in mark for each in shown for mark in each.marks)
    (best,) = (each for each in shown if "best ja_math" in each.marks)
    value = max(t.scores["maths.right_ja"].value for t in done)
    assert best.scores["maths.right_ja"].value == value


@pytest.mark.usefixtures("blank_figures")
def test_merges_have_no_paths(small: Path, tmp_path: Path) -> None:
    results = load(small, synthetic.TASK)
    assert (paths.shown(results), paths.hop_rows(results)) == ([], [])
    page = report.build(small, synthetic.TASK, tmp_path)
    assert not (tmp_path / "hops.csv").exists()
    assert 'id="paths"' not in page.read_text(encoding="utf-8")


def test_a_frankenmerge_is_hand_tuned_and_told_from_merges(results: Results) -> None:
    kinds = {row.name: row.kind for row in tables.baseline_rows(results)}
    assert kinds["uniform"] == "layer path"
    assert kinds["base"] == "single model"
    assert kinds["ties_0.2"] == "merge"
    assert "uniform" not in {b.name for b in results.baselines if b.unmerged}


def failing(results: Results, depth: Score) -> Results:
    """One run whose chosen path answers nothing and costs `depth`."""
    run = results.runs[0]
    chosen = run.chosen["best ja_math"]
    nothing = {o.metric: Score.mean([0.0] * 120) for o in results.objectives[:2]}
    scores = {**nothing, "cost.hops": depth}
    losses = tuple(o.loss(scores[o.metric].value) for o in results.objectives)
    line = replace(chosen, scores=scores, losses=losses)
    only = replace(run, reported=(line,), chosen={"best ja_math": line})
    return replace(results, runs=(only,))


@pytest.mark.parametrize(("depth", "more"), [(12.0, 6.0), (6.0, 0.0)])
def test_depth_is_exact_and_needs_no_test(results: Results, depth: float, more: float) -> None:
    rows = headline.chosen_rows(failing(results, Score(depth, 0.0, 1)))
    assert [row.relation for row in rows] == ["dominated"] * 3
    assert all(row.resolved for row in rows)
    assert rows[2].difference == more
    assert math.isnan(rows[2].p)
    assert math.isnan(rows[2].low)


def test_a_timed_cost_is_not_exact(results: Results) -> None:
    rows = headline.chosen_rows(failing(results, Score(12.0, 0.3, 5)))
    assert [(row.relation, row.resolved) for row in rows] == [("dominated", False)] * 3
    assert math.isnan(rows[2].difference)
