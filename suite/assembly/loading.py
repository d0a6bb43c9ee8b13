"""A shipped or own task for use from Python, by the words of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite.assembly import assemble, compose, identity, spaces
from suite.checkpoints import network
from suite.errors import BadInput
from suite.search.task_function import TaskFunction


def load_task(
    name: str, overrides: Sequence[str] = (), config_dir: str | Path | None = None
) -> TaskFunction:
    """As `suite.load_task` says."""
    if isinstance(overrides, str):
        raise BadInput(f"load_task: overrides is {overrides!r}; allowed: a list of key=value")
    network.hold()
    words = [] if config_dir is None else [f"--config-dir={config_dir}"]
    run = compose.compose([*words, f"task={name}", *overrides])
    return TaskFunction(assemble.task(spaces.with_picked_parts(identity.pinned(run))))
