"""Which engine generates a task's replies (docs/engines.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.errors import BadInput

ENGINES = ("transformers", "vllm")


def vllm(config: Mapping[str, Any], evaluators: Sequence[Any], device: str) -> Any:
    """The module of the engine vLLM if ``engine`` says so, else None; `BadInput` if it cannot do it."""
    # Runs made before there was a choice say nothing, and are still the runs of today.
    if (engine := config.get("engine") or ENGINES[0]) not in ENGINES:
        raise BadInput(f"engine={engine}: allowed are {', '.join(ENGINES)}")
    if engine != "vllm":
        return None
    from suite.evaluators import vllm_engine

    vllm_engine.check(config["task"], evaluators, device)
    return vllm_engine
