"""MOEA/D: pymoo's own trajectory, the paper's loop on ints and choices, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pymoo.algorithms.moo.moead import MOEAD
from pymoo.algorithms.moo.nsga3 import comp_by_cv_then_random
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.selection import Selection
from pymoo.core.variable import Choice, Integer, Real
from pymoo.decomposition.pbi import PBI
from pymoo.decomposition.tchebicheff import Tchebicheff
from pymoo.util.ref_dirs import get_reference_directions

from suite.errors import BadInput
from suite.optimizers import moead
from tests.optimizers.pymoo_alone import (
    CUBE,
    MIXED,
    alone,
    asked,
    both,
    mixed_arguments,
    mixed_asked,
    mixed_losses,
)


def directions(m: int) -> Any:
    return get_reference_directions("das-dennis", m, n_partitions={2: 19, 3: 4}[m])


@both
def test_it_is_pymoo(problem: Any) -> None:
    m = problem.n_obj
    direct = alone(problem, MOEAD(directions(m), n_neighbors=4), 5)
    assert len(direct) == 5 * len(directions(m))
    assert np.array_equal(asked(moead.make(CUBE, m, 1), problem, len(direct)), direct)


@both
@pytest.mark.parametrize(("name", "made"), [("tchebycheff", Tchebicheff), ("pbi", PBI)])
def test_its_options_are_pymoos(problem: Any, name: str, made: Any) -> None:
    m = problem.n_obj
    algorithm = MOEAD(directions(m), n_neighbors=7, prob_neighbor_mating=0.4, decomposition=made())
    direct = alone(problem, algorithm, 4)
    ours = moead.make(CUBE, m, 1, neighbours=7, neighbour_mating=0.4, decomposition=name)
    assert np.array_equal(asked(ours, problem, len(direct)), direct)


class Given(Selection):  # type: ignore[misc]
    parents: Any = None

    def _do(self, *args: Any, **kwargs: Any) -> Any:
        return [self.parents]


def published_loop(n: int, seed: int) -> list[dict[str, Any]]:
    """Zhang & Li 2007, section III, with the neighbour probability of 2009; Tchebycheff, 4 of 20."""
    rng = np.random.default_rng(seed)
    arguments = mixed_arguments(comp_by_cv_then_random, eta=20, prob=1.0)
    arguments["mating"].selection = given = Given()
    kinds = {
        "a": Real(bounds=(0.0, 1.0)),
        "b": Real(bounds=(0.0, 1.0)),
        "depth": Integer(bounds=(1, 6)),
        "method": Choice(options=("linear", "ties", "slerp")),
        "route": Choice(options=("left", "right")),
    }
    problem = Problem(vars=kinds, n_obj=2)
    weights = directions(2)
    near = np.argsort(np.linalg.norm(weights[:, None] - weights[None], axis=2), axis=1)[:, :4]
    population = list(arguments["sampling"](problem, len(weights), random_state=rng))
    F = np.array([mixed_losses(member.X) for member in population])
    proposed = [dict(member.X) for member in population]
    ideal = F.min(axis=0)
    while len(proposed) < n:
        for k in rng.permutation(len(weights)):
            if rng.random() < 0.9:
                pair = rng.choice(near[k], 2, replace=False)
            else:
                pair = rng.permutation(len(weights))[:2]
            given.parents = [population[i] for i in pair]
            child = arguments["mating"]._do(problem, Population(), 1, random_state=rng)[0]
            rng.choice(1)
            proposed.append(dict(child.X))
            f = np.array(mixed_losses(child.X))
            ideal = np.minimum(ideal, f)
            for j in near[k]:
                if (weights[j] * (f - ideal)).max() < (weights[j] * (F[j] - ideal)).max():
                    population[j], F[j] = child, f
    return proposed


def test_on_ints_and_choices_it_is_the_published_loop() -> None:
    """pymoo's MOEA/D takes no mixed-variable mating as it is, so the loop is written out."""
    direct = published_loop(160, 1)
    assert mixed_asked(moead.make(MIXED, 2, 1), len(direct)) == direct


def test_one_candidate_an_ask_after_the_population() -> None:
    search = moead.make(CUBE, 2, 0, np.full((2, 8), 0.25), population=6)
    sizes = []
    for _ in range(9):
        X = search.ask()
        sizes.append(len(X))
        search.tell(X, X[:, :2])
    assert sizes == [6] + 8 * [1]


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: moead.make(CUBE, 1, 0), "moead: 1 objective, allowed: 2 or more"),
        (lambda: moead.make(CUBE, 2, 0, population=1), "population is 1"),
        (lambda: moead.make(CUBE, 3, 0, neighbours=16), r"neighbours is 16, allowed: in \[2, 15\]"),
        (lambda: moead.make(CUBE, 2, 0, neighbour_mating=1.5), "neighbour_mating is 1.5"),
        (lambda: moead.make(CUBE, 2, 0, decomposition="asf"), "tchebycheff, pbi"),
        (lambda: moead.make(CUBE, 3, 0, np.full((16, 8), 0.5)), "16 starting points"),
    ],
)
def test_bad_options_are_one_clear_line(build: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build()
    assert "\n" not in str(caught.value)
