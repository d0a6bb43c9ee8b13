"""pymoo's functions as problems, and their fronts."""

from __future__ import annotations

import moocore
import numpy as np
import pytest
from pymoo.problems import get_problem

from suite.errors import BadInput
from suite.problems import analytic
from suite.statistics import pareto

ALL = [
    (name, m)
    for name in (*analytic.ZDT, *analytic.DTLZ, *analytic.WFG)
    for m in ((2,) if name in analytic.ZDT else (2, 3))
]
every = pytest.mark.parametrize(("name", "m"), ALL)


def by_pymoo(name: str, m: int):  # type: ignore[no-untyped-def]
    return get_problem(name, n_var=10, **({} if name in analytic.ZDT else {"n_obj": m}))


@every
def test_values_are_pymoos(name: str, m: int) -> None:
    problem, direct = analytic.make(name, 10, m), by_pymoo(name, m)
    for x in np.random.default_rng(0).random((20, 10)):
        scores = problem.measure(problem.space.decode(x), "search")
        natural = direct.xl + x * (direct.xu - direct.xl)
        assert [score.value for score in scores.values()] == direct.evaluate(natural).tolist()
        assert all((s.stderr, s.n, s.items) == (0.0, 1, ()) for s in scores.values())
    assert tuple(scores) == problem.figures == tuple(f"f{i + 1}" for i in range(m))


@every
def test_nothing_is_better_than_the_front(name: str, m: int) -> None:
    problem = analytic.make(name, 10, m)
    front = problem.front()
    assert front.shape[1] == m and len(pareto.front(front)) == len(front) > 50
    direct = by_pymoo(name, m)
    X = np.random.default_rng(1).random((3000, 10))
    F = direct.evaluate(direct.xl + X * (direct.xu - direct.xl))
    best = np.vstack([F, _steps_from(direct, m)])
    for point in front[:: len(front) // 50]:
        # a point of the front itself, found again with other rounding, is no better
        assert not (best < point - 1e-9).all(axis=1).any()


def _steps_from(direct, m: int) -> np.ndarray:  # type: ignore[no-untyped-def,type-arg]
    """Values after a short descent towards the front, which random points stay far from."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    return np.asarray(minimize(direct, NSGA2(40), ("n_gen", 60), seed=1).F)


@pytest.mark.parametrize(("name", "m"), [pair for pair in ALL if pair != ("dtlz7", 3)])
def test_the_front_dominates_as_much_as_pymoos_own(name: str, m: int) -> None:
    """pymoo's sample is coarser, and of WFG random; DTLZ7's of three objectives is a download."""
    ours, theirs = analytic.make(name, 10, m).front(), by_pymoo(name, m).pareto_front()
    reference = 1.1 * np.maximum(ours.max(axis=0), theirs.max(axis=0))
    dominated, known = (moocore.hypervolume(front, ref=reference) for front in (ours, theirs))
    assert 0.999 * known < dominated < 1.12 * known


def test_the_front_is_the_same_every_time() -> None:
    for name, m in ALL:
        once, again = (analytic.make(name, 10, m).front() for _ in range(2))
        assert np.array_equal(once, again)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "zdt9"}, "'zdt9' is unknown; there are zdt1"),
        ({"name": "zdt1", "m": 3}, "zdt1: m is 3; allowed: 2"),
        ({"name": "dtlz2", "m": 4}, "dtlz2: m is 4; allowed: 2 and 3"),
        ({"name": "dtlz2", "d": 2}, "d is 2; allowed: whole numbers above m, 2"),
        ({"name": "dtlz2", "d": 7.5}, "d is 7.5"),
        ({"name": "wfg2", "d": 9}, "wfg2: d is 9: "),
    ],
)
def test_bad_input_names_what_is_allowed(options: dict, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInput, match=said):
        analytic.make(**options)
