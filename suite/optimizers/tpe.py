"""TPE by optuna: multivariate and multi-objective, with ints and choices as what they are.

Bergstra et al. 2011, "Algorithms for hyper-parameter optimization" (TPE); Ozaki et al. 2022,
"Multiobjective tree-structured Parzen estimator", JAIR 73; multivariate kernels as in Falkner, Klein
& Hutter 2018 (BOHB). **This is MOTPE**: optuna's `TPESampler` on several objectives splits the trials
by non-domination rank and hypervolume contribution as Ozaki et al. do; the separate `MOTPESampler` of
earlier versions is gone. It differs from the paper in the joint kernel over all parameters.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from suite.optimizers.optimizer import check_option, starting_points
from suite.optimizers.optuna_search import OptunaSearch, make_study
from suite.spaces.space import SearchSpace


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    batch: int = 1,
    startup: int = 10,
    ei_candidates: int = 24,
    constant_liar: bool = True,
) -> OptunaSearch:
    """Optuna's `TPESampler` after `startup` random trials, `batch` candidates an ask.

    Each candidate is the best of `ei_candidates` by expected improvement. Untold candidates of a
    batch count as bad where `constant_liar` says so. Starting points are enqueued: they are asked
    first and count among the startup trials.
    """
    check_option("tpe", "batch", batch, 1)
    check_option("tpe", "startup", startup, 1)
    check_option("tpe", "ei_candidates", ei_candidates, 1)
    first = starting_points(space, start)
    import optuna

    sampler = optuna.samplers.TPESampler(
        seed=seed,
        multivariate=True,
        n_startup_trials=startup,
        n_ei_candidates=ei_candidates,
        constant_liar=constant_liar,
    )
    return OptunaSearch(space, make_study(space, n_objectives, sampler, first), batch)
