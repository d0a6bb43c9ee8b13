"""The micro task's models, and a stand-in for vLLM where it would be imported."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from suite.evaluators.models import handle
from suite.evaluators.models.handle import TransformersHandle
from suite.merging import PathMerger, Sources
from tests.experimental.vllm_examples import BASE, NAMES


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
    from tests.experimental import fake_vllm

    # What the adapter sets is undone with these.
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "WARNING")

    def put(llm: type = fake_vllm.LLM) -> None:
        module: Any = ModuleType("vllm")
        module.LLM, module.SamplingParams = llm, fake_vllm.SamplingParams
        monkeypatch.setitem(sys.modules, "vllm", module)

    put()
    return put
