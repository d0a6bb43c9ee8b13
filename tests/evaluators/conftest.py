"""What tests of several evaluators and engines share.

What needs transformers' models is imported by the fixtures that use it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.evaluators.models.vision import VisionHandle


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's cache in a folder of the test's own."""
    monkeypatch.setenv("MERGE_SUITE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def llava() -> VisionHandle:
    """A tiny LLaVA of random weights."""
    from tests.evaluators import vlm_task

    return VisionHandle(*vlm_task.made("llava"), batch_size=4)


@pytest.fixture
def small_tasks(tmp_path: Path) -> Path:
    """A folder with the tasks and the data of `small_task`."""
    from tests.evaluators import small_task

    return small_task.written(tmp_path)
