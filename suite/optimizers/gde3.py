"""GDE3 by pymoo: differential evolution for several objectives, DE/rand/1/bin.

Kukkonen & Lampinen 2005, "GDE3: the third evolution step of generalized differential evolution", IEEE
CEC. Each individual has one trial vector, made from three others. Of the two the dominated one goes;
where neither dominates, both stay, and the population is cut back to its size by rank and crowding.
For one objective this is DE. pymoo differs from the paper in ties: a trial vector whose losses all
equal its parent's joins it until the cut, where the paper replaces the parent. Donors that leave the
cube bounce back to between the bound and their base vector, pymoo's default.

**Ints and choices are relaxed**, as DE adds differences of vectors: the strategy sees a float whose
cells of the unit interval are the levels or options, and an order of the options is imposed. Use
`nsga2`, `nsga3`, `sms_emoa`, `age_moea` or `moead` there.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.optimizer import check_option
from suite.optimizers.pymoo_search import PymooSearch, cube_sampling, first_places, search
from suite.spaces.space import SearchSpace


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
    crossover_rate: float = 0.5,
    scale: float | Sequence[float] = (0.0, 1.0),
    jitter: float = 1e-4,
) -> PymooSearch:
    """GDE3 with `population` individuals and one trial vector for each in a generation.

    A trial vector takes each value with probability `crossover_rate`, one at least, from the donor
    ``x1 + scale (x2 - x3)`` of three other individuals. `scale` is one factor or the two ends of an
    interval it is drawn from for each trial vector; each value's factor then varies by a share of at
    most ``jitter / 2``. Starting points take the first places of the random initial population.
    """
    check_option("gde3", "population", population, 4)
    check_option("gde3", "crossover_rate", crossover_rate, 0.0, 1.0)
    check_option("gde3", "jitter", jitter, 0.0, 1.0)
    factor = _scale(scale)
    first = first_places("gde3", space, start, population)
    from pymoo.algorithms.moo.gde3 import GDE3

    algorithm = GDE3(
        pop_size=population,
        sampling=cube_sampling(first),
        variant="DE/rand/1/bin",
        CR=crossover_rate,
        F=factor,
        gamma=jitter,
    )
    return search(algorithm, space, n_objectives, seed, relaxed=True)


def _scale(scale: float | Sequence[float]) -> float | tuple[float, float]:
    """The factor F for pymoo: a number or an interval, within (0, 2]."""
    ends = [float(scale)] if isinstance(scale, int | float) else [float(end) for end in scale]
    if len(ends) not in (1, 2) or not 0 <= ends[0] <= ends[-1] <= 2 or ends[-1] == 0:
        raise BadInput(
            f"optimizer gde3: scale is {scale}, allowed: one factor in (0, 2] or the two ends of an"
            " interval in [0, 2]"
        )
    return ends[0] if len(ends) == 1 else (ends[0], ends[1])
