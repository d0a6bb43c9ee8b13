"""The committed journals replay: today's optimizers ask again what they asked in the published runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suite.assembly.spec import RunSpec
from suite.assembly.task_spec import TaskSpec
from suite.records.folder import RunFolder
from suite.records.journal import Journal
from suite.records.penalty import penalised_losses
from suite.spaces.merge_space import MergeSpace
from suite.spaces.space import SearchSpace

RESULTS = Path(__file__).parents[2] / "results" / "ja_math_micro"
LAYERS = 6  # of the embedded checkpoints


def space_of(task: TaskSpec) -> SearchSpace:
    """The run's own: the order of its names steers optuna."""
    merge, base = task.merge, task.base
    assert merge is not None
    sources = [name for name in task.models if name != base]
    fixed = (merge.searched, merge.fixed, LAYERS, merge.groups)
    return MergeSpace(merge.method, sources, base, *fixed).space


COSTLY = {"optuna_gp": 24}  # trials replayed of what asks for tenths of a second


@pytest.mark.parametrize(
    "strategy",
    ["random", "lambda_grid", "cma_es", "nsga2", "sms_emoa", "gde3", "tpe", "optuna_gp"],
)
def test_a_committed_run_replays(strategy: str) -> None:
    """Told the journaled losses. Other processors round powers and eigenvectors in the last place."""
    run = RESULTS / strategy / "seed=0"
    spec = RunSpec.of(RunFolder(run))
    trials = Journal(run / "trials.jsonl").read()
    m, make = len(spec.task.objectives), spec.optimizer_options.load()
    optimizer = make(space_of(spec.task), m, spec.seed, **spec.optimizer_options.options)
    told = 0
    while told < COSTLY.get(strategy, spec.trials):
        X = optimizer.ask()
        batch = trials[told : told + len(X)]
        journaled = np.array([trial.x for trial in batch])
        assert np.allclose(X[: len(batch)], journaled, rtol=0, atol=1e-9), f"after {told} trials"
        if len(batch) == len(X):
            optimizer.tell(X, np.stack([penalised_losses(trial, m) for trial in batch]))
        told += len(X)
    assert len(trials) == spec.trials
