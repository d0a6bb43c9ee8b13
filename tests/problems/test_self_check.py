"""A search through the whole suite is the search of its library alone, on problems with known fronts."""

from __future__ import annotations

from pathlib import Path

import alone
import numpy as np
import pytest

from suite import pareto
from suite.__main__ import main
from suite.commands import compose
from suite.journal import Journal

TRIALS = 80  # past every strategy's random start; no multiple of most batches


@pytest.mark.parametrize("task", ["zdt4", "dtlz2_3obj"])
@pytest.mark.parametrize("strategy", sorted(alone.LIBRARIES))
def test_the_suite_reaches_what_the_library_alone_reaches(
    strategy: str, task: str, tmp_path: Path
) -> None:
    words = [f"task={task}", f"optimizer={strategy}", "seed=3", f"trials={TRIALS}"]
    assert main(["run", *words, f"results={tmp_path}"]) == 0
    trials = Journal(tmp_path / task / strategy / "seed=3" / "trials.jsonl").read()
    ours = np.array([trial.losses for trial in trials])
    direct = alone.losses(strategy, compose.compose(words)["task"], 3, TRIALS)
    assert np.array_equal(ours, direct)
    assert pareto.hypervolume(ours) == pareto.hypervolume(direct) > 0.1


def test_a_direct_run_of_another_seed_differs() -> None:
    spec = compose.compose(["task=zdt1"])["task"]
    for strategy in alone.LIBRARIES:
        one, other = (alone.losses(strategy, spec, seed, 40) for seed in (0, 1))
        assert one.shape == (40, 2) and not np.array_equal(one, other)
