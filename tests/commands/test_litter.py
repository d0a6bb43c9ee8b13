"""A command leaves nothing where it was started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_runs_and_sweeps_write_below_results_only(tmp_path: Path, few_items: list[str]) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for words in (["experiment=smoke"], ["-m", "experiment=smoke", "optimizer=random,sobol"]):
        command = [
            sys.executable,
            "-m",
            "suite",
            "run",
            *words,
            "trials=1",
            f"results={tmp_path / 'r'}",
        ]
        done = subprocess.run([*command, *few_items], cwd=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert list(here.iterdir()) == []
    assert not list(tmp_path.rglob("*.log"))
