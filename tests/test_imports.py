"""The core works without the extras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WITHOUT_EXTRAS = """
import sys
for name in ("wandb", "plotly", "lm_eval", "ray", "pytest", "hypothesis"):
    sys.modules[name] = None  # importing it now fails
from suite.__main__ import main
sys.exit(main(["run", "experiment=smoke", "trials=1", "results=" + sys.argv[1]]))
"""


def test_a_search_needs_no_extra(tmp_path: Path, few_items: list[str]) -> None:
    code = WITHOUT_EXTRAS.replace('"trials=1"', f'"trials=1", *{few_items!r}')
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("trials.jsonl"))


def test_a_missing_extra_is_named(tmp_path: Path, few_items: list[str]) -> None:
    code = WITHOUT_EXTRAS.replace('"trials=1"', f'"trials=1", "tracker=wandb", *{few_items!r}')
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 2 and "wandb" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
