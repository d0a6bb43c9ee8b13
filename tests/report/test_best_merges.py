"""Which strategy finds the best single merge: tested, over seeds and over seeds and items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from scipy.stats import t

from suite.report.load.load import load
from suite.report.load.results import Results, Run
from suite.report.rows.best_merges import BestRow, best_rows
from suite.report.rows.sentences import best_merges
from suite.statistics import choice, rank_sum

NAMES = ["ja_math", "ja_general"]


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


@pytest.fixture(scope="module")
def rows(results: Results) -> list[BestRow]:
    return best_rows(results)


def test_every_rule_and_pair_is_compared_by_what_the_rule_makes_small(
    results: Results, rows: list[BestRow]
) -> None:
    assert len(rows) == 4 * 3
    for row in rows:
        a, b = (
            [choice.loss(row.rule, run.chosen[row.rule].losses, NAMES) for run in results.of(name)]
            for name in (row.a, row.b)
        )
        assert row.gain == pytest.approx(np.mean(b) - np.mean(a))
        assert row.p == pytest.approx(rank_sum.mann_whitney(a, b))
        assert row.gain_low < row.gain < row.gain_high
        # over seeds alone it could only be surer
        error = np.sqrt(np.var(a, ddof=1) / 5 + np.var(b, ddof=1) / 5)
        assert row.gain_high - row.gain >= t.ppf(0.975, 4) * error
        sure = max(row.p_holm, row.p_items_holm) < 0.05
        assert row.better == ((row.a if row.gain > 0 else row.b) if sure else "")


def test_a_strategy_against_itself_is_no_better(results: Results) -> None:
    twin = tuple(replace(run, optimizer="twin") for run in results.of("tpe"))
    rows = best_rows(replace(results, runs=(*results.of("tpe"), *twin)))
    assert {(row.gain, row.p, row.better) for row in rows} == {(0.0, 1.0, "")}


def test_a_planted_winner_is_found_and_said(results: Results) -> None:
    """Every third wrong answer of the chosen merges turned right."""

    def better(run: Run) -> Run:
        chosen = {}
        for rule, merge in run.chosen.items():
            scores = {}
            for metric, score in merge.scores.items():
                items = np.array(score.items)
                items[np.flatnonzero(items == 0)[::2]] = 1.0
                scores[metric] = type(score).mean(items.tolist())
            losses = tuple(o.loss(scores[o.metric].value) for o in results.objectives)
            chosen[rule] = replace(merge, scores=scores, losses=losses)
        return replace(run, optimizer="planted", chosen=chosen)

    planted = tuple(map(better, results.of("tpe")))
    rows = best_rows(replace(results, runs=(*planted, *results.of("tpe"))))
    assert {row.better for row in rows} == {"planted"}
    assert best_merges(rows)[0] == "By best ja_math, resolved 1 of 1 pairs: planted over tpe."


def test_one_run_a_side_is_not_compared(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe", "random"), seeds=1, trials=6, items=(20, 20))
    assert best_rows(load(tmp_path, synthetic.TASK)) == []
