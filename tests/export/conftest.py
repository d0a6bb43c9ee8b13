from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from suite import resources
from suite.export.checkpoint import Plan
from suite.recipes.recipe import Recipe


@pytest.fixture
def parents(tmp_path: Path) -> dict[str, Path]:
    """Copies of shipped models that a test may change."""
    folders = {name: tmp_path / "parents" / name for name in ("base", "japanese", "math_add")}
    for name, folder in folders.items():
        shutil.copytree(resources.resolve(f"zoo:ja_math_micro/{name}"), folder)
    return folders


@pytest.fixture
def plan(soup: Recipe, parents: dict[str, Path]) -> Callable[..., Plan]:
    """A plan over the copies, with changes."""

    def make(**changes: object) -> Plan:
        return Plan(**{"recipe": soup, "folders": parents, "base": "base", **changes})  # type: ignore[arg-type]

    return make
