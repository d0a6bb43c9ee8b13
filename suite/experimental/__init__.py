"""Engines that have not run on hardware yet, apart until `benchmarks/gpu_check.py` has proved them.

`cuda_merging` carries out merges by a Triton kernel on a CUDA device; `vllm_engine` lets vLLM generate
the replies. Both are tested without a GPU: the one in Triton's interpreter, the other against a
stand-in for vLLM's public API. Nothing below imports them, and what asks for them says so once.
"""

from __future__ import annotations

import functools
import sys


@functools.cache
def say_once(what: str, instead: str) -> None:
    """Tell the user, once a process and on standard error, that `what` is experimental.

    Parameters
    ----------
    what
        The engine, as the subject of a sentence.
    instead
        The setting that does without it.
    """
    print(
        f"suite: {what} is experimental: it has not run on hardware yet. Prove it with"
        f" python benchmarks/gpu_check.py, or do without it: {instead}",
        file=sys.stderr,
    )
