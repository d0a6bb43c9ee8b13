"""Which engine generates a task's replies (docs/engines.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.assembly.spec import RunSpec


def vllm(run: RunSpec, evaluators: Sequence[Any], device: str) -> Any:
    """The module of the engine vLLM if ``engine`` says so, else None; `BadInput` if it cannot do it."""
    if run.engine != "vllm":
        return None
    from suite.evaluators import vllm_engine

    pictures, paths = run.task.vlm is not None, run.task.path is not None
    vllm_engine.check(run.task.name, pictures, paths, evaluators, device)
    return vllm_engine
