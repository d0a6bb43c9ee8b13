"""The folder of a run: where it lies, its lock, and files that are written whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from suite.errors import BadInput
from suite.records.journal import records
from suite.records.trial import Score


def run_folder(results: str | Path, task: str, optimizer: str, seed: int) -> Path:
    """``<results>/<task>/<optimizer>/seed=<n>``."""
    return Path(results) / task / optimizer / f"seed={seed}"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether no other process has `folder` to itself in this way; the lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        free = False
    else:
        free = True
    try:
        yield free
    finally:
        os.close(descriptor)


def make_writable(folder: Path) -> None:
    """Create `folder`; `BadInput` when it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise BadInput(f"results folder {folder}: not writable ({error.strerror})") from None


def write_whole(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, so that no reader and no crash sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None


def read_config(run: Path) -> dict[str, Any]:
    """A run's configuration; `BadInput` when `run` is not a run's folder."""
    try:
        config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{run}: not a run's folder (no config.yaml)") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{run}/config.yaml: cannot be read ({type(error).__name__})") from None
    wanted = {"task", "optimizer", "seed", "device"}
    if not isinstance(config, dict) or not wanted <= config.keys():
        raise BadInput(f"{run}/config.yaml: not the configuration of a run")
    return config


def read_environment(run: Path) -> dict[str, Any]:
    """The run's environment.json; empty when it is not there."""
    try:
        found = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, dict) else {}


def read_judged(run: Path, trials: list[Any]) -> dict[int, dict[str, tuple[Any, list[float]]]]:
    """Scores and losses that `suite judge` measured: trial number -> split -> (scores, losses).

    Lines about another recipe than the journal's trial of that number do not count.
    """
    found: dict[int, dict[str, tuple[Any, list[float]]]] = {}
    for line in records(run / "judged.jsonl").read():
        number = line.get("number")
        if not isinstance(number, int) or not 0 <= number < len(trials):
            continue
        if line["recipe"] == trials[number].recipe:
            scores = {name: Score.from_json(score) for name, score in line["scores"].items()}
            found.setdefault(number, {})[line["split"]] = scores, line["losses"]
    return found
