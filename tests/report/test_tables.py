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

from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import headline, tables
from suite.statistics import halves, multiple
from tests.nonempty import some


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


def picked(folder: Path, optimizer: str, seed: int) -> dict[str, dict[str, Any]]:
    """By rule, the judged line of the merge that is best on the select items, by hand."""
    lines = read(folder / optimizer / f"seed={seed}" / "judged.jsonl")
    select = {line["number"]: line["losses"] for line in lines if line["split"] == "select"}
    report = {line["number"]: line for line in lines if line["split"] == "report"}
    best = {
        "best ja_math": min(select, key=lambda n: (select[n][0], sum(select[n]), n)),
        "best ja_general": min(select, key=lambda n: (select[n][1], sum(select[n]), n)),
        "utility": min(select, key=lambda n: (sum(select[n]), n)),
    }
    return {rule: report[number] for rule, number in best.items()}


def test_chosen_merges_against_the_best_baseline(small: Path, results: Results) -> None:
    folder = small / synthetic.TASK
    baselines = read(folder / "baselines" / "judged.jsonl")
    merges = [b for b in baselines if b["name"] != "base" and not b["name"].startswith("parent")]
    metric = {o.name: o.metric for o in synthetic.OBJECTIVES}
    place = {"best ja_math": 0, "best ja_general": 1}
    rows = headline.chosen_rows(results)
    assert len(rows) == 4 * 3 * 5 * 2  # rules, optimizers, seeds, objectives
    for row in rows:
        if row.rule == "knee":
            continue
        k = place.get(row.rule)
        best = min(merges, key=lambda b: b["losses"][k] if k is not None else sum(b["losses"]))
        chosen = picked(folder, row.optimizer, row.seed)[row.rule]
        a, b = (outcomes(each, metric[row.objective]) for each in (chosen, best))
        won, lost = (
            sum(x > y for x, y in zip(a, b, strict=True)),
            sum(x < y for x, y in zip(a, b, strict=True)),
        )
        n = won + lost
        tail = sum(math.comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
        assert (row.at_cost, row.trials, row.trial) == (False, 30, chosen["number"])
        assert row.baseline == best["name"]
        assert row.score == pytest.approx(mean(a))
        assert row.difference == pytest.approx(mean(a) - mean(b))
        assert row.p == pytest.approx(min(1, 2 * tail))
        assert row.p <= row.p_holm <= 1
        assert row.low <= row.difference <= row.high


def test_summary_holds_all_seeds_their_median_and_the_mean_gain(results: Results) -> None:
    rows = headline.chosen_rows(results)
    found = headline.summary_rows(results, rows)
    assert len(found) == 4 * 3 * 2
    for each in found:
        own = [
            r
            for r in rows
            if (r.optimizer, r.rule, r.objective) == (each.optimizer, each.rule, each.objective)
        ]
        assert list(each.values) == [r.score for r in own]
        assert each.median == median(each.values)
        assert each.low <= each.median <= each.high
        assert each.gain == pytest.approx(mean([r.difference for r in own]))
        assert each.gain_low < each.gain < each.gain_high
        assert (each.gain_low > 0 or each.gain_high < 0) == (each.gain_p < 0.05)
        # the items' part alone is no less than that of one run's mean over items
        assert each.gain_high - each.gain >= 2 * min(r.high - r.low for r in own) / 6
        dominating = [r for r in own if r.resolved and r.relation == "dominates"]
        assert each.better == len(dominating)
    for rule in ("best ja_math", "utility"):
        family = [r for r in found if r.rule == rule and r.objective == "ja_math"]
        assert [r.gain_p_holm for r in family] == pytest.approx(
            multiple.holm([r.gain_p for r in family]).tolist()
        )


def test_no_interval_over_fewer_than_five_seeds(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=4, trials=8, items=(20, 20))
    loaded = load(tmp_path, synthetic.TASK)
    for row in some(headline.summary_rows(loaded, headline.chosen_rows(loaded))):
        assert math.isnan(row.low)
        assert len(row.values) == 4


def front(losses: list[list[float]]) -> set[tuple[float, ...]]:
    """The losses that no other is as small as in both and smaller in one."""
    rows = {tuple(row) for row in losses}
    return {a for a in rows if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in rows)}


def test_runs_table(small: Path, results: Results) -> None:
    for row in some(tables.Tables.of(results).runs):
        folder = small / synthetic.TASK / row.optimizer / f"seed={row.seed}"
        trials, judged = read(folder / "trials.jsonl"), read(folder / "judged.jsonl")
        done = [t for t in trials if t["status"] == "ok"]
        assert (row.trials, row.budget, row.failures) == (30, 30, 30 - len(done))
        assert row.seconds == median(t["seconds"]["total"] for t in done)
        assert row.hypervolume == pytest.approx(area([t["losses"] for t in done]))
        counted = [j["losses"] for j in judged if j["split"] == "report"]
        assert row.report_hypervolume == pytest.approx(area(counted))
        table = [outcomes(t, "maths.right_ja") for t in done]
        assert row.optimism == halves.optimism(table) != 0
        tokens = [t["scores"]["maths.tokens"] for t in done]
        assert row.tokens == pytest.approx(sum(t["value"] * t["n"] for t in tokens))
        assert row.gap == row.hypervolume - row.report_hypervolume
        assert math.isnan(row.igd_plus) and math.isnan(row.epsilon)  # nothing is frozen
        assert row.front == len(front([t["losses"] for t in done]))


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
        "best_merges.csv",
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
