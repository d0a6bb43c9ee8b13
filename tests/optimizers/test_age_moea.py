"""AGE-MOEA: pymoo's own trajectory, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pymoo.algorithms.moo.age import AGEMOEA
from pymoo.algorithms.moo.nsga2 import binary_tournament

from suite.errors import BadInput
from suite.optimizers import age_moea
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
    direct = alone(problem, AGEMOEA(pop_size=20), 6)
    assert np.array_equal(asked(age_moea.make(CUBE, problem.n_obj, 1), problem, 120), direct)


def test_it_is_pymoo_with_ints_and_choices() -> None:
    direct = mixed_alone(AGEMOEA(pop_size=20, **mixed_arguments(binary_tournament)), 6)
    assert mixed_asked(age_moea.make(MIXED, 2, 1), len(direct)) == direct


def test_without_numba_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(BadInput, match=r"pip install 'merge-suite\[age-moea\]'"):
        age_moea.make(CUBE, 2, 0)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: age_moea.make(CUBE, 1, 0), "age_moea: 1 objective, allowed: 2 or more"),
        (lambda: age_moea.make(CUBE, 2, 0, population=1), "population is 1"),
        (lambda: age_moea.make(CUBE, 2, 0, np.full((9, 8), 0.5), population=8), "9 starting"),
    ],
)
def test_bad_options_are_one_clear_line(build: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build()
    assert "\n" not in str(caught.value)
