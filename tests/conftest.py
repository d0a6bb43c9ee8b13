"""What several tests need: a task without a model, the micro task over few items, a Hub on loopback.

The task's scores are a known function of the candidate.
"""

from __future__ import annotations

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch: a worker per core runs beside this one

import functools
import gc
import importlib.util
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

from suite import resources
from suite.__main__ import main
from suite.errors import CandidateFailure
from suite.evaluators.datasets import items
from suite.objective import Objective
from suite.recipes.recipe import Input, Recipe
from suite.records.trial import Score
from suite.search.task import Measurement, Task
from suite.spaces.merge_space import MergeSpace
from tests.hub_server import HubServer

BASELINES = {
    "ja_math_micro": ("japanese", "task_arithmetic_0.4"),
    "ja_math_7b": ("dare_ties_0.5", "ties_0.5", "wizard"),
    "ja_math_micro_dfs": ("task_arithmetic_0.4", "upscaled_japanese"),
    "ja_vlm_7b": ("dare_ties_0.5", "dare_ties_0.53", "japanese", "vlm"),
}

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
            raise CandidateFailure("tensor 'w' is not finite")
        outcomes = (weights[:, None] > np.linspace(0, 1, 20)).mean(axis=0)
        scores = {
            "known.near": Score.mean(outcomes.tolist()),
            "known.far": Score(float((weights**2).mean()), 0.0, 1),
        }
        return Measurement(scores, {"merge": 0.0, "evaluate": 0.0, "total": 0.0})


# What works without torch has tests that do, and these alone are collected where it is not installed.
# Fixtures and single tests of theirs that need models skip themselves: a room that begins to import torch
# fails there.
WITHOUT_TORCH = ("optimizers", "problems", "recipes", "records", "report", "search", "spaces")
WITHOUT_TORCH += ("statistics", "trackers", "test_examples.py", "test_objective.py")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the rooms of models out where torch is not installed."""
    below = collection_path.relative_to(Path(__file__).parent).parts[:1]
    left_out = importlib.util.find_spec("torch") is None and below
    return True if left_out and below[0] not in WITHOUT_TORCH else None


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def known_task() -> KnownTask:
    return KnownTask()


@pytest.fixture(scope="session")
def few_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`few_of("ja_math")`: a folder with the first 8 items of each split of ja_math_micro's."""

    @functools.cache
    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp("items") / name
        folder.mkdir()
        whole = items.read_splits(resources.resolve(f"zoo:ja_math_micro/items/{name}"))
        for split in whole:
            items.write(folder / f"{split}.jsonl", whole[split][:8])
        return folder

    return made


@pytest.fixture(scope="session")
def few_baselines(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """`few_baselines("ja_math_micro")`: the override that leaves `BASELINES` of a folder of baselines."""

    @functools.cache
    def made(folder: str) -> str:
        kept = tmp_path_factory.mktemp("baselines")
        for name in BASELINES[folder]:
            shutil.copy(resources.data("baselines") / folder / f"{name}.yaml", kept)
        return f"task.baselines={kept}"

    return made


@pytest.fixture(scope="session")
def few_items(few_of: Callable[[str], Path], few_baselines: Callable[[str], str]) -> list[str]:
    """Overrides that make ja_math_micro ask 8 items a split, and measure few of its baselines.

    A trial of the real task then takes a moment, and so does the first run in a folder of results.
    """
    pytest.importorskip("torch")
    kept = [f"task.evaluators.{name}.items={few_of(name)}" for name in ("ja_math", "ja_general")]
    return [*kept, few_baselines("ja_math_micro")]


@pytest.fixture
def suite(
    few_items: list[str],
    few_baselines: Callable[[str], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, str]]:
    """`suite("run", …)` in this process over few items: (exit code, standard output, standard error)."""

    def call(command: str, *overrides: str) -> tuple[int, str, str]:
        capsys.readouterr()
        named = [word for word in overrides if word.startswith("task=ja_math_micro_")]
        few = [*few_items[:-1], few_baselines("ja_math_micro_dfs")] if named else few_items
        code = main([command, f"results={tmp_path}", *few, *overrides])
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
