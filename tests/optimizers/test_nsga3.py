"""NSGA-III: pymoo's own trajectory, its reference directions, and what is refused."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga3 import NSGA3, comp_by_cv_then_random
from pymoo.util.ref_dirs import get_reference_directions

from suite.errors import BadInput
from suite.optimizers import nsga3
from suite.optimizers.contract_plays import bowls
from suite.optimizers.pymoo_search import lattice
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


@both
def test_it_is_pymoo(problem: Any) -> None:
    m = problem.n_obj
    directions = get_reference_directions("das-dennis", m, n_partitions={2: 19, 3: 4}[m])
    direct = alone(problem, NSGA3(directions, pop_size=20), 6)
    assert np.array_equal(asked(nsga3.make(CUBE, m, 1), problem, 120), direct)


def test_it_is_pymoo_with_ints_and_choices() -> None:
    directions = get_reference_directions("das-dennis", 2, n_partitions=19)
    arguments = mixed_arguments(comp_by_cv_then_random, eta=30, prob=1.0)
    direct = mixed_alone(NSGA3(directions, pop_size=20, **arguments), 6)
    assert mixed_asked(nsga3.make(MIXED, 2, 1), len(direct)) == direct


@pytest.mark.parametrize(
    ("m", "count", "size"),
    [(2, 2, 2), (2, 20, 20), (3, 3, 3), (3, 20, 15), (3, 21, 21), (4, 19, 10)],
)
def test_the_lattice_is_the_largest_that_fits(m: int, count: int, size: int) -> None:
    directions = lattice("nsga3", m, count)
    assert directions.shape == (size, m)
    assert np.allclose(directions.sum(axis=1), 1)
    assert (directions >= 0).all()
    for corner in np.eye(m):
        assert np.isclose(directions, corner).all(axis=1).sum() == 1
    partitions = next(h for h in range(1, 99) if math.comb(h + m - 1, m - 1) == size)
    assert np.allclose(directions * partitions, (directions * partitions).round())
    assert len(np.unique(directions.round(9), axis=0)) == size


def test_warnings_of_the_process_stay_on() -> None:
    """pymoo's normalisation turns every warning off, for good."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = nsga3.make(CUBE, 2, 0)
        for _ in range(3):
            X = search.ask()
            search.tell(X, bowls(X))
        warnings.warn("heard", stacklevel=1)
    assert "heard" in [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: nsga3.make(CUBE, 1, 0), "nsga3: 1 objective, allowed: 2 or more"),
        (lambda: nsga3.make(CUBE, 3, 0, population=2), "nsga3: population is 2"),
        (lambda: nsga3.make(CUBE, 2, 0, np.full((9, 8), 0.5), population=8), "9 starting points"),
    ],
)
def test_bad_options_are_one_clear_line(build: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build()
    assert "\n" not in str(caught.value)
