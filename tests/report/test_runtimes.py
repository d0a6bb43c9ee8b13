"""Runtimes against counting by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.load.traces import Trace
from suite.report.rows import runtimes


@pytest.fixture(scope="module")
def results(frozen: Path) -> Results:
    return load(frozen, synthetic.TASK)


def test_runtime_is_what_was_spent_at_the_first_trial_that_reached() -> None:
    share = np.array([0.0, 0.2, 0.2, 0.5])
    trace = Trace(
        "a", 0, share, 1 - share, np.array([10.0, 10.0, 30.0, 45.0]), np.arange(4) + 0.5, 1
    )
    assert runtimes.runtime(trace, "trials", 0.2) == 2
    assert runtimes.runtime(trace, "tokens", 0.2) == 10
    assert runtimes.runtime(trace, "seconds", 0.5) == 3.5
    assert runtimes.runtime(trace, "trials", 0.51) == math.inf


def test_the_table_counts_runs_and_charges_those_that_fail(results: Results) -> None:
    assert results.reference is not None
    rows = runtimes.runtime_rows(results)
    assert len(rows) == 3 * len(runtimes.TARGETS)
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
    goals = [target * results.reference.hypervolume for target in runtimes.TARGETS]
    for steps in runtimes.ecdf(results, "trials"):
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
    found = runtimes.steps("a", [math.inf, math.inf, 60.0], 50)
    assert found.x.tolist() == [0, 50]
    assert found.y.tolist() == [0, 0]


def test_without_a_reference_front_there_are_no_runtimes(small: Path) -> None:
    results = load(small, synthetic.TASK)
    assert runtimes.runtime_rows(results) == runtimes.ecdf(results, "trials") == []
