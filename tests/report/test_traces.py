"""When a run enters the unit box of losses, and how far it was before."""

from __future__ import annotations

import math

import numpy as np

from suite.records.trial import Score, Trial
from suite.report.load.traces import Trace


def trace(*losses: tuple[float, float]) -> Trace:
    return Trace.of("a", 0, np.array(losses).reshape(-1, 2), ())


def test_a_run_enters_with_its_first_candidate_inside() -> None:
    found = trace((4.0, 5.0), (1.0, 1.3), (math.nan, math.nan), (0.9, 2.0), (0.9, 0.9), (3.0, 3.0))
    assert found.entered == 5
    assert math.isclose(found.outside, 0.3)
    assert found.distance[-1] == 0


def test_a_run_that_begins_inside_was_never_outside() -> None:
    found = trace((0.2, 0.2), (2.0, 2.0))
    assert found.entered == 1
    assert math.isnan(found.outside)


def test_a_run_that_never_enters_tells_how_near_it_came() -> None:
    assert trace((1.5, 0.0), (1.25, 0.5)).entered == math.inf
    assert trace((1.5, 0.0), (1.25, 0.5), (9.0, 9.0)).outside == 0.25


def test_the_edge_of_the_box_is_not_inside() -> None:
    found = trace((1.0, 0.5))
    assert (found.entered, found.outside) == (math.inf, 0.0)


def test_where_all_failed_the_distance_is_infinite() -> None:
    assert trace((math.nan, math.nan)).outside == math.inf


def test_a_failed_trial_costs_seconds_and_no_tokens() -> None:
    scores = {"maths.tokens": Score(8.0, 0.0, 10)}
    done = Trial(0, (), {}, "ok", None, scores, (0.5, 0.5), {"total": 2.0})
    failed = Trial(1, (), {}, "failed", "NaN", {}, (), {"total": 0.25})
    losses = np.array([(0.5, 0.5), (math.nan, math.nan)])
    found = Trace.of("a", 0, losses, (done, failed))
    assert found.seconds.tolist() == [2.0, 2.25]
    assert found.tokens.tolist() == [80.0, 80.0]
    assert found.failures == 1
