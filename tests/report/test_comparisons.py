"""Pairs of optimizers against computations that share no code with them."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np
import pytest
import synthetic
from scipy.stats import mannwhitneyu

from suite.report import comparisons
from suite.report.load import load
from suite.report.results import Results


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


def test_comparison_table(results: Results) -> None:
    final = {
        name: [area([list(t.losses) for t in run.trials if t.losses]) for run in results.of(name)]
        for name in results.optimizers
    }
    rows = comparisons.comparison_rows(results)
    assert [(r.a, r.b) for r in rows] == [("nsga2", "random"), ("nsga2", "tpe"), ("random", "tpe")]
    for row in rows:
        a, b = final[row.a], final[row.b]
        assert row.p == pytest.approx(mannwhitneyu(a, b, method="exact").pvalue)
        assert row.improvement == np.mean([[x > y for y in b] for x in a])
        assert row.improvement_low <= row.improvement <= row.improvement_high
        assert (row.median_a, row.median_b) == pytest.approx((median(a), median(b)))
        assert row.p <= row.p_holm <= min(1, 3 * row.p)
        assert 0.0625 <= row.p_paired <= row.p_paired_holm <= 1  # 2 / 2^5 at the least


def final(*shifts: float, seeds: int = 8) -> dict[str, dict[int, float]]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(len(shifts), seeds)) + np.array(shifts)[:, None]
    return {f"s{k}": dict(enumerate(row.tolist())) for k, row in enumerate(values)}


def test_the_verdict_names_the_better_one_and_only_where_it_is_resolved() -> None:
    rows = comparisons.compared(final(0, 0, 9))
    assert {(r.a, r.b): r.better for r in rows} == {
        ("s0", "s1"): "", ("s0", "s2"): "s2", ("s1", "s2"): "s2",
    }  # fmt: skip
    assert comparisons.beaten(rows, "s2") == ["s0", "s1"]
    assert comparisons.beaten(rows, "s0") == []


def test_the_paired_test_uses_common_seeds_alone() -> None:
    scores = final(0, 9, seeds=10)
    for seed in (0, 1):
        del scores["s0"][seed]
    (row,) = comparisons.compared(scores)
    assert (row.seeds_a, row.seeds_b) == (8, 10)
    assert row.p_paired == pytest.approx(2 / 2**8)
    scores["s0"] = {seed + 100: value for seed, value in scores["s0"].items()}
    (row,) = comparisons.compared(scores)
    assert np.isnan(row.p_paired) and row.better == "s1"


def test_optimizers_are_ordered_by_their_median(results: Results) -> None:
    names = comparisons.ordered(results)
    medians = [median(results.final[name].values()) for name in names]
    assert medians == sorted(medians, reverse=True)
    assert set(names) == set(results.optimizers)
