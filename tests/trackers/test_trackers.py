from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from suite.objective import Objective
from suite.records.trial import Score, Trial
from suite.trackers import Guarded, RunCard
from suite.trackers.none import make
from suite.trackers.wandb import make as make_wandb

OBJECTIVES = (Objective("maths", "maths.acc", "maximize", 1.0, 0.0),)


def trial(number: int) -> Trial:
    score = Score.mean([1.0, 0.0])
    return Trial(number, (0.5,), {}, "ok", None, {"maths.acc": score}, (0.5,), {"total": 1.0})


class Broken:
    """Raises in one of its calls and counts all of them."""

    name = "broken"
    where = "nowhere"

    def __init__(self, where: str, error: BaseException) -> None:
        self.where, self.error, self.calls = where, error, []

    def _step(self, call: str) -> None:
        self.calls.append(call)
        if call == self.where:
            raise self.error

    def start(self, run, *, resumed_from=0):
        self._step("start")

    def trial(self, trial, hypervolume, front_size):
        self._step(f"trial {trial.number}")

    def finish(self, front, baselines, *, interrupted=False):
        self._step("finish")


def search(tracker, path: Path) -> int:
    """The calls a harness makes around five trials; returns how many trials were done."""
    done = 0
    tracker.start(RunCard("t/o/seed=0", path, {"seed": 0}, OBJECTIVES))
    for number in range(5):
        done += 1
        tracker.trial(trial(number), 0.1, 1)
    tracker.finish([trial(0)], {})
    return done


@pytest.mark.parametrize(
    ("where", "calls"), [("start", 1), ("trial 0", 2), ("trial 3", 5), ("finish", 7)]
)
def test_a_failing_tracker_warns_once_and_the_search_goes_on(tmp_path, where, calls):
    broken = Broken(where, OSError("no space\nleft on device"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guarded = Guarded(broken)
        assert search(guarded, tmp_path) == 5
    assert guarded.muted
    assert guarded.where is None
    assert len(broken.calls) == calls  # muted from the failure on
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "'broken'" in message
    assert "no space left on device" in message
    assert "\n" not in message


def test_interrupts_are_not_swallowed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(Guarded(Broken("trial 1", KeyboardInterrupt())), tmp_path)


def test_wandb_whose_folder_cannot_be_made_warns_once(tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    tracker = Guarded(make_wandb(mode="offline", dir=str(tmp_path / "file" / "wandb")))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert search(tracker, tmp_path) == 5
    assert [w.category for w in caught] == [RuntimeWarning]
    assert "'wandb'" in str(caught[0].message)


def test_none_accepts_everything(tmp_path):
    assert search(make(), tmp_path) == 5
    assert list(tmp_path.iterdir()) == []


def test_none_imports_neither_wandb_nor_plotly():
    code = "import sys, suite.trackers.none as n; n.make()\nprint(*sorted(sys.modules), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "suite" in loaded
    assert not loaded & {"wandb", "plotly", "torch", "numpy"}
