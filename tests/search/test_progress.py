from __future__ import annotations

from pathlib import Path

import pytest

from suite.optimizers.random_search import make
from suite.records.folder import RunFolder
from suite.records.journal import Journal
from suite.records.trial import Score
from suite.search import harness
from suite.search.progress import Progress, front_of, loss_matrix, summary
from suite.statistics import pareto
from tests.conftest import KnownTask


def test_state_and_summary_follow_the_journal(
    known_task: KnownTask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known_task.limit = 2.0
    optimizer = make(space=known_task.space, n_objectives=2, seed=0)
    states = []
    with Progress(known_task.objectives, 30, []) as progress:
        journal = Journal(tmp_path / "t.jsonl")
        trials = harness.search(
            known_task, optimizer, journal, 30, lambda trial: states.append(progress.add(trial))
        )
        assert progress.front() == front_of(trials, 2)
    losses = loss_matrix(trials, 2)
    assert states[-1].hypervolume == pytest.approx(pareto.hypervolume(losses))
    assert states[-1].front_size == len(pareto.front(losses))
    assert [s.hypervolume for s in states] == sorted(s.hypervolume for s in states)
    baselines = {"hand": {"known.near": Score(0.25, 0.1, 20), "known.far": Score(0.5, 0.0, 1)}}
    capsys.readouterr()
    summary(known_task.objectives, trials, baselines, RunFolder(tmp_path), "offline folder")
    shown = capsys.readouterr().out
    failed = sum(trial.status == "failed" for trial in trials)
    assert failed and f"30 trials, {failed} failed, front {states[-1].front_size}" in shown
    assert "hand" in shown and "0.250 ± 0.100" in shown and "offline folder" in shown
