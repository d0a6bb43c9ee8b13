"""A problem made a task: scores, losses, failures, mixed parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from suite.errors import BadInput
from suite.objective import Objective
from suite.optimizers import random_search
from suite.problems.problem import Problem, front_losses, task
from suite.recipes.layer_path import read_json
from suite.recipes.point import Point
from suite.records.journal import Journal
from suite.records.trial import Score
from suite.search import harness
from suite.spaces.space import Parameter, SearchSpace, Setting

GOOD = Objective("good", "problem.good", "maximize", 1.0, 0.0)
COST = Objective("cost", "problem.cost", "minimize", 0.0, 4.0)


class Items:
    """Ints and choices, items that differ between splits, a cost, and settings without a value."""

    title = "items"
    figures = ("good", "cost")
    space = SearchSpace(
        [
            Parameter("weight", "float", 0.0, 2.0),
            Parameter("layers", "int", 1, 4),
            Parameter("method", "choice", options=("linear", "ties", 0)),
        ]
    )

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        seed = {"search": 0, "select": 1, "report": 2}[split]
        ease = np.random.default_rng(seed).random(50)
        outcomes = (ease < float(settings["weight"]) / 2).astype(float)
        cost = math.nan if settings["method"] == 0 else float(settings["layers"])
        return {"good": Score.mean(outcomes.tolist()), "cost": Score(cost, 0.0, 1)}

    def front(self) -> np.ndarray:  # type: ignore[type-arg]
        return np.array([[1.0, 1.0]])


def made(problem: Problem | None = None, *objectives: Objective):  # type: ignore[no-untyped-def]
    return task("items", problem or Items(), objectives or (GOOD, COST))


def test_a_candidate_is_measured_at_its_settings() -> None:
    found = made()
    x = found.space.encode({"weight": 1.0, "layers": 3, "method": "ties"})
    recipe = found.recipe(x)
    assert recipe == Point({"weight": 1.0, "layers": 3, "method": "ties"})
    measured = found.measure(recipe, "search")
    assert list(measured.scores) == ["problem.good", "problem.cost"]
    direct = Items().measure(recipe.settings, "search")
    assert measured.scores == {f"problem.{name}": score for name, score in direct.items()}
    assert found.losses(measured.scores) == pytest.approx([1 - direct["good"].value, 0.75])
    assert {"merge", "evaluate", "total"} == set(measured.seconds)
    assert np.array_equal(found.recipe_space.encode(recipe), x)


def test_splits_may_differ() -> None:
    found = made()
    point = found.recipe(np.full(3, 0.5))
    by_split = {split: found.measure(point, split) for split in ("search", "select", "report")}
    assert len({m.scores["problem.good"].items for m in by_split.values()}) == 3


def test_what_has_no_value_is_a_failed_trial_and_the_search_goes_on(tmp_path: Path) -> None:
    found = made()
    optimizer = random_search.make(found.space, 2, 0)
    harness.search(found, optimizer, Journal(tmp_path / "t.jsonl"), 40)
    trials = Journal(tmp_path / "t.jsonl").read()
    failed = [trial for trial in trials if trial.status == "failed"]
    assert 0 < len(failed) < 40
    assert {trial.recipe["settings"]["method"] for trial in failed} == {0}
    assert {trial.error for trial in failed} == {
        "CandidateFailure: score 'problem.cost': value nan is not finite"
    }
    for trial in trials:
        assert read_json(trial.recipe) == found.recipe(np.array(trial.x))


def test_the_front_in_losses_follows_the_objectives() -> None:
    assert np.array_equal(front_losses(Items(), [COST, GOOD]), [[0.25, 0.0]])
    assert np.array_equal(front_losses(Items(), [GOOD]), [[0.0]])


def test_an_unknown_front_stays_unknown() -> None:
    class Unknown(Items):
        def front(self) -> None:  # type: ignore[override]
            return None

    assert front_losses(Unknown(), [GOOD, COST]) is None


def test_objectives_must_pick_figures_there_are() -> None:
    with pytest.raises(
        BadInput, match=r"'x': no metric 'problem\.x'; the problem gives problem\.g"
    ):
        made(Items(), Objective("x", "problem.x", "minimize", 0, 1))
    with pytest.raises(BadInput, match="no objectives"):
        task("items", Items(), [])
