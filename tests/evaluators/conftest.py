"""What tests of several evaluators and engines share.

What needs transformers' models is imported by the fixtures that use it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from suite.evaluators.models import handle
from suite.evaluators.models.handle import TransformersHandle
from suite.evaluators.models.vision import VisionHandle
from suite.merging import PathMerger, Sources
from tests.evaluators.engines import BASE, NAMES


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


@pytest.fixture(scope="module")
def micro_sources() -> Sources:
    """The micro task's base and two of its models."""
    folders = {name: BASE.with_name(name) for name in NAMES}
    return Sources.load({"base": BASE, **folders}, "cpu")


@pytest.fixture
def micro(micro_sources: Sources) -> tuple[TransformersHandle, PathMerger]:
    """The micro task's base as transformers runs it, and what merges into it."""
    live = handle.load(BASE, "cpu", batch_size=8)
    return live, PathMerger(micro_sources, live.model, "eager")


@pytest.fixture
def install_vllm(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `vllm` be the fake, with another class of `LLM` if one is given."""
    from tests.evaluators import fake_vllm

    # What the adapter sets is undone with these.
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "WARNING")

    def put(llm: type = fake_vllm.LLM) -> None:
        module: Any = ModuleType("vllm")
        module.LLM, module.SamplingParams = llm, fake_vllm.SamplingParams
        monkeypatch.setitem(sys.modules, "vllm", module)

    put()
    return put
