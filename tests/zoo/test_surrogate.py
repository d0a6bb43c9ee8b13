"""The shipped surrogates are of the real tasks' spaces, and predict journals that they never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suite import resources
from suite.assembly import compose
from suite.errors import BadInput
from suite.problems import fit, tabular
from zoo import surrogate as zoo

RESULTS = resources.PACKAGE.parent / "results"
TASKS = ("ja_math_micro", "ja_vlm_micro")


@pytest.mark.parametrize("task", TASKS)
def test_the_space_is_that_of_the_real_task(task: str) -> None:
    real = zoo.space(compose.compose([f"task={task}"]))
    assert tabular.read(zoo.shipped(task)).space.parameters == real.parameters


@pytest.mark.skipif(not RESULTS.is_dir(), reason="journals are in the repository alone")
def test_held_out_runs_are_predicted_as_the_documentation_says() -> None:
    made = tabular.read(zoo.shipped("ja_math_micro"))
    trials = zoo.trials(compose.compose(["task=ja_math_micro"]), RESULTS)
    trials = trials.part(np.isin(trials.runs, made.runs) & (trials.folds == 4))
    assert trials.X.shape == (800, 24)
    off = fit.held_out(made, trials) - trials.Y
    for items in (slice(200), slice(200, 400)):
        errors = off[:, items].mean(axis=1)
        assert np.sqrt((errors**2).mean()) < 0.02 and abs(errors.mean()) < 0.005


def test_spaces_with_choices_are_refused() -> None:
    with pytest.raises(BadInput, match=r"'layer\.0' is of kind 'choice'"):
        zoo.space(compose.compose(["task=ja_math_micro_dfs"]))


def test_journals_of_one_seed_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no runs of two seeds"):
        zoo.trials(compose.compose(["task=ja_math_micro"]), tmp_path)
