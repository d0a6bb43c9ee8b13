"""optuna's NSGA-II: what the sampler proposes alone, with ints and choices, in batches of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest

from suite.errors import BadInput
from suite.optimizers import optuna_nsga2
from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace, Setting

METHODS = ("linear", "ties", "slerp")
SPACE = SearchSpace(
    [
        Parameter("a"),
        Parameter("rate", "log", 1e-3, 1.0),
        Parameter("layers", "int", 1, 6),
        Parameter("method", "choice", options=METHODS),
    ]
)


def losses(s: Any) -> list[float]:
    return [s["a"] + abs(s["layers"] - 3), 1 - s["a"] + s["rate"] + METHODS.index(s["method"])]


def played(optimizer: Optimizer, evaluations: int) -> list[dict[str, Setting]]:
    asked: list[dict[str, Setting]] = []
    while len(asked) < evaluations:
        X = optimizer.ask()
        asked += (batch := [SPACE.decode(x) for x in X])
        optimizer.tell(X, np.array([losses(settings) for settings in batch]))
    return asked


def test_it_is_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.NSGAIISampler(seed=1, population_size=10, mutation_prob=0.3)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(
        lambda trial: losses(
            {
                "a": trial.suggest_float("a", 0.0, 1.0),
                "rate": trial.suggest_float("rate", 1e-3, 1.0, log=True),
                "layers": trial.suggest_int("layers", 1, 6),
                "method": trial.suggest_categorical("method", METHODS),
            }
        ),
        n_trials=60,
    )
    ours = played(optuna_nsga2.make(SPACE, 2, 1, population=10, mutation_prob=0.3), 60)
    for mine, trial in zip(ours, study.trials, strict=True):
        assert mine == pytest.approx(trial.params)


@pytest.mark.parametrize("batch", [1, 5, None])
def test_the_sequence_is_the_same_for_every_batch(batch: int | None) -> None:
    make = optuna_nsga2.make
    ours = played(make(SPACE, 2, 3, population=10, batch=batch), 40)
    assert ours == played(make(SPACE, 2, 3, population=10, batch=2), 40)


def test_the_start_is_in_the_first_generation() -> None:
    start = SPACE.encode({"a": 0.25, "rate": 0.1, "layers": 2, "method": "ties"})
    X = optuna_nsga2.make(SPACE, 2, 0, start, population=4).ask()
    assert np.allclose(X[0], start, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"population": 1}, "population is 1"),
        ({"population": 10, "batch": 4}, "batch is 4, allowed: a divisor"),
        ({"batch": 0}, "batch is 0"),
        ({"crossover_prob": 1.5}, "crossover_prob is 1.5"),
        ({"mutation_prob": -0.1}, "mutation_prob is -0.1"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        optuna_nsga2.make(SPACE, 2, 0, **options)
