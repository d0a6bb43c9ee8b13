"""CPU seconds that an optimizer takes to ask for a candidate, by how many trials it was told.

    OMP_NUM_THREADS=1 python benchmarks/ask.py optuna_gp
    OMP_NUM_THREADS=1 python benchmarks/ask.py qnehvi --trials 204 startup=196

The losses are a quarter of pymoo's ZDT1. Options of the configuration are overridden as name=value;
a `startup` near the number of trials measures late asks without the early ones.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import get_method
from omegaconf import OmegaConf
from pymoo.problems import get_problem
from rich.console import Console
from rich.table import Table

from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace

CONFIGS = Path(__file__).parents[1] / "conf" / "optimizer"


def made(name: str, d: int, overrides: list[str]) -> Optimizer:
    """The configured optimizer for `d` floats and two objectives."""
    config = OmegaConf.merge(
        OmegaConf.load(CONFIGS / f"{name}.yaml"), OmegaConf.from_dotlist(overrides)
    )
    options: Any = OmegaConf.to_container(config)
    make = get_method(options.pop("_target_"))
    optimizer: Optimizer = make(
        SearchSpace([Parameter(f"x{i}") for i in range(d)]), 2, 0, **options
    )
    return optimizer


def measured(optimizer: Optimizer, d: int, trials: int) -> list[tuple[int, float]]:
    """For every ask: how many trials were told before, and CPU seconds a candidate."""
    problem = get_problem("zdt1", n_var=d)
    asks: list[tuple[int, float]] = []
    told = 0
    while told < trials:
        before = time.process_time()
        X = optimizer.ask()
        asks.append((told, (time.process_time() - before) / len(X)))
        optimizer.tell(X, np.asarray(problem.evaluate(X)) / 4)
        told += len(X)
    return asks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("optimizer", help="a configuration's name")
    parser.add_argument("overrides", nargs="*", help="options as name=value")
    parser.add_argument("--d", type=int, default=24)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_intermixed_args()
    asks = measured(made(given.optimizer, given.d, given.overrides), given.d, given.trials)
    blocks = np.array_split(np.array(asks), min(10, len(asks)))
    rows = [(int(b[0, 0]), int(b[-1, 0]), round(float(b[:, 1].mean()), 3)) for b in blocks]
    if given.json:
        print(json.dumps([dict(zip(("from", "to", "seconds"), row, strict=True)) for row in rows]))
        return
    table = Table(
        "trials told", "CPU seconds a candidate", title=f"{given.optimizer}, d = {given.d}"
    )
    for first, last, seconds in rows:
        table.add_row(f"{first} to {last}", f"{seconds:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
