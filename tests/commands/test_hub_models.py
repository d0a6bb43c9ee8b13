"""Models of the Hub, and of this machine alone, as a user's commands take them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from suite import resources
from suite.records import folder as folders
from tests.hub_server import HubServer

MICRO = resources.ZOO / "ja_math_micro"


def in_a_process(server: HubServer, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`suite` in a process of its own, with the settings a user has: none."""
    environment = {**os.environ, **server.environment(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "suite", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def test_local_models_never_touch_the_network(
    server: HubServer, suite: Callable[..., tuple[int, str, str]]
) -> None:
    """Not even where libraries are free to, as they are in this process."""
    code, _, err = suite("run", "trials=1", "optimizer=random")
    assert code == 0 and not server.requests, err


def test_a_search_over_hub_models_from_download_to_judge(
    suite: Callable[..., tuple[int, str, str]],
    few_items: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Downloaded by the first run; continued offline; judged after the branch moved."""
    names = ("base", "japanese", "math_add", "math_mul")
    words = [f"task.models.{name}=lab/{name}" for name in names]
    words += ["optimizer=random", "task.baselines=null", f"results={tmp_path}"]
    path = folders.run_folder(tmp_path, "ja_math_micro", "random", 0) / "config.yaml"
    with HubServer() as server:
        commits = {name: server.add(f"lab/{name}", MICRO / name) for name in names}
        done = in_a_process(server, tmp_path / "hf", "run", *few_items, *words, "trials=2")
        assert "download lab/japanese" in done.stderr
        expected = {name: f"lab/{name}@{commits[name]}" for name in names}
        assert yaml.safe_load(path.read_text())["task"]["models"] == expected

        seen = len(server.requests)
        server.redirect(monkeypatch, tmp_path / "hf", offline=True)
        code, _, err = suite("run", *words, "trials=3")
        assert code == 0 and len(server.requests) == seen, err

        server.redirect(monkeypatch, tmp_path / "hf")
        moved = server.get("lab/japanese").commit(server.get("lab/math_mul").files)
        for command in (["check"], ["run", "trials=4"], ["judge"]):
            code, _, err = suite(*command, *words)
            assert code == 0, err
        assert yaml.safe_load(path.read_text())["task"]["models"] == expected
        assert len(path.with_name("trials.jsonl").read_text().splitlines()) == 4

        words[1] = f"task.models.japanese=lab/japanese@{moved}"
        code, _, err = suite("run", *words, "trials=5")
        assert code == 2 and f"there, 'lab/japanese@{moved}' now" in err
