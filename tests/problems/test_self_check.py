"""A search through the whole suite is the search of its library alone, on problems with known fronts."""

from __future__ import annotations

from pathlib import Path

import alone
import numpy as np
import pytest

from suite.__main__ import main
from suite.assembly import compose
from suite.records.journal import Journal
from suite.statistics import pareto

TRIALS = 80  # past every quick strategy's random start; no multiple of most batches
EXTRAS = {"qnehvi": "botorch", "age_moea": "numba"}
FEW = {"optuna_gp": 13, "qnehvi": 25}  # three candidates past their starts of 10 and 22


def importable(strategy: str) -> None:
    """Skip where the extra of the strategy is not installed."""
    if strategy in EXTRAS:
        pytest.importorskip(EXTRAS[strategy])


@pytest.mark.parametrize(
    ("task", "strategy"),
    [
        (task, strategy)
        for task in ("zdt4", "dtlz2_3obj")
        for strategy in sorted(alone.LIBRARIES)
        if (task, strategy) != ("dtlz2_3obj", "qnehvi")  # 16 s
    ],
)
def test_the_suite_reaches_what_the_library_alone_reaches(
    strategy: str, task: str, tmp_path: Path
) -> None:
    importable(strategy)
    n = FEW.get(strategy, TRIALS)
    words = [f"task={task}", f"optimizer={strategy}", "seed=3", f"trials={n}"]
    assert main(["run", *words, f"results={tmp_path}"]) == 0
    trials = Journal(tmp_path / task / strategy / "seed=3" / "trials.jsonl").read()
    ours = np.array([trial.losses for trial in trials])
    direct = alone.losses(strategy, compose.compose(words).task.written, 3, n)
    assert np.array_equal(ours, direct)
    assert pareto.hypervolume(ours) == pareto.hypervolume(direct) > 0


@pytest.mark.parametrize("strategy", sorted(alone.LIBRARIES))
def test_a_direct_run_of_another_seed_differs(strategy: str) -> None:
    importable(strategy)
    spec = compose.compose(["task=zdt1"]).task.written
    one, other = (alone.losses(strategy, spec, seed, 10) for seed in (0, 1))
    assert one.shape == (10, 2) and not np.array_equal(one, other)
