"""SMS-EMOA by pymoo: of the worst front, what contributes least hypervolume is dropped.

Beume, Naujoks & Emmerich 2007, "SMS-EMOA: multiobjective selection based on dominated hypervolume",
EJOR 181(3). On continuous spaces the operators are pymoo's: SBX with eta 15 and probability 0.9, PM
with eta 20, parents by binary tournament. Ints and choices are native (`pymoo_mixed`).

Contributions are measured, as pymoo does it, after scaling by the population's range, to a reference
point ten ranges beyond its worst losses. The scale multiplies all contributions alike; the far point
keeps the extremes of a front, whatever box the losses lie in. Contributions are exact: cheap for 2 to
4 objectives, slow for more with large populations.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

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
    batch: int = 1,
) -> PymooSearch:
    """SMS-EMOA with `population` individuals and `batch` offspring an ask, 1 being the published form.

    The first ask is the whole initial population; starting points take its first places. Needs 2
    objectives or more. Where a space has too few settings for a population without duplicates, it is
    smaller.
    """
    check_objectives("sms_emoa", n_objectives)
    check_option("sms_emoa", "population", population, 2)
    check_option("sms_emoa", "batch", batch, 1)
    first = first_places("sms_emoa", space, start, population)
    from pymoo.algorithms.moo.sms import SMSEMOA, cv_and_dom_tournament

    chosen = operators(space, first, cv_and_dom_tournament)
    algorithm = SMSEMOA(pop_size=population, n_offsprings=batch, **chosen)
    return search(algorithm, space, n_objectives, seed)
