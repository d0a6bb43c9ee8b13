"""What carries out merges and what generates replies; of assembly, this alone knows the experimental ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.assembly.spec import RunSpec


def merging(mode: Any, device: str) -> Any:
    """The mode of a `Merger` on `device` for ``merging.mode``: a word, or what makes its runner."""
    from suite.experimental.cuda_merging import launch

    return launch.runner(mode, device)


def vllm(run: RunSpec, evaluators: Sequence[Any], device: str) -> Any:
    """The module of the engine vLLM if ``engine`` says so, else None; `BadInput` if it cannot do it."""
    if run.engine != "vllm":
        return None
    from suite.experimental import say_once
    from suite.experimental.vllm_engine import handle

    pictures, paths = run.task.vlm is not None, run.task.path is not None
    handle.check(run.task.name, pictures, paths, evaluators, device)
    say_once("engine=vllm", "engine=transformers")
    return handle
