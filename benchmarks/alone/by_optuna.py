"""optuna's samplers by its `optimize`, one trial after the other, in the problem's own bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from suite.optimizers.global_state import one_thread

from .function import Function

Given = Callable[[list[float]], list[float]]


def _optimized(function: Function, sampler: Any, given: Given = list) -> None:
    """Of a trial's losses, optuna gets what `given` makes of them."""
    import optuna

    def objective(trial: optuna.Trial) -> list[float]:
        bounds = zip(function.low, function.high, strict=True)
        row = [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(bounds, 1)]
        unit = (np.array(row) - function.low) / (function.high - function.low)
        return given(function([unit])[0].tolist())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["minimize"] * function.m, sampler=sampler)
    study.optimize(objective, n_trials=function.trials)


def tpe(function: Function, seed: int) -> None:
    """Multivariate TPE."""
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    _optimized(function, sampler)


def nsga2(function: Function, seed: int) -> None:
    """NSGA-II of twenty individuals."""
    import optuna

    _optimized(function, optuna.samplers.NSGAIISampler(seed=seed, population_size=20))


def gp(function: Function, seed: int) -> None:
    """Gaussian processes, given losses from 1 to 2 where one is above 1."""
    import optuna

    def given(values: list[float]) -> list[float]:
        return [min(max(v, 1.0), 2.0) for v in values] if max(values) > 1 else values

    with one_thread():
        _optimized(function, optuna.samplers.GPSampler(seed=seed, n_startup_trials=10), given)
