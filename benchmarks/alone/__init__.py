"""Strategies by their libraries alone, on pymoo's problems: what the suite must equal.

The direct runs follow the libraries' own examples, with the settings of conf/optimizer, and share
no code with the suite's adapters but what keeps torch to one thread. Where a strategy is not
defined by its library alone, a run says in its own words what the adapter does, since its
trajectory would be another one otherwise: how CMA-ES weighs losses, takes turns, begins again and
is seeded (`by_cma`), the largest loss told to Gaussian processes (`by_optuna`, `by_botorch`) and
the seed of each of botorch's fits. `lambda_grid` is no library's, so that there is nothing to
compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import by_botorch, by_cma, by_optuna, by_pymoo, function
from .function import Array, Function

LIBRARIES: dict[str, Callable[[Function, int], None]] = {
    "random": function.uniform,
    "sobol": function.sobol,
    "nsga2": by_pymoo.nsga2,
    "nsga3": by_pymoo.nsga3,
    "sms_emoa": by_pymoo.sms_emoa,
    "moead": by_pymoo.moead,
    "age_moea": by_pymoo.age_moea,
    "gde3": by_pymoo.gde3,
    "tpe": by_optuna.tpe,
    "optuna_nsga2": by_optuna.nsga2,
    "optuna_gp": by_optuna.gp,
    "cma_es": by_cma.cma_es,
    "cma_es_random_weights": by_cma.cma_es_random_weights,
    "cma_es_margin": by_cma.cma_es_margin,
    "como_cma_es": by_cma.como_cma_es,
    "qnehvi": by_botorch.qnehvi,
}


def losses(strategy: str, spec: Mapping[str, Any], seed: int, trials: int) -> Array:
    """Losses (trials, m) of the strategy's library, used directly on pymoo's problem of a task."""
    called = Function(spec, trials)
    LIBRARIES[strategy](called, seed)
    return called.losses
