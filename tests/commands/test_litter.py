"""A command leaves nothing where it was started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def test_runs_and_sweeps_write_below_results_only(
    suite: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for words in (["experiment=smoke"], ["-m", "experiment=smoke", "optimizer=random,sobol"]):
        code, _, err = suite("run", *words, "trials=1", f"results={tmp_path / 'r'}")
        assert code == 0, err
    assert list(here.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"here", "r"}
    assert not list(tmp_path.rglob("*.log"))
