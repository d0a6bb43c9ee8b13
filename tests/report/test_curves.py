"""Anytime curves against the journals they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.report.load import traces
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import curves
from suite.statistics import bootstrap, pareto
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def test_curves_are_median_and_quartiles_of_the_seeds(results: Results) -> None:
    for curve in curves.anytime(results, "trials"):
        runs = [pareto.anytime_hypervolume(run.losses(2)) for run in results.of(curve.name)]
        np.testing.assert_allclose(curve.middle, np.median(runs, axis=0))
        np.testing.assert_allclose(curve.low, np.quantile(runs, 0.25, axis=0))
        np.testing.assert_allclose(curve.high, np.quantile(runs, 0.75, axis=0))
        assert curve.x.tolist() == list(range(1, 31))
        for k in (0, 14, 29):
            interval = bootstrap.bootstrap_median([run[k] for run in runs])
            assert interval == (curve.sure_low[k], curve.sure_high[k])
    assert curves.band(results) == "interquartile range of the seeds"


def test_with_few_seeds_the_band_is_the_range_and_nothing_is_sure(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=3, trials=8, items=(20, 20))
    results = load(tmp_path, synthetic.TASK)
    (curve,) = curves.anytime(results, "trials")
    runs = [pareto.anytime_hypervolume(run.losses(2)) for run in results.runs]
    np.testing.assert_allclose(curve.low, np.min(runs, axis=0))
    np.testing.assert_allclose(curve.high, np.max(runs, axis=0))
    assert curve.sure_low.shape == curve.sure_high.shape == (0,)
    assert curves.band(results) == "lowest to highest seed"


@pytest.mark.parametrize("axis", ["tokens", "seconds"])
def test_a_trial_counts_when_it_is_done(results: Results, axis: str) -> None:
    for curve in some(curves.anytime(results, axis)):
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
    (curve,) = curves.anytime(results, "trials")
    whole = results.traces[0].hypervolume
    assert len(curve.x) <= curves.MOST
    assert (curve.x[0], curve.x[-1]) == (1, 900)
    np.testing.assert_array_equal(curve.middle, whole[curve.x.astype(int) - 1])
    assert curve.x[: curves.MOST // 3].tolist() == list(range(1, curves.MOST // 3 + 1))
