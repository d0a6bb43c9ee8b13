"""Anytime curves against the journals they come from, and runtimes against counting by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.report.load import traces
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.load.traces import Trace
from suite.report.rows import anytime
from suite.statistics import bootstrap, pareto
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(frozen: Path) -> Results:
    return load(frozen, synthetic.TASK)


def test_curves_are_median_and_quartiles_of_the_seeds(results: Results) -> None:
    for curve in anytime.curves(results, "trials"):
        runs = [pareto.anytime_hypervolume(run.losses(2)) for run in results.of(curve.name)]
        np.testing.assert_allclose(curve.middle, np.median(runs, axis=0))
        np.testing.assert_allclose(curve.low, np.quantile(runs, 0.25, axis=0))
        np.testing.assert_allclose(curve.high, np.quantile(runs, 0.75, axis=0))
        assert curve.x.tolist() == list(range(1, 31))
        for k in (0, 14, 29):
            interval = bootstrap.bootstrap_median([run[k] for run in runs])
            assert interval == (curve.sure_low[k], curve.sure_high[k])
    assert anytime.band(results) == "interquartile range of the seeds"


def test_with_few_seeds_the_band_is_the_range_and_nothing_is_sure(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=3, trials=8, items=(20, 20))
    results = load(tmp_path, synthetic.TASK)
    (curve,) = anytime.curves(results, "trials")
    runs = [pareto.anytime_hypervolume(run.losses(2)) for run in results.runs]
    np.testing.assert_allclose(curve.low, np.min(runs, axis=0))
    np.testing.assert_allclose(curve.high, np.max(runs, axis=0))
    assert curve.sure_low.shape == curve.sure_high.shape == (0,)
    assert anytime.band(results) == "lowest to highest seed"


@pytest.mark.parametrize("axis", ["tokens", "seconds"])
def test_a_trial_counts_when_it_is_done(results: Results, axis: str) -> None:
    for curve in some(anytime.curves(results, axis)):
        assert curve.middle[0] == 0
        assert (np.diff(curve.middle) >= 0).all()
        k = len(curve.x) // 2
        then = []
        for run in results.of(curve.name):
            cost = [
                traces.tokens(t) if axis == "tokens" else t.seconds.get("total", 0)
                for t in run.trials
            ]
            then.append(pareto.hypervolume(run.losses(2)[np.cumsum(cost) <= curve.x[k]]))
        assert curve.middle[k] == pytest.approx(np.median(then))


def test_tokens_are_those_of_all_evaluators_and_items(results: Results) -> None:
    trial = next(t for t in results.runs[0].trials if t.status == "ok")
    score = trial.scores["maths.tokens"]
    assert traces.tokens(trial) == score.value * score.n == score.value * 60
    assert traces.axes(results.traces) == ["trials", "tokens", "seconds"]


def test_a_long_run_is_thinned_without_moving_its_ends(tmp_path: Path) -> None:
    synthetic.write(
        tmp_path, optimizers=("tpe",), seeds=1, trials=900, judged=False, items=(10, 10)
    )
    results = load(tmp_path, synthetic.TASK)
    (curve,) = anytime.curves(results, "trials")
    whole = results.traces[0].hypervolume
    assert len(curve.x) <= anytime.MOST
    assert (curve.x[0], curve.x[-1]) == (1, 900)
    np.testing.assert_array_equal(curve.middle, whole[curve.x.astype(int) - 1])
    assert curve.x[: anytime.MOST // 3].tolist() == list(range(1, anytime.MOST // 3 + 1))


def test_runtime_is_what_was_spent_at_the_first_trial_that_reached() -> None:
    share = np.array([0.0, 0.2, 0.2, 0.5])
    trace = Trace(
        "a", 0, share, 1 - share, np.array([10.0, 10.0, 30.0, 45.0]), np.arange(4) + 0.5, 1
    )
    assert anytime.runtime(trace, "trials", 0.2) == 2
    assert anytime.runtime(trace, "tokens", 0.2) == 10
    assert anytime.runtime(trace, "seconds", 0.5) == 3.5
    assert anytime.runtime(trace, "trials", 0.51) == math.inf


def test_the_table_counts_runs_and_charges_those_that_fail(results: Results) -> None:
    assert results.reference is not None
    rows = anytime.runtime_rows(results)
    assert len(rows) == 3 * len(anytime.TARGETS)
    reached = 0
    for row in rows:
        goal = row.target * results.reference.hypervolume
        firsts, spent = [], 0
        for trace in results.traces_of(row.optimizer):
            hit = [k for k, value in enumerate(trace.hypervolume, start=1) if value >= goal]
            firsts += hit[:1]
            spent += hit[0] if hit else len(trace.hypervolume)
        reached += len(firsts)
        assert (row.reached, row.seeds) == (len(firsts), 5)
        assert row.expected == (spent / len(firsts) if firsts else math.inf)
        middle = sorted([*firsts, *[math.inf] * (5 - len(firsts))])[2]
        assert row.median == middle
    assert 0 < reached < 75


def test_the_ecdf_counts_runs_and_targets(results: Results) -> None:
    assert results.reference is not None
    goals = [target * results.reference.hypervolume for target in anytime.TARGETS]
    for steps in anytime.ecdf(results, "trials"):
        for at in (1, 7, 18, 30):
            share = np.mean(
                [
                    trace.hypervolume[at - 1] >= goal
                    for trace in results.traces_of(steps.name)
                    for goal in goals
                ]
            )
            assert steps.y[steps.x <= at][-1] == pytest.approx(share)
        assert (steps.x[0], steps.y[0], steps.x[-1]) == (0, 0, 30)


def test_nothing_is_reached_and_nothing_breaks() -> None:
    found = anytime.steps("a", [math.inf, math.inf, 60.0], 50)
    assert found.x.tolist() == [0, 50]
    assert found.y.tolist() == [0, 0]


def test_without_a_reference_front_there_are_no_runtimes(small: Path) -> None:
    results = load(small, synthetic.TASK)
    assert anytime.runtime_rows(results) == anytime.ecdf(results, "trials") == []
