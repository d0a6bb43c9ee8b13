"""AGE-MOEA by pymoo: non-dominated sorting, then distances that fit the shape of the front.

Panichella 2019, "An adaptive evolutionary algorithm based on non-Euclidean geometry for
many-objective optimization", GECCO. It estimates the exponent p of the front from the first front and
measures proximity and diversity by that p-norm. On continuous spaces the operators are pymoo's: SBX
with eta 15 and probability 0.9, PM with eta 20, binary tournament. Ints and choices are native
(`pymoo_mixed`).

pymoo compiles it with numba, the extra ``age-moea``: 3 seconds in each process that uses it. The
compiled sums may be rounded differently by other processors, so a run is resumed where it was begun.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.optimizer import check_option
from suite.optimizers.pymoo_search import (
    PymooSearch,
    check_objectives,
    first_places,
    operators,
    search,
)
from suite.spaces.space import SearchSpace


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
) -> PymooSearch:
    """AGE-MOEA with `population` individuals and as many offspring a generation.

    Needs 2 objectives or more, and numba. Starting points take the first places of the random
    initial population. Where a space has too few settings for a population without duplicates, it is
    smaller.
    """
    check_objectives("age_moea", n_objectives)
    check_option("age_moea", "population", population, 2)
    first = first_places("age_moea", space, start, population)
    _check_installed()
    from pymoo.algorithms.moo.age import AGEMOEA
    from pymoo.algorithms.moo.nsga2 import binary_tournament

    algorithm = AGEMOEA(pop_size=population, **operators(space, first, binary_tournament))
    return search(algorithm, space, n_objectives, seed)


def _check_installed() -> None:
    try:
        import numba  # noqa: F401
    except ImportError:
        raise BadInput(
            "optimizer age_moea: numba is not installed; pip install 'merge-suite[age-moea]'"
        ) from None
