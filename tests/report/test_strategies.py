"""Indicators of runs against moocore and definitions; failures against counting."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median

import moocore
import numpy as np
import pytest
import synthetic
from scipy.stats import trim_mean

from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import strategies
from suite.report.rows.tables import Tables
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(frozen: Path) -> Results:
    return load(frozen, synthetic.TASK)


def test_indicators_are_moocores_with_the_reference_point_in_every_front(results: Results) -> None:
    assert results.reference is not None
    for run, row in zip(results.runs, Tables.of(results).runs, strict=True):
        done = np.array([trial.losses for trial in run.trials if trial.losses])
        found = np.vstack([done, [[1.0, 1.0]]])
        front = found[moocore.is_nondominated(found)]
        assert row.igd_plus == pytest.approx(moocore.igd_plus(front, ref=results.reference.losses))
        expected = moocore.epsilon_additive(front, ref=results.reference.losses)
        assert row.epsilon == pytest.approx(expected)
        inside = np.clip(done[(done < 1).all(axis=1)], 0, None)
        assert row.hypervolume == pytest.approx(moocore.hypervolume(inside, ref=[1, 1]))


def test_optimistic_and_pessimistic_fronts_on_the_report_items(results: Results) -> None:
    differ = 0
    for run, row in zip(results.runs, Tables.of(results).runs, strict=True):
        lines = [line.losses for line in run.reported]
        dominating = [
            a
            for a in lines
            if any(a != b and all(x <= y for x, y in zip(a, b, strict=True)) for b in lines)
        ]
        worst = np.array([a for a in lines if a not in dominating])
        inside = np.clip(worst[(worst < 1).all(axis=1)], 0, None)
        share = moocore.hypervolume(inside, ref=[1, 1]) if len(inside) else 0.0
        assert row.report_pessimistic == pytest.approx(share)
        assert row.report_pessimistic <= row.report_hypervolume
        differ += row.report_pessimistic < row.report_hypervolume
    assert differ


def test_each_strategy_by_each_indicator(results: Results) -> None:
    tables = Tables.of(results)
    assert {row.indicator for row in tables.strategies} == set(strategies.INDICATORS)
    for row in tables.strategies:
        own = [getattr(r, row.indicator) for r in tables.runs if r.optimizer == row.optimizer]
        assert list(row.values) == own
        assert row.median == median(own)
        assert row.iqm == pytest.approx(trim_mean(own, 0.25))
        assert row.low <= row.median <= row.high and row.iqm_low <= row.iqm <= row.iqm_high


def test_under_five_seeds_there_are_points_and_no_interval(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=4, trials=8, items=(20, 20))
    rows = Tables.of(load(tmp_path, synthetic.TASK)).strategies
    assert {row.indicator for row in rows} == {
        "hypervolume", "report_hypervolume", "report_pessimistic", "gap", "optimism",
    }  # fmt: skip
    for row in rows:
        assert len(row.values) == 4
        assert all(map(math.isnan, (row.low, row.high, row.iqm_low, row.iqm_high)))


def test_a_run_of_failures_is_scored_at_the_reference(frozen: Path, tmp_path: Path) -> None:
    from shutil import copytree

    folder = Path(copytree(frozen, tmp_path / "r"))
    path = folder / synthetic.TASK / "tpe" / "seed=0" / "trials.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line |= {
            "status": "failed",
            "error": "it failed",
            "scores": {},
            "losses": [],
            "seconds": {},
        }
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (path.parent / "judged.jsonl").unlink()
    results = load(folder, synthetic.TASK)
    assert results.reference is not None
    tables = Tables.of(results)
    (row,) = (r for r in tables.runs if (r.optimizer, r.seed) == ("tpe", 0))
    assert (row.hypervolume, row.failures, row.tokens) == (0.0, 30, 0.0)
    expected = moocore.igd_plus(np.ones((1, 2)), ref=results.reference.losses)
    assert row.igd_plus == pytest.approx(expected)
    (failed,) = (r for r in tables.failures if r.optimizer == "tpe")
    assert failed.failures >= 30 and failed.rate == failed.failures / 150
    assert failed.low < failed.rate < failed.high


def test_failure_rates_have_wilsons_interval(results: Results) -> None:
    for row in some(strategies.failure_rows(results)):
        failed = sum(t.status == "failed" for run in results.of(row.optimizer) for t in run.trials)
        assert (row.trials, row.failures) == (150, failed)
        z, n, p = 1.959964, 150, failed / 150
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        assert (row.low, row.high) == pytest.approx((centre - half, centre + half), abs=1e-6)
