"""What is said of searches and hand tuning is what the tables hold, and no more than is resolved."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic

from suite.report.load.load import load
from suite.report.load.results import HandTuned, Results, Stage
from suite.report.rows import headline
from suite.report.rows.conclusion import conclusion
from suite.report.rows.words import signed
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    """With a hand tuning whose choice is the best baseline for everything, at 12 candidates."""
    loaded = load(small, synthetic.TASK)
    best = headline.best_baseline(loaded)
    assert best is not None
    rules = headline.baselines_by_rule(loaded)
    stages = (Stage("one_weight", 5, dict.fromkeys(rules, best)),)
    tuned = HandTuned((*stages, Stage("two_weights", 12, dict.fromkeys(rules, best))), (best,))
    runs = tuple(replace(run, at_cost=run.chosen) for run in loaded.runs)
    return replace(loaded, tuned=tuned, runs=runs)


@pytest.fixture(scope="module")
def summary(results: Results) -> list[headline.SummaryRow]:
    return headline.summary_rows(results, headline.chosen_rows(results))


def test_it_says_what_the_hand_tuning_came_to_and_what_searching_adds(
    results: Results, summary: list[headline.SummaryRow]
) -> None:
    tuned, cost, end = conclusion(results, summary)
    best = headline.best_baseline(results)
    assert best is not None
    assert tuned.startswith("Hand tuning by rule tried 12 merges on the select items")
    assert f"{best.name}, {100 * best.scores['maths.right_ja'].value:.1f} %" in tuned
    assert cost.startswith("After 12 trials, as many candidates as the hand tuning")
    assert end.startswith("After 30 trials the chosen merges")
    own = [r for r in summary if r.rule == "best ja_math" and r.objective == "ja_math"]
    gains = sorted((r.gain, r.optimizer) for r in own if not r.at_cost)
    for gain, optimizer in (gains[0], gains[-1]):
        assert f"{signed(gain, 1, 100)} ({optimizer})" in end
    better = [r.optimizer for r in own if not r.at_cost and r.gain_p_holm < 0.05 and r.gain > 0]
    assert all(name in end.partition("better: ")[2].partition(";")[0] for name in better)
    counts = sum(r.better for r in own if not r.at_cost)
    assert f"{counts} of 15 chosen merges dominate it" in end


def test_a_doubtful_gain_names_nobody(results: Results, summary: list[headline.SummaryRow]) -> None:
    doubtful = [replace(row, gain_p_holm=0.2) for row in summary]
    for sentence in some(conclusion(results, doubtful)[1:]):
        assert "better: none; worse: none" in sentence


def test_one_seed_says_nothing_over_seeds(
    results: Results, summary: list[headline.SummaryRow]
) -> None:
    single = [replace(row, gain=math.nan) for row in summary]
    assert all(
        "nothing can be said over seeds" in each for each in some(conclusion(results, single)[1:])
    )


def test_without_a_hand_tuning_the_best_baseline_is_named_as_what_it_is(small: Path) -> None:
    loaded = load(small, synthetic.TASK)
    rows = headline.summary_rows(loaded, headline.chosen_rows(loaded))
    first, _ = conclusion(loaded, rows)
    assert first.startswith("Not tuned by hand by rule yet (suite tune task=ja_math_micro)")
    assert first.endswith("of the baselines the best on these very items.")


def test_nothing_is_concluded_from_nothing(results: Results) -> None:
    assert conclusion(results, []) == []


def test_without_baselines_no_comparison_is_claimed(small: Path) -> None:
    alone = replace(load(small, synthetic.TASK), baselines=())
    rows = headline.summary_rows(alone, headline.chosen_rows(alone))
    assert conclusion(alone, rows) == [
        "No hand-tuned merge is judged to compare the chosen merges with."
    ]
