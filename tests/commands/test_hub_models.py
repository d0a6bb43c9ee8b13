"""Models of the Hub, and of this machine alone, as a user's commands take them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from suite import resources
from suite.records import folder as folders
from tests.hub_server import HubServer

MICRO = resources.ZOO / "ja_math_micro"


def test_local_models_never_touch_the_network(
    server: HubServer, suite: Callable[..., tuple[int, str, str]]
) -> None:
    """Not even where libraries are free to, as they are in this process."""
    code, _, err = suite("run", "trials=1", "optimizer=random")
    assert code == 0 and not server.requests, err


def test_a_search_over_hub_models_from_download_to_judge(
    suite: Callable[..., tuple[int, str, str]],
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
        server.redirect(monkeypatch, tmp_path / "hf")
        code, _, err = suite("run", *words, "trials=2")
        assert code == 0 and "download lab/japanese" in err, err
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
