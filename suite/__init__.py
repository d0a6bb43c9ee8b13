"""merge-suite: a benchmark suite for multi-objective search over model merges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.search.task_function import TaskFunction


def load_task(
    name: str, overrides: Sequence[str] = (), config_dir: str | Path | None = None
) -> TaskFunction:
    """The task ``task=name`` as a function from candidates (k, d) to losses (k, m).

    `overrides` are those of the command line (``["task.dtype=bfloat16"]``), `config_dir` a folder of
    one's own configuration. `BadInput` for what `suite run` would refuse.
    """
    from suite.assembly import loading

    return loading.load_task(name, overrides, config_dir)
