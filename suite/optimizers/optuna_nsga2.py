"""NSGA-II by optuna: uniform crossover and resampling, with ints and choices as what they are.

Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2). The
selection is that of `nsga2` (pymoo); the variation is not: optuna's default takes each parameter
whole from one of two parents, and a mutated parameter is drawn anew from its whole range, where
pymoo's SBX and PM make small steps. Duplicates are kept.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.optimizer import check_option, starting_points
from suite.optimizers.optuna_search import OptunaSearch, make_study
from suite.spaces.space import SearchSpace


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
    batch: int | None = None,
    crossover_prob: float = 0.9,
    swapping_prob: float = 0.5,
    mutation_prob: float | None = None,
) -> OptunaSearch:
    """Optuna's `NSGAIISampler`, `batch` candidates an ask: a divisor of `population`, or None for it.

    Parents change only with a whole generation, so that the sequence of candidates is the same for
    every such batch. A child is a crossover with `crossover_prob` (else a copy of one parent), whose
    parameters come from the second parent with `swapping_prob`; each is drawn anew with
    `mutation_prob`, None being 1 / d. Starting points are enqueued into the first generation.
    """
    check_option("optuna_nsga2", "population", population, 2)
    size = population if batch is None else batch
    if size < 1 or population % size:
        raise BadInput(
            f"optimizer optuna_nsga2: batch is {size}, allowed: a divisor of population {population}"
        )
    check_option("optuna_nsga2", "crossover_prob", crossover_prob, 0.0, 1.0)
    check_option("optuna_nsga2", "swapping_prob", swapping_prob, 0.0, 1.0)
    check_option("optuna_nsga2", "mutation_prob", mutation_prob or 0.0, 0.0, 1.0)
    first = starting_points(space, start)
    import optuna

    sampler = optuna.samplers.NSGAIISampler(
        seed=seed,
        population_size=population,
        crossover_prob=crossover_prob,
        swapping_prob=swapping_prob,
        mutation_prob=mutation_prob,
    )
    return OptunaSearch(space, make_study(space, n_objectives, sampler, first), size)
