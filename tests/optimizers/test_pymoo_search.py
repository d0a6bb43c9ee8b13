"""What the strategies of pymoo share: starting points, small spaces, failed trials, lazy imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from suite.optimizers import age_moea, gde3, moead, nsga2, nsga3, sms_emoa
from suite.optimizers.contract_plays import bowls
from suite.optimizers.optimizer import Optimizer
from suite.records.penalty import penalty
from suite.spaces.space import Parameter, SearchSpace
from tests.optimizers.pymoo_alone import CUBE, MIXED

NATIVE = [nsga2.make, nsga3.make, sms_emoa.make, age_moea.make, moead.make]
every = pytest.mark.parametrize("make", [*NATIVE, gde3.make], ids=lambda make: make.__module__[17:])
native = pytest.mark.parametrize("make", NATIVE, ids=lambda make: make.__module__[17:])
START = np.stack([np.linspace(0.1, 0.8, 8), np.linspace(0.9, 0.2, 8)])


@every
def test_the_start_has_the_first_places_of_a_full_population(
    make: Callable[..., Optimizer],
) -> None:
    plain, begun = (
        make(CUBE, 2, 0, population=10).ask(),
        make(CUBE, 2, 0, START, population=10).ask(),
    )
    assert np.array_equal(begun[:2], START)
    assert np.array_equal(begun[2:], plain[2:])
    assert len(begun) == 10


@native
def test_the_start_keeps_its_settings_on_a_mixed_space(make: Callable[..., Optimizer]) -> None:
    start = np.array([[0.2, 0.7, 0.99, 0.5, 0.1]])
    assert MIXED.decode(make(MIXED, 2, 0, start).ask()[0]) == MIXED.decode(start[0])


@native
@pytest.mark.parametrize("m", [2, 3])
def test_candidates_are_exact_settings(make: Callable[..., Optimizer], m: int) -> None:
    """Ints and choices at the middles of their cells, all levels reached."""
    search, seen = make(MIXED, m, 0), set()
    for _ in range(30):
        X = search.ask()
        for x in X:
            assert np.array_equal(MIXED.encode(MIXED.decode(x)), x)
            seen.add(MIXED.decode(x)["method"])
        search.tell(X, bowls(X, m))
    assert seen == {"linear", "ties", "slerp"}


@every
@pytest.mark.parametrize("m", [2, 3, 4])
def test_a_run_recovers_from_a_population_of_failures(
    make: Callable[..., Optimizer], m: int
) -> None:
    """All of the first 40 trials fail, then every fifth; the search still improves."""
    search, told, best = make(CUBE, m, 0), 0, []
    while told < 240:
        X = search.ask()
        F = bowls(X, m)
        best += F.sum(axis=1).tolist()
        failed = (np.arange(told, told + len(X)) % 5 == 0) | (np.arange(told, told + len(X)) < 40)
        F[failed] = penalty(m)
        search.tell(X, F)
        told += len(X)
    assert np.mean(best[-40:]) < 0.8 * np.mean(best[:40])


@every
def test_a_space_of_one_setting_is_proposed_again_and_again(
    make: Callable[..., Optimizer],
) -> None:
    space = SearchSpace([Parameter("m", "choice", options=("only",))])
    search = make(space, 2, 0)
    for _ in range(3):
        X = search.ask()
        assert {space.decode(x)["m"] for x in X} == {"only"}
        search.tell(X, np.full((len(X), 2), 0.5))


def test_importing_them_loads_no_library() -> None:
    names = "age_moea, gde3, moead, nsga2, nsga3, sms_emoa, pymoo_search, pymoo_mixed"
    code = (
        f"import sys; from suite.optimizers import {names};"
        " print({'pymoo', 'numba', 'scipy', 'moocore'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
