"""Pairs of optimizers against computations that share no code with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import synthetic
from scipy.stats import mannwhitneyu

from suite.commands.report import freeze
from suite.report.load.load import load
from suite.report.load.results import Judged, Results
from suite.report.rows import comparisons
from suite.report.rows.comparisons import Ends
from suite.report.rows.item_draws import ItemDraws, item_draws
from suite.report.rows.tables import Tables
from suite.statistics import crossed
from suite.statistics.families import Family


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def area(points: list[list[float]]) -> float:
    """Dominated share of the unit square, by sweeping from the least first loss on."""
    share, ceiling = 0.0, 1.0
    for a, b in sorted(points):
        if a < 1 and b < ceiling:
            share += (1 - max(a, 0)) * (ceiling - max(b, 0))
            ceiling = max(b, 0)
    return share


def ends(results: Results, folder: Path) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Hypervolumes by optimizer, on search items and on report items, from the files alone."""
    search, report = {}, {}
    for name in results.optimizers:
        search[name] = [
            area([list(t.losses) for t in run.trials if t.losses]) for run in results.of(name)
        ]
        report[name] = [
            area(
                [
                    line["losses"]
                    for line in map(json.loads, path.open("rb"))
                    if line["split"] == "report"
                ]
            )
            for seed in range(5)
            if (path := folder / synthetic.TASK / name / f"seed={seed}" / "judged.jsonl")
        ]
    return search, report


def test_comparison_table(results: Results, small: Path) -> None:
    search, report = ends(results, small)
    rows = comparisons.comparison_rows(results)
    assert [(r.family, r.a, r.b) for r in rows] == [
        ("controls", "nsga2", "random"), ("controls", "tpe", "random"), ("pairs", "nsga2", "tpe"),
    ]  # fmt: skip
    for row in rows:
        a, b = report[row.a], report[row.b]
        assert (row.measure, row.held) == ("report_hypervolume", ())
        assert row.p == pytest.approx(mannwhitneyu(a, b, method="exact").pvalue)
        assert row.improvement == np.mean([[x > y for y in b] for x in a])
        assert row.improvement_low <= row.improvement <= row.improvement_high
        assert (row.median_a, row.median_b) == pytest.approx((median(a), median(b)))
        size = 2 if row.family == "controls" else 1
        assert row.p <= row.p_holm <= min(1, size * row.p)
        assert 0.0625 <= row.p_paired <= row.p_paired_holm <= 1  # 2 / 2^5 at the least
        assert row.difference == pytest.approx(np.mean(a) - np.mean(b))
        assert row.sd_seeds == pytest.approx(np.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 5))
        assert row.sd_items > 0 and row.p_items <= row.p_items_holm <= min(1, size * row.p_items)
        assert row.difference_low < row.difference < row.difference_high
        a, b = search[row.a], search[row.b]
        assert (row.search_median_a, row.search_median_b) == pytest.approx((median(a), median(b)))
        assert row.search_p == pytest.approx(mannwhitneyu(a, b, method="exact").pvalue)
        assert row.search_improvement == np.mean([[x > y for y in b] for x in a])
        sure = max(row.p_holm, row.p_items_holm) < 0.05
        assert bool(row.better) == sure


def test_items_are_drawn_again_from_the_outcomes_of_the_judged_merges(results: Results) -> None:
    """The first draw by hand: weights, scores, losses, area."""
    drawn = item_draws(results, resamples=20)
    run = results.runs[3]
    counts = {
        name: crossed.counts({f"{name}/120": 120}, resamples=20)[f"{name}/120"][7]
        for name in ("maths", "general")
    }
    points = []
    for line in run.reported:
        shares = [
            np.repeat(line.scores[metric].items, counts[name].astype(int)).mean()
            for name, metric in (("maths", "maths.right_ja"), ("general", "general.accuracy"))
        ]
        points.append([(0.9 - shares[0]) / 0.6, (0.9 - shares[1]) / 0.5])
    assert drawn.volumes[run.optimizer][run.seed][7] == pytest.approx(area(points))
    assert drawn.held == dict.fromkeys(results.optimizers, ())


def test_a_figure_without_items_is_held_fixed_and_named(hopping: Path) -> None:
    rows = comparisons.comparison_rows(load(hopping, synthetic.TASK))
    assert rows and all(row.held == ("depth",) and row.sd_items > 0 for row in rows)


def test_without_outcomes_of_items_the_seeds_alone_decide(results: Results) -> None:
    def bare(line: Judged) -> Judged:
        scores = {name: replace(score, items=()) for name, score in line.scores.items()}
        return replace(line, scores=scores)

    runs = tuple(replace(run, reported=tuple(map(bare, run.reported))) for run in results.runs)
    found = comparisons.comparison_rows(replace(results, runs=runs))
    assert found
    for row in found:
        assert np.isnan(row.p_items) and np.isnan(row.sd_items) and row.held == ()
        assert bool(row.better) == (row.p_holm < 0.05)


def test_the_verdict_needs_both_tests_where_items_are_known() -> None:
    scores = final(0, 9)
    ends = Ends(scores, scores, ItemDraws())
    family = (Family("pairs", "", "report_hypervolume", (("s0", "s1"),)),)
    assert comparisons.compared(ends, family)[0].better == "s1"
    still = {n: {k: np.full(9, v) for k, v in by.items()} for n, by in scores.items()}
    assert comparisons.compared(Ends(scores, scores, ItemDraws(still)), family)[0].better == "s1"
    rng = np.random.default_rng(
        1
    )  # what the items favour is the strategy's, the same in every seed
    shaken = {n: rng.normal(0, 20, 9) for n in scores}
    loud = {n: {k: v + shaken[n] for k, v in by.items()} for n, by in still.items()}
    (row,) = comparisons.compared(Ends(scores, scores, ItemDraws(loud)), family)
    assert row.p_holm < 0.05 < row.p_items_holm and row.better == ""
    assert comparisons.compared(Ends(scores), family) == []  # nothing is judged


def test_adding_a_strategy_changes_no_published_row(tmp_path: Path) -> None:
    """Byte for byte: the rows of old pairs, p values, intervals, verdicts and all."""
    names = ("gde3", "lambda_grid", "nsga2", "random", "tpe")
    synthetic.write(tmp_path, optimizers=names, seeds=4, trials=12, items=(20, 40))
    freeze(tmp_path, synthetic.TASK)
    file = tmp_path / synthetic.TASK / "families.json"
    before, was = table(tmp_path), file.read_text("utf-8")
    for name in ("cma_es", "random_sources"):  # the first by name, and a control
        synthetic.write(tmp_path / "new", optimizers=(name,), seeds=4, trials=12, items=(20, 40))
        source = tmp_path / "new" / synthetic.TASK / name
        source.rename(tmp_path / synthetic.TASK / name)
        shutil.rmtree(tmp_path / "new")
        after = table(tmp_path)
        assert after[: len(before)] == before
        assert {line.split(",")[0] for line in after[len(before) :]} <= {
            f"{kind}-{k}" for kind in ("controls", "pairs") for k in (2, 3)
        }
        assert freeze(tmp_path, synthetic.TASK) == [file]
        assert file.read_text("utf-8").startswith(was.rstrip("\n]}"))
        dated = table(tmp_path)
        assert dated[: len(before)] == before and len(dated) == len(after)
        assert freeze(tmp_path, synthetic.TASK) == []
        before, was = dated, file.read_text("utf-8")


def table(results: Path) -> list[str]:
    out = results / "tables"
    out.mkdir(exist_ok=True)
    Tables.of(load(results, synthetic.TASK)).write(out)
    return (out / "comparisons.csv").read_text("utf-8").splitlines()


def final(*shifts: float, seeds: int = 8) -> dict[str, dict[int, float]]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(len(shifts), seeds)) + np.array(shifts)[:, None]
    return {f"s{k}": dict(enumerate(row.tolist())) for k, row in enumerate(values)}


def test_the_verdict_names_the_better_one_and_only_where_it_is_resolved() -> None:
    rows = comparisons.compared(Ends(final(0, 0, 9)))
    assert {(r.a, r.b): r.better for r in rows} == {
        ("s0", "s1"): "", ("s0", "s2"): "s2", ("s1", "s2"): "s2",
    }  # fmt: skip
    assert comparisons.beaten(rows, "s2") == ["s0", "s1"]
    assert comparisons.beaten(rows, "s0") == []


def test_the_paired_test_uses_common_seeds_alone() -> None:
    scores = final(0, 9, seeds=10)
    for seed in (0, 1):
        del scores["s0"][seed]
    (row,) = comparisons.compared(Ends(scores))
    assert (row.seeds_a, row.seeds_b) == (8, 10)
    assert row.p_paired == pytest.approx(2 / 2**8)
    scores["s0"] = {seed + 100: value for seed, value in scores["s0"].items()}
    (row,) = comparisons.compared(Ends(scores))
    assert np.isnan(row.p_paired) and row.better == "s1"


def test_optimizers_are_ordered_by_their_median(results: Results) -> None:
    names = comparisons.ordered(results)
    medians = [median(results.reported[name].values()) for name in names]
    assert medians == sorted(medians, reverse=True)
    assert set(names) == set(results.optimizers)
