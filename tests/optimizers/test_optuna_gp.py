"""optuna's Gaussian processes: the sampler alone on ZDT1, failed trials, threads and random state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from pymoo.problems import get_problem

from suite.errors import BadInput
from suite.optimizers import contract, contract_plays, optuna_gp
from suite.records.penalty import penalty
from suite.spaces.space import Parameter, SearchSpace, Vector

torch = pytest.importorskip("torch")
D = 3
SPACE = SearchSpace([Parameter(f"x{i}") for i in range(D)])
ZDT1 = get_problem("zdt1", n_var=D)
CHEAP = partial(optuna_gp.make, batch=2, startup=4)


def played(make: Callable[..., Any], losses: Callable[[Vector], Vector], n: int) -> Vector:
    optimizer = make(SPACE, 2, 1)
    rows: list[Vector] = []
    while sum(map(len, rows)) < n:
        rows.append(optimizer.ask())
        optimizer.tell(rows[-1], losses(rows[-1]))
    return np.vstack(rows)


@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_optuna(batch: int) -> None:
    """With losses as they are; a batch is as many trials asked before the first is told."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.GPSampler(seed=1, n_startup_trials=6)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    floats: dict[str, Any] = {f"x{i}": FloatDistribution(0.0, 1.0) for i in range(D)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(12 // batch):
            trials = [study.ask(floats) for _ in range(batch)]
            for trial in trials:
                x = np.array([[trial.params[f"x{i}"] for i in range(D)]])
                study.tell(trial, ZDT1.evaluate(x)[0].tolist())
    finally:
        torch.set_num_threads(threads)
    direct = np.array([[t.params[f"x{i}"] for i in range(D)] for t in study.trials])
    ours = played(partial(optuna_gp.make, batch=batch, startup=6, limit=None), ZDT1.evaluate, 12)
    assert np.array_equal(ours, direct)


@pytest.mark.parametrize(
    ("losses", "as_told"), [((0.1, 1.5), (1.0, 1.5)), (tuple(penalty(2)), (2.0, 2.0))]
)
def test_outside_the_reference_no_loss_counts_as_won(
    losses: tuple[float, ...], as_told: tuple[float, ...]
) -> None:
    """The same candidates follow as where nothing was won; a failed trial is at the limit."""

    def told(outside: tuple[float, ...]) -> Vector:
        def losses(X: Vector) -> Vector:
            return np.where(X[:, :1] > 0.6, outside, contract_plays.bowls(X))

        return played(CHEAP, losses, 10)

    asked = told(losses)
    assert (asked[:, 0] > 0.6).any()
    assert np.array_equal(asked, told(as_told))


@pytest.mark.parametrize(
    "check",
    [contract.check_determinism, contract.check_replay, contract.check_global_random],
    ids=lambda check: check.__name__,
)
def test_past_the_random_start_it_keeps_the_contract(check: Callable[..., None]) -> None:
    check(CHEAP, 8)


def test_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    played(CHEAP, contract_plays.bowls, 6)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("options", [{"batch": 0}, {"startup": 0}, {"limit": 0.5}])
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"{next(iter(options))} is"):
        optuna_gp.make(SPACE, 2, 0, **options)
