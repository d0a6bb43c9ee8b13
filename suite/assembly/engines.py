"""What carries out merges and what generates replies; of assembly, this alone knows the experimental ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.errors import BadInput

ENGINES = ("transformers", "vllm")


def merging(mode: Any, device: str) -> Any:
    """The mode of a `Merger` on `device` for ``merging.mode``: a word, or what makes its runner."""
    from suite.experimental.cuda_merging import launch

    return launch.runner(mode, device)


def vllm(config: Mapping[str, Any], evaluators: Sequence[Any], device: str) -> Any:
    """The module of the engine vLLM if ``engine`` says so, else None; `BadInput` if it cannot do it."""
    # Runs made before there was a choice say nothing, and are still the runs of today.
    if (engine := config.get("engine") or ENGINES[0]) not in ENGINES:
        raise BadInput(f"engine={engine}: allowed are {', '.join(ENGINES)}")
    if engine != "vllm":
        return None
    from suite.experimental import say_once
    from suite.experimental.vllm_engine import handle

    handle.check(config["task"], evaluators, device)
    say_once("engine=vllm", "engine=transformers")
    return handle
