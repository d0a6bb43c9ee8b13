"""Every optimizer configuration keeps the contract, and each check fails for a broken optimizer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_method
from omegaconf import OmegaConf

from suite.optimizers import contract
from suite.optimizers.contract import CHECKS, ContractViolation, Make
from tests.optimizers.broken import BROKEN, Walk

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "optimizer").glob("*.yaml"))

# What seconds an ask allows: few candidates, most of them past a short start, and a short search.
COSTLY = {
    "optuna_gp": {"batch": 2, "startup": 6},
    "qnehvi": {"batch": 2, "startup": 6, "mc_samples": 8, "raw_samples": 8, "restarts": 1},
}
CHEAP = [config for config in CONFIGS if config.stem not in COSTLY]


def make_of(config: Path) -> Make:
    options: Any = OmegaConf.to_container(OmegaConf.load(config))
    return partial(get_method(options.pop("_target_")), **options)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("config", CHEAP, ids=lambda config: config.stem)
def test_config_keeps_the_contract(config: Path, check: Callable[..., None]) -> None:
    if check is contract.check_few_settings:  # pymoo looks long for a seventh setting, each time
        check(make_of(config), 16)
    else:
        check(make_of(config))


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", COSTLY)
def test_costly_config_keeps_the_contract(name: str, check: Callable[..., None]) -> None:
    """A selection that is quick runs with the optimizer's own tests."""
    pytest.importorskip({"qnehvi": "botorch"}.get(name, "torch"))
    config = next(config for config in CONFIGS if config.stem == name)
    check(partial(make_of(config), **COSTLY[name]), 9)


def test_every_optimizer_has_a_config() -> None:
    names = {config.stem for config in CONFIGS}
    assert {"random", "sobol", "cma_es", "cma_es_margin", "como_cma_es", "nsga2", "tpe"} <= names
    assert {"cma_es_random_weights", "lambda_grid", "optuna_gp", "optuna_nsga2", "qnehvi"} <= names


def test_a_correct_optimizer_passes() -> None:
    contract.check_optimizer(Walk)


@pytest.mark.parametrize(
    ("check", "broken", "says"), BROKEN, ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN]
)
def test_a_broken_optimizer_fails(
    check: Callable[[Make], None], broken: type[Walk], says: str
) -> None:
    if says.startswith("torch"):
        pytest.importorskip("torch")
    with pytest.raises(ContractViolation, match=says):
        check(broken)


def test_every_check_has_a_broken_optimizer() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)
