"""The loop, and resume: killed at any moment and continued, a journal equals the uninterrupted one."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from suite import resources
from suite.assembly.targets import Target
from suite.errors import BadInput
from suite.records.journal import Journal
from suite.records.penalty import penalised_losses
from suite.search import harness
from tests.conftest import KnownTask

OPTIMIZERS = sorted(path.stem for path in (resources.data("conf") / "optimizer").glob("*.yaml"))
# Seconds a candidate as configured: fewer of them, models after a few, and quick ones.
COSTLY = {
    "optuna_gp": {"startup": 8},
    "qnehvi": {"startup": 8, "mc_samples": 16, "raw_samples": 8, "restarts": 2},
}


def make(name: str, task: KnownTask, seed: int = 0):  # type: ignore[no-untyped-def]
    config = yaml.safe_load((resources.data("conf") / "optimizer" / f"{name}.yaml").read_text())
    config.update(COSTLY.get(name, {}))
    target = Target.parse(config, name)
    return target.build(space=task.space, n_objectives=2, seed=seed, start=None)


def search(
    name: str, path: Path, trials: int, seed: int = 0, task: KnownTask | None = None
) -> KnownTask:
    task = task or KnownTask()
    harness.search(task, make(name, task, seed), Journal(path), trials)
    return task


class SlowTask(KnownTask):
    """Slow enough that kills fall before, inside and after trials."""

    def measure(self, recipe, split):  # type: ignore[no-untyped-def]
        time.sleep(0.004)
        return super().measure(recipe, split)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_killed_at_random_moments_and_resumed_equals_uninterrupted(
    name: str, tmp_path: Path
) -> None:
    trials, kills = (16, 8) if name in COSTLY else (60, 20)
    search(name, tmp_path / "whole.jsonl", trials)
    moments = random.Random(name)
    path = tmp_path / "killed.jsonl"
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            try:
                search(name, path, trials, task=SlowTask())
            finally:
                os._exit(0)
        time.sleep(moments.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    search(name, path, trials)
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_resume_measures_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    search("nsga2", path, 30)
    assert search("nsga2", path, 50).measured == 20


def test_a_longer_budget_continues_a_finished_run(tmp_path: Path) -> None:
    search("tpe", tmp_path / "a.jsonl", 33)
    search("tpe", tmp_path / "a.jsonl", 47)
    search("tpe", tmp_path / "b.jsonl", 47)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_finished_run_asks_nothing(tmp_path: Path) -> None:
    search("nsga2", tmp_path / "t.jsonl", 12)
    found = harness.search(KnownTask(), None, Journal(tmp_path / "t.jsonl"), 10)  # type: ignore[arg-type]
    assert [trial.number for trial in found] == list(range(10))


def test_another_seed_is_refused_by_the_replay(tmp_path: Path) -> None:
    search("nsga2", tmp_path / "t.jsonl", 10, seed=0)
    with pytest.raises(BadInput, match="line 1: the optimizer now asks for another candidate"):
        search("nsga2", tmp_path / "t.jsonl", 20, seed=1)


def test_failures_cost_budget_and_are_dominated_by_every_success(tmp_path: Path) -> None:
    task = search("nsga2", tmp_path / "t.jsonl", 60, task=KnownTask(limit=1.5))
    trials = Journal(tmp_path / "t.jsonl").read()
    failed = [trial for trial in trials if trial.status == "failed"]
    assert len(trials) == task.measured == 60 and failed
    assert all(trial.error == "CandidateFailure: tensor 'w' is not finite" for trial in failed)
    worst = np.max([trial.losses for trial in trials if trial.status == "ok"], axis=0)
    assert (penalised_losses(failed[0], 2) > worst).all()


def test_programming_errors_propagate(tmp_path: Path) -> None:
    task = KnownTask()
    task.measure = lambda *a: 1 / 0  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        search("random", tmp_path / "t.jsonl", 3, task=task)
    assert Journal(tmp_path / "t.jsonl").read() == []


@pytest.mark.parametrize("trials", [0, -3])
def test_the_budget_must_be_positive(trials: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="budget"):
        search("random", tmp_path / "t.jsonl", trials)
