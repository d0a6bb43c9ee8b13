"""The tables' figures against computations that share no code with them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest
import synthetic

from suite.report import headline, tables
from suite.report.load import load
from suite.report.results import Results
from suite.statistics import halves


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def outcomes(line: dict[str, Any], metric: str) -> list[int]:
    return [int(digit) for digit in line["scores"][metric]["items"]]


def area(points: list[list[float]]) -> float:
    """Dominated share of the unit square, by sweeping from the least first loss on."""
    share, ceiling = 0.0, 1.0
    for a, b in sorted(points):
        if a < 1 and b < ceiling:
            share += (1 - max(a, 0)) * (ceiling - max(b, 0))
            ceiling = max(b, 0)
    return share


def test_chosen_merges_against_the_best_hand_tuned_one(small: Path, results: Results) -> None:
    folder = small / synthetic.TASK
    baselines = read(folder / "baselines" / "judged.jsonl")
    merges = [b for b in baselines if b["name"] != "base" and not b["name"].startswith("parent")]
    best = max(merges, key=lambda b: b["scores"]["maths.right_ja"]["value"])
    rows = headline.chosen_rows(results)
    assert len(rows) == 3 * 5 * 2
    for row in rows:
        lines = read(folder / row.optimizer / f"seed={row.seed}" / "judged.jsonl")
        (chosen,) = (line for line in lines if line["chosen"])
        metric = next(o.metric for o in synthetic.OBJECTIVES if o.name == row.objective)
        a, b = outcomes(chosen, metric), outcomes(best, metric)
        won, lost = (
            sum(x > y for x, y in zip(a, b, strict=True)),
            sum(x < y for x, y in zip(a, b, strict=True)),
        )
        n = won + lost
        tail = sum(math.comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
        assert row.baseline == best["name"]
        assert row.score == pytest.approx(mean(a))
        assert row.difference == pytest.approx(mean(a) - mean(b))
        assert row.p == pytest.approx(min(1, 2 * tail))
        assert row.p <= row.p_holm <= 1
        assert row.low <= row.difference <= row.high


def test_the_median_seed_has_the_median_score(results: Results) -> None:
    rows = [r for r in headline.chosen_rows(results) if r.objective == "ja_math"]
    for optimizer in results.optimizers:
        own = [row for row in rows if row.optimizer == optimizer]
        (marked,) = (row for row in own if row.is_median)
        assert marked.score == median(row.score for row in own)


def test_summary_holds_all_seeds_and_their_median(results: Results) -> None:
    rows = headline.chosen_rows(results)
    for summary in headline.summary_rows(rows):
        own = [r.score for r in rows if headline._key(r) == (summary.optimizer, summary.objective)]
        assert list(summary.values) == own
        assert summary.median == median(own)
        assert summary.low <= summary.median <= summary.high


def test_no_interval_over_fewer_than_five_seeds(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=4, trials=8, items=(20, 20))
    for row in headline.summary_rows(headline.chosen_rows(load(tmp_path, synthetic.TASK))):
        assert math.isnan(row.low)
        assert len(row.values) == 4


def test_runs_table(small: Path, results: Results) -> None:
    for row in tables.Tables.of(results).runs:
        folder = small / synthetic.TASK / row.optimizer / f"seed={row.seed}"
        trials, judged = read(folder / "trials.jsonl"), read(folder / "judged.jsonl")
        done = [t for t in trials if t["status"] == "ok"]
        assert (row.trials, row.budget, row.failures) == (30, 30, 30 - len(done))
        assert row.seconds == median(t["seconds"]["total"] for t in done)
        assert row.hypervolume == pytest.approx(area([t["losses"] for t in done]))
        assert row.report_hypervolume == pytest.approx(area([j["losses"] for j in judged]))
        table = [outcomes(t, "maths.right_ja") for t in done]
        assert row.optimism == halves.optimism(table) != 0
        tokens = [t["scores"]["maths.tokens"] for t in done]
        assert row.tokens == pytest.approx(sum(t["value"] * t["n"] for t in tokens))
        assert row.gap == row.hypervolume - row.report_hypervolume
        assert math.isnan(row.igd_plus) and math.isnan(row.epsilon)  # nothing is frozen
        assert row.front == len(judged)  # the synthetic judge measures exactly the search front


def test_baselines_are_sorted_and_their_front_is_marked(small: Path, results: Results) -> None:
    lines = read(small / synthetic.TASK / "baselines" / "judged.jsonl")
    rows = [r for r in tables.baseline_rows(results) if r.objective == "ja_math"]
    assert [r.score for r in rows] == sorted((r.score for r in rows), reverse=True)
    for row in rows:
        own = next(line["losses"] for line in lines if line["name"] == row.name)
        beaten = any(
            all(x <= y for x, y in zip(line["losses"], own, strict=True)) and line["losses"] != own
            for line in lines
        )
        assert row.on_front != beaten
    assert {r.name for r in rows if r.kind == "single model"} == {
        "base", "parent_ja", "parent_maths_1", "parent_maths_2",
    }  # fmt: skip


def test_csv_says_what_the_tables_say(results: Results, tmp_path: Path) -> None:
    built = tables.Tables.of(results)
    assert built.write(tmp_path) == [
        "chosen.csv", "summary.csv", "runs.csv", "comparisons.csv", "baselines.csv",
        "answers.csv", "strategies.csv", "failures.csv", "controls.csv", "surfaces.csv",
    ]  # fmt: skip
    with (tmp_path / "runs.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [float(line["hypervolume"]) for line in found] == [r.hypervolume for r in built.runs]
    with (tmp_path / "summary.csv").open(encoding="utf-8") as file:
        values = next(csv.DictReader(file))["values"]
    assert tuple(map(float, values.split())) == built.summary[0].values
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    assert [line["prompt"] for line in told] == [row.prompt for row in built.answers]
    assert told[0]["figures"].split() == list(built.answers[0].figures)


def test_without_judged_models_the_tables_are_there_and_say_nothing(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=6, judged=False, items=(20, 20))
    built = tables.Tables.of(load(tmp_path, synthetic.TASK))
    assert (built.chosen, built.summary, built.baselines, built.comparisons) == ([], [], [], [])
    assert all(math.isnan(row.report_hypervolume) for row in built.runs)
    assert "answers.csv" not in built.write(tmp_path)
    assert (tmp_path / "baselines.csv").read_text(encoding="utf-8").startswith("name,kind,")


def test_without_item_outcomes_there_is_no_paired_test(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=1, trials=6, items=(20, 20))
    path = tmp_path / synthetic.TASK / "baselines" / "judged.jsonl"
    lines = read(path)
    for line in lines:
        for score in line["scores"].values():
            score["items"] = ""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    rows = headline.chosen_rows(load(tmp_path, synthetic.TASK))
    assert rows
    assert all(math.isnan(row.p) and math.isnan(row.p_holm) and not row.resolved for row in rows)
