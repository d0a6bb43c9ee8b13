"""GDE3: pymoo's own trajectory, and the formulas of Kukkonen & Lampinen 2005 held to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import moocore
import numpy as np
import pytest
from pymoo.algorithms.moo.gde3 import GDE3
from pymoo.operators.sampling.rnd import FloatRandomSampling

from suite.errors import BadInput
from suite.optimizers import gde3
from suite.optimizers.contract_plays import bowls
from suite.spaces.space import Vector
from tests.optimizers.pymoo_alone import CUBE, MIXED, D, alone, asked, both


@both
def test_it_is_pymoo(problem: Any) -> None:
    direct = alone(problem, GDE3(pop_size=20, sampling=FloatRandomSampling()), 6)
    assert np.array_equal(asked(gde3.make(CUBE, problem.n_obj, 1), problem, 120), direct)


@both
def test_its_options_are_pymoos(problem: Any) -> None:
    algorithm = GDE3(pop_size=12, sampling=FloatRandomSampling(), CR=0.9, F=0.4, gamma=0.01)
    made = gde3.make(
        CUBE, problem.n_obj, 1, population=12, crossover_rate=0.9, scale=0.4, jitter=0.01
    )
    assert np.array_equal(asked(made, problem, 120), alone(problem, algorithm, 10))


def state(search: Any) -> tuple[Vector, Vector]:
    population = search._algorithm.pop
    return np.asarray(population.get("X")), np.asarray(population.get("F"))


def donors(X: Vector, target: int, scale: float) -> Vector:
    """Every x1 + scale (x2 - x3) of three different individuals that are not the target."""
    others = [i for i in range(len(X)) if i != target]
    return np.array([X[a] + scale * (X[b] - X[c]) for a, b, c in itertools.permutations(others, 3)])


def test_a_trial_vector_crosses_its_parent_with_a_donor() -> None:
    """DE/rand/1/bin as in the paper. Values that left the cube were brought back."""
    search = gde3.make(CUBE, 2, 5, population=6, crossover_rate=0.5, scale=0.3, jitter=0.0)
    X = search.ask()
    search.tell(X, bowls(X))
    taken: list[int] = []
    for _ in range(10):
        parents, _ = state(search)
        trials = search.ask()
        for k, trial in enumerate(trials):
            changed = trial != parents[k]
            taken.append(int(changed.sum()))
            fits = np.isclose(donors(parents, k, 0.3), trial, rtol=0, atol=1e-12)
            outside = (donors(parents, k, 0.3) < 0) | (donors(parents, k, 0.3) > 1)
            assert (fits | outside | ~changed).all(axis=1).any()
        search.tell(trials, bowls(trials))
    assert min(taken) >= 1
    assert np.mean(taken) == pytest.approx(D / 2, abs=0.7)


@pytest.mark.parametrize("m", [1, 2, 3])
def test_survival_is_the_papers(m: int) -> None:
    """One of each pair where it dominates, both otherwise; then cut back by rank."""
    search = gde3.make(CUBE, m, 2, population=8)
    X = search.ask()
    search.tell(X, bowls(X, m))
    joined = 0
    for _ in range(40):
        _, old = state(search)
        X = search.ask()
        new = bowls(X, m)
        pool: list[list[float]] = []
        for parent, trial in zip(old, new, strict=True):
            first = (parent <= trial).all() and (parent < trial).any()
            second = (trial <= parent).all() and (trial < parent).any()
            pool += [parent.tolist()] * (not second) + [trial.tolist()] * (not first)
        search.tell(X, new)
        _, kept = state(search)
        rows = kept.tolist()
        assert len(rows) == 8 and all(row in pool for row in rows)
        joined += len(pool) > 8
        ranks = moocore.pareto_rank(np.array(pool))
        worst = max(ranks[pool.index(row)] for row in rows)
        assert all(row in rows for row, rank in zip(pool, ranks, strict=True) if rank < worst)
    assert (joined > 0) == (m > 1)


def test_ints_and_choices_are_relaxed() -> None:
    """The same candidates as on floats, as long as the losses are the same."""
    floats = type(CUBE)(CUBE.parameters[: MIXED.d])
    one, other = gde3.make(MIXED, 2, 4), gde3.make(floats, 2, 4)
    for _ in range(4):
        X, Y = one.ask(), other.ask()
        assert np.array_equal(X, Y)
        one.tell(X, bowls(X))
        other.tell(Y, bowls(Y))


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: gde3.make(CUBE, 2, 0, population=3), "population is 3"),
    (lambda: gde3.make(CUBE, 2, 0, crossover_rate=1.1), "crossover_rate is 1.1"),
    (lambda: gde3.make(CUBE, 2, 0, jitter=-1), "jitter is -1"),
    (lambda: gde3.make(CUBE, 2, 0, scale=0.0), "scale is 0.0"),
    (lambda: gde3.make(CUBE, 2, 0, scale=float("nan")), "scale is nan"),
    (lambda: gde3.make(CUBE, 2, 0, scale=[0.9, 0.1]), "two ends"),
    (lambda: gde3.make(CUBE, 2, 0, scale=[]), "two ends"),
    (lambda: gde3.make(CUBE, 2, 0, np.full((9, 8), 0.5), population=8), "9 starting points"),
]


@pytest.mark.parametrize(("build", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_bad_options_are_one_clear_line(build: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build()
    assert "\n" not in str(caught.value)
