"""Make the modules of benchmarks/ importable under any import mode; vLLM's stand-in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from tests.experimental.conftest import install_vllm

__all__ = ["install_vllm"]
