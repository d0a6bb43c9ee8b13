"""Every YAML under conf/ composes, and every experiment is a command that works."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from suite import resources
from suite.assembly.compose import compose
from tests.nonempty import some

CONF = resources.data("conf")
CHOICES = [
    (group, path.stem)
    for group in ("task", "optimizer", "tracker", "merge", "experiment")
    for path in sorted((CONF / group).glob("*.yaml"))
]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_choice_composes(group: str, name: str) -> None:
    key = "merge@task.merge" if group == "merge" else group
    config = compose([f"{key}={name}"])
    assert config.task.objectives and config.optimizer_options.path


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ") or path.name.startswith("_")


def test_each_experiment_begins_with_its_own_command() -> None:
    for path in some((CONF / "experiment").glob("*.yaml")):
        # Hydra wants its package line before any other comment.
        first = path.read_text(encoding="utf-8").splitlines()[1]
        assert first.startswith("# suite run") and f"experiment={path.stem}" in first


def test_objectives_are_fixed_in_configuration() -> None:
    for path in some((CONF / "objective").glob("*.yaml")):
        objective = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"ideal", "reference", "direction", "metric"} <= set(objective)


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys; from suite.__main__ import main; main(['--help']); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("'torch'", "'hydra'", "'numpy'", "'transformers'", "'wandb'", "'rich'"):
        assert heavy not in done.stdout
    assert "usage: suite COMMAND" in done.stdout


def test_the_smoke_experiment_runs(
    suite: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert suite("run", "experiment=smoke", "trials=2")[0] == 0
    assert (tmp_path / "ja_math_micro/random/seed=0/trials.jsonl").exists()


def test_the_reference_experiment_sweeps(
    suite: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert suite("run", "-m", "experiment=reference", "trials=1", "seed=0")[0] == 0
    found = {path.parents[1].name for path in tmp_path.rglob("trials.jsonl")}
    four = {"random", "cma_es", "nsga2", "tpe"}
    assert found == four | {"random_sources", "lambda_grid", "sms_emoa", "gde3", "optuna_gp"}
