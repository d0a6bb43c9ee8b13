"""Models that cannot be measured keep `suite judge`, `tune` and `run` from nothing else.

Over a task without a model, whose heavy merges fail on some of the splits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from suite.assembly import compose
from suite.commands import judge, run, tune
from suite.errors import BadInput
from suite.merging.merger import MergeFailure
from suite.optimizers import random_search
from suite.recipes.recipe import Recipe
from suite.records import folder as folders
from suite.records.folder import RunFolder
from suite.records.journal import Journal
from suite.records.judged import judged_lines
from suite.records.task_folder import TaskFolder
from suite.search import harness
from suite.search.hand_tuning import Tried
from suite.search.judging import Judged
from suite.statistics import choice
from tests.conftest import KnownTask

TRIALS = 12


class Failing(KnownTask):
    """`fails` says by split which recipes, by digest, cannot be merged."""

    def __init__(self, **fails: set[str]) -> None:
        super().__init__()
        self.fails = fails

    def measure(self, recipe, split):  # type: ignore[no-untyped-def]
        if recipe.digest in self.fails.get(split, ()):
            raise MergeFailure("tensor 'w' is not finite")
        return super().measure(recipe, split)


def searched(results: Path, seed: int, limit: float = 9.0) -> Path:
    folder = folders.run_folder(results, "known", "random", seed)
    folder.mkdir(parents=True)
    task = KnownTask(limit)
    optimizer = random_search.make(task.space, 2, seed)
    harness.search(task, optimizer, Journal(folder / "trials.jsonl"), TRIALS)
    return folder


def judged(folder: Path, split: str) -> set[int]:
    rows = map(json.loads, (folder / "judged.jsonl").read_text().splitlines())
    return {row["number"] for row in rows if row["split"] == split}


def quiet() -> Progress:
    return Progress(console=Console(quiet=True))


def digests(folder: Path, numbers: set[int]) -> set[str]:
    trials = Journal(folder / "trials.jsonl").read()
    return {Recipe.from_json(trials[number].recipe).digest for number in numbers}


def test_judging_goes_on_with_the_other_models_and_runs(tmp_path: Path) -> None:
    hopeless = searched(tmp_path, 0, limit=0.0)  # every trial failed
    partly, whole = searched(tmp_path, 1), searched(tmp_path, 2)
    losses = np.array([t.losses for t in Journal(partly / "trials.jsonl").read()])
    candidates = set(choice.candidates(losses))
    front = {*map(int, choice.counted(losses, {}, ["near", "far"]))}
    beside, on_front = max(candidates - front), min(front)
    task = Failing(select=digests(partly, {beside}), report=digests(partly, {on_front}))

    runs = [RunFolder(path) for path in (hopeless, partly, whole)]
    passed_over, failures = judge._each(task, runs, quiet())
    assert passed_over == [] and not (hopeless / "judged.jsonl").exists()
    assert judged(partly, "select") == candidates - {beside}
    assert judged(partly, "report") == front - {on_front}
    assert judged(whole, "report") and len(judged(whole, "select")) >= 10
    said = "(MergeFailure: tensor 'w' is not finite)"
    assert failures == [
        f"{partly}: trial {beside} cannot be measured on the select items {said}",
        f"{partly}: trial {on_front} cannot be measured on the report items {said}",
    ]

    assert judge._each(Failing(), runs, quiet()) == ([], [])
    assert judged(partly, "select") == candidates and front <= judged(partly, "report")


def test_baselines_that_fail_are_named(tmp_path: Path) -> None:
    task = KnownTask(limit=1.5)
    baselines = {name: task.recipe(np.full(3, x)) for name, x in (("heavy", 0.9), ("light", 0.1))}
    results = TaskFolder(tmp_path)
    results.baselines.mkdir()
    failures = judge._judge_baselines(task, results, baselines, quiet())
    assert failures == [
        f"{results.baselines}: heavy cannot be measured on the report items"
        " (CandidateFailure: tensor 'w' is not finite)"
    ]
    assert [line["name"] for line in results.judged_baselines.read()] == ["light"]


def test_nothing_is_concluded_from_a_part_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`suite compare` judges by `judge_runs`: a claim is not answered on what is left."""
    folder = searched(tmp_path, 0)
    every = digests(folder, set(range(TRIALS)))
    monkeypatch.setattr(judge, "_ready", lambda config, runs: (Failing(report=every), {}))
    with pytest.raises(BadInput, match=r"trial \d+ cannot be measured on the report items"):
        judge.judge_runs(compose.compose(["task=zdt1"]), [RunFolder(folder)])
    assert len(judged(folder, "select")) >= 10


def test_a_search_begins_without_the_baselines_that_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config: Any = compose.compose(["task=zdt1", f"results={tmp_path}"])
    task = KnownTask(limit=1.5)
    baselines = {name: task.recipe(np.full(3, x)) for name, x in (("heavy", 0.9), ("light", 0.1))}
    assert list(run.measure_baselines(config, task, baselines)) == ["light"]
    assert capsys.readouterr().err == (
        "suite: baseline heavy cannot be measured on the search items"
        " (CandidateFailure: tensor 'w' is not finite)\n"
    )
    assert list(run.measure_baselines(config, task, baselines)) == ["light"]
    assert task.measured == 3  # the light one once, the heavy one each time


def tried(task: KnownTask, *xs: float) -> list[Tried]:
    stages = ("one_weight", "two_weights", "two_weights")
    return [
        Tried(number, stage, f"merge {number}", task.recipe(np.full(3, x)))
        for number, (stage, x) in enumerate(zip(stages, xs, strict=True))
    ]


def test_hand_tuning_goes_on_and_takes_home_what_could_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merges = tried(KnownTask(), 0.1, 0.2, 0.3)
    task = Failing(select={merges[0].recipe.digest})
    tune._tune(task, merges, Judged(task, judged_lines(tmp_path / "judged.jsonl")))
    out, err = capsys.readouterr()
    assert "merge 0 cannot be measured on the select items (MergeFailure" in err
    assert "merge 1" in out and "merge 0" not in out
    assert judged(tmp_path, "select") == {1, 2} and 0 not in judged(tmp_path, "report")


def test_hand_tuning_of_nothing_but_failures_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = KnownTask(limit=0.0)
    tune._tune(
        task, tried(task, 0.1, 0.2, 0.3), Judged(task, judged_lines(tmp_path / "judged.jsonl"))
    )
    assert capsys.readouterr().err.count("cannot be measured on the select items") == 3
    assert not (tmp_path / "judged.jsonl").exists()
