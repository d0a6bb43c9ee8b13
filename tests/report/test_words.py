"""The sentences say what the tables hold, and no more than is resolved."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from scipy.stats import mannwhitneyu

from suite.report import headline, words
from suite.report.load import load
from suite.report.results import Results


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


@pytest.fixture(scope="module")
def rows(results: Results) -> list[headline.ChosenRow]:
    return headline.chosen_rows(results)


def test_the_conclusion_names_the_best_median_and_its_distance(
    results: Results, rows: list[headline.ChosenRow]
) -> None:
    first, second = words.conclusion(results, rows)
    summaries = [s for s in headline.summary_rows(rows) if s.objective == "ja_math"]
    best = max(summaries, key=lambda summary: summary.median)
    row = next(r for r in rows if r.optimizer == best.optimizer and r.is_median)
    assert first.startswith(f"{best.optimizer} has the best median for ja_math")
    assert f"reaches {100 * best.median:.1f} %" in first
    assert f"{100 * (best.median - row.baseline_score):.1f} points better than" in first
    assert f"{row.baseline}, with {100 * row.baseline_score:.1f} %" in first
    assert "a difference that is resolved" in first
    general = next(
        r for r in rows if (r.optimizer, r.seed, r.objective) == (row.optimizer, row.seed, "ja_general")
    )  # fmt: skip
    assert f"ja_general {words.signed(general.difference, 1, 100)}" in second


@pytest.mark.parametrize(
    ("score", "p", "says"),
    [
        (0.40, 0.001, "10.0 points worse than the best hand-tuned merge"),
        (0.50, 1.0, "0.0 points away from"),
        (0.52, 0.2, "a difference that is not resolved"),
        (0.52, math.nan, "without item outcomes"),
    ],
)
def test_losses_ties_and_doubts_are_said(
    results: Results, rows: list[headline.ChosenRow], score: float, p: float, says: str
) -> None:
    own = [r for r in rows if (r.optimizer, r.seed) == (rows[0].optimizer, rows[0].seed)]
    changed = [
        replace(r, score=score, baseline_score=0.5, p=p, p_holm=p, is_median=True) for r in own
    ]
    assert says in words.conclusion(results, changed)[0]


def test_nothing_is_concluded_from_nothing(results: Results) -> None:
    assert words.conclusion(results, []) == []
    unjudged = replace(results, runs=tuple(replace(run, judged=None) for run in results.runs))
    assert words.distinct_points(unjudged) == ""


def test_without_baselines_no_comparison_is_claimed(results: Results) -> None:
    alone = replace(results, baselines=())
    (sentence,) = words.conclusion(alone, headline.chosen_rows(alone))
    assert sentence.endswith("no hand-tuned merge is judged to compare it with.")


def test_distinct_points_are_counted_by_dominance(results: Results) -> None:
    def count(optimizers: tuple[str, ...]) -> int:
        points = {x.losses for r in results.runs if r.optimizer in optimizers for x in r.reported}
        return sum(
            not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points) for p in points
        )

    text = words.distinct_points(results)
    for optimizer in results.optimizers:
        assert f"{optimizer} {count((optimizer,))}" in text
    assert text.endswith(f"all optimizers together {count(results.optimizers)}.")


@pytest.mark.parametrize(("seeds", "pairs"), itertools.product([2, 3, 4, 5, 6, 8], [1, 3, 6]))
def test_what_the_seeds_can_resolve(seeds: int, pairs: int) -> None:
    low, high = list(range(seeds)), list(range(seeds, 2 * seeds))
    apart = mannwhitneyu(low, high, method="exact").pvalue
    low[-1], high[0] = high[0], low[-1]  # one run of each out of place: U = 1
    nearly = mannwhitneyu(low, high, method="exact").pvalue
    text = words.separation(seeds, pairs)
    assert ("No difference" in text) == (apart * pairs >= 0.05)
    assert ("only complete separation" in text) == (apart * pairs < 0.05 <= nearly * pairs)


def test_figures_are_written_alike() -> None:
    assert words.fixed(0.6512, 1, 100.0) == "65.1"
    assert (words.fixed(math.nan), words.fixed(math.inf)) == ("–", "∞")
    assert (words.signed(-0.031, 1, 100.0), words.signed(0.2, 1)) == ("−3.1", "+0.2")
    assert (words.pvalue(0.0004), words.pvalue(0.0316), words.pvalue(math.nan)) == (
        "<0.001", "0.032", "–",
    )  # fmt: skip
