"""What several tests need: a task without a model, the micro task over few items, a Hub on loopback.

The task's scores are a known function of the candidate.
"""

from __future__ import annotations

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch: a worker per core runs beside this one

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

from suite import resources
from suite.__main__ import main
from suite.evaluators.datasets import items
from suite.merging.merger import MergeFailure
from suite.objective import Objective
from suite.recipes.recipe import Input, Recipe
from suite.records.trial import Score
from suite.search.task import Measurement, Task
from suite.spaces.merge_space import MergeSpace
from tests.hub_server import HubServer

# No test is timed, and every run tries the same examples.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


class KnownTask(Task):
    """Two conflicting objectives over three weights; recipes heavier than `limit` cannot be merged."""

    def __init__(self, limit: float = 9.0) -> None:
        space = MergeSpace(
            "task_arithmetic",
            ["a", "b", "c"],
            "base",
            {"weight": {"low": 0.0, "high": 1.0, "scope": "source"}},
            {"normalize": False, "lambda": 1.0},
            layers=2,
        )
        objectives = [
            Objective("near", "known.near", "maximize", 1.0, 0.0),
            Objective("far", "known.far", "minimize", 0.0, 1.0),
        ]
        super().__init__("known", space, objectives, [], None, None)  # type: ignore[arg-type]
        self.limit = limit
        self.measured = 0

    def measure(self, recipe, split):  # type: ignore[no-untyped-def]
        weights = np.array([i.parameters["weight"] for i in recipe.inputs])
        self.measured += 1
        if weights.sum() > self.limit:
            raise MergeFailure("tensor 'w' is not finite")
        outcomes = (weights[:, None] > np.linspace(0, 1, 20)).mean(axis=0)
        scores = {
            "known.near": Score.mean(outcomes.tolist()),
            "known.far": Score(float((weights**2).mean()), 0.0, 1),
        }
        return Measurement(scores, {"merge": 0.0, "evaluate": 0.0, "total": 0.0})


@pytest.fixture
def known_task() -> KnownTask:
    return KnownTask()


@pytest.fixture(scope="session")
def few_items(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides that make ja_math_micro ask 8 items a split: a trial of the real task in a moment."""
    overrides = []
    for name in ("ja_math", "ja_general"):
        folder = tmp_path_factory.mktemp("items") / name
        folder.mkdir()
        whole = items.read_splits(resources.resolve(f"zoo:ja_math_micro/items/{name}"))
        for split in whole:
            items.write(folder / f"{split}.jsonl", whole[split][:8])
        overrides.append(f"task.evaluators.{name}.items={folder}")
    return overrides


@pytest.fixture
def suite(
    few_items: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`suite("run", …)` in this process over few items: (exit code, standard output, standard error)."""

    def call(command: str, *overrides: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([command, f"results={tmp_path}", *few_items, *overrides])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A Hub with one model, lab/model; this process talks to it. The library never waits."""
    with HubServer() as server:
        server.add("lab/model", resources.ZOO / "ja_math_micro" / "base")
        server.redirect(monkeypatch, tmp_path)
        impatient = SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
        for module in ("file_download", "utils._http"):
            monkeypatch.setattr(f"huggingface_hub.{module}.time", impatient)
        yield server


@pytest.fixture(scope="module")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Folders of the models of `mergekit_alone`; libraries log nothing while they are there."""
    from tests import mergekit_alone

    logging.disable(logging.CRITICAL)
    yield mergekit_alone.saved(tmp_path_factory.mktemp("models"))
    logging.disable(logging.NOTSET)


@pytest.fixture
def soup() -> Recipe:
    """A task-arithmetic merge of two of the shipped models."""
    inputs = (Input("japanese", {"weight": 0.5}), Input("math_add", {"weight": 0.3}))
    return Recipe("task_arithmetic", inputs, "base")
