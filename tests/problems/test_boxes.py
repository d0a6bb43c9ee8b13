"""Ideal and reference of every shipped problem follow from the rule, not from any run."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy.stats import qmc

from suite import resources
from suite.assembly import compose, problems

TASKS = sorted(
    path.stem
    for path in (resources.data("conf") / "task").glob("*.yaml")
    if re.search(r"suite\.problems\.(analytic|bbob)\.", path.read_text(encoding="utf-8"))
)


def two_digits_up(value: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit - 1e-9) * unit


@pytest.mark.parametrize("name", TASKS)
def test_the_box_follows_from_the_rule(name: str) -> None:
    if name.startswith("bbob"):
        pytest.importorskip("cocoex")
    config = compose.compose([f"task={name}"])
    problem = problems.build(config)
    entries = config.task.objectives
    ideal = np.array([entry.ideal for entry in entries])
    reference = np.array([entry.reference for entry in entries])
    assert [entry.metric for entry in entries] == [f"problem.{f}" for f in problem.figures]

    sample = qmc.Sobol(problem.space.d, rng=np.random.default_rng(0)).random(2**12)
    scores = [problem.measure(problem.space.decode(x), "search").values() for x in sample]
    F = np.array([[score.value for score in row] for row in scores])
    front = problem.front()
    if front is None:  # the ideal is COCO's, which its own test checks
        best, nadir = ideal, problem._problem.largest_fvalues_of_interest  # type: ignore[attr-defined]
    else:
        best, nadir = front.min(axis=0), front.max(axis=0)
        assert np.allclose(ideal, np.floor(best * 100 + 1e-9) / 100, atol=1e-9)
    above = np.maximum(1.1 * (nadir - best), np.quantile(F, 0.75, axis=0) - ideal)
    # the quartile of this smaller sample may round to the digit beside the true one's
    digits = [(two_digits_up(0.98 * a), two_digits_up(1.02 * a)) for a in above]
    for gap, (low, high) in zip(reference - ideal, digits, strict=True):
        assert low - 1e-6 <= gap <= high + 1e-6
    entering = (reference - F > 0).all(axis=1)
    assert entering.mean() > 0.25


def test_there_are_tasks_of_each_kind() -> None:
    assert len(TASKS) == 18 and {"zdt1", "dtlz2_3obj", "wfg4", "bbob_biobj_f55"} <= {*TASKS}
