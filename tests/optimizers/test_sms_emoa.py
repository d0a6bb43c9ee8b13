"""SMS-EMOA: pymoo's own trajectory, steady or by generation, and the paper's rule of survival."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import moocore
import numpy as np
import pytest
from pymoo.algorithms.moo.sms import SMSEMOA, cv_and_dom_tournament

from suite.errors import BadInput
from suite.optimizers import sms_emoa
from suite.optimizers.contract_plays import bowls
from suite.spaces.space import Vector
from tests.optimizers.pymoo_alone import (
    CUBE,
    MIXED,
    alone,
    asked,
    both,
    mixed_alone,
    mixed_arguments,
    mixed_asked,
)

steady = pytest.mark.parametrize("batch", [1, 8])


@both
@steady
def test_it_is_pymoo(problem: Any, batch: int) -> None:
    direct = alone(problem, SMSEMOA(pop_size=20, n_offsprings=batch), 1 + 80 // batch)
    ours = asked(sms_emoa.make(CUBE, problem.n_obj, 1, batch=batch), problem, 100)
    assert np.array_equal(ours, direct)


@steady
def test_it_is_pymoo_with_ints_and_choices(batch: int) -> None:
    arguments = mixed_arguments(cv_and_dom_tournament)
    direct = mixed_alone(SMSEMOA(pop_size=20, n_offsprings=batch, **arguments), 1 + 80 // batch)
    assert mixed_asked(sms_emoa.make(MIXED, 2, 1, batch=batch), len(direct)) == direct


def members(search: Any) -> Vector:
    return np.asarray(search._algorithm.pop.get("F"))


@pytest.mark.parametrize("m", [2, 3])
def test_the_least_contribution_of_the_worst_front_is_dropped(m: int) -> None:
    """Reduce of Beume et al. 2007, by differences of hypervolumes to the same far point."""
    search = sms_emoa.make(CUBE, m, 3, population=10)
    X = search.ask()
    search.tell(X, bowls(X, m))
    single = 0
    for _ in range(60):
        X = search.ask()
        assert len(X) == 1
        before = members(search)
        both = np.vstack([before, bowls(X, m)])
        search.tell(X, both[-1:])
        front = np.flatnonzero(moocore.pareto_rank(both) == moocore.pareto_rank(both).max())
        far = before.max(axis=0) + 10 * np.ptp(before, axis=0)
        total = moocore.hypervolume(both[front], ref=far)
        shares = [
            total - moocore.hypervolume(np.delete(both[front], i, axis=0), ref=far)
            if len(front) > 1
            else 0.0
            for i in range(len(front))
        ]
        kept = np.delete(both, front[int(np.argmin(shares))], axis=0)
        assert sorted(members(search).tolist()) == sorted(kept.tolist())
        single += len(front) == 1
    assert single < 60  # contributions decided


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: sms_emoa.make(CUBE, 1, 0), "sms_emoa: 1 objective, allowed: 2 or more"),
        (lambda: sms_emoa.make(CUBE, 2, 0, population=1), "population is 1"),
        (lambda: sms_emoa.make(CUBE, 2, 0, batch=0), "batch is 0"),
        (lambda: sms_emoa.make(CUBE, 2, 0, np.full((9, 8), 0.5), population=8), "9 starting"),
    ],
)
def test_bad_options_are_one_clear_line(build: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build()
    assert "\n" not in str(caught.value)
