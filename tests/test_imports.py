"""The core works without the extras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT_EXTRAS = """
import sys
for name in ("wandb", "plotly", "lm_eval", "ray", "pytest", "hypothesis"):
    sys.modules[name] = None  # importing it now fails
from suite.__main__ import main
words = ["run", "experiment=smoke", "trials=1", *sys.argv[2:]]
if main([*words, "results=" + sys.argv[1] + "/plain"]) == 0:
    sys.exit(main([*words, "tracker=wandb", "results=" + sys.argv[1] + "/mirrored"]))
"""


@pytest.fixture(scope="module")
def without_extras(
    few_items: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with the results of a run, and how the process ended that then asked for wandb."""
    results = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-c", WITHOUT_EXTRAS, str(results), *few_items]
    return results, subprocess.run(command, capture_output=True, text=True)


def test_a_search_needs_no_extra(
    without_extras: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    results, done = without_extras
    assert list((results / "plain").rglob("trials.jsonl")), done.stderr


def test_a_missing_extra_is_named(
    without_extras: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = without_extras
    assert done.returncode == 2 and "wandb" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
