"""`suite list`: the tasks, optimizers, merges and baselines there are, with their first comment line."""

from __future__ import annotations

from pathlib import Path

from suite import resources
from suite.errors import BadInput

KINDS = {"tasks": "task", "optimizers": "optimizer", "merges": "merge"}


def main(words: list[str]) -> None:
    """Print one line per option of ``tasks``, ``optimizers``, ``merges`` or ``baselines``."""
    kind = words[1] if len(words) == 2 else ""
    if kind == "baselines":
        files = sorted(resources.data("baselines").glob("*/*.yaml"))
        rows = [(f"{file.parent.name}/{file.stem}", file) for file in files]
    elif kind in KINDS:
        files = sorted((resources.data("conf") / KINDS[kind]).glob("*.yaml"))
        rows = [(file.stem, file) for file in files]
    else:
        raise BadInput(f"list: say which: {', '.join([*KINDS, 'baselines'])}")
    width = max(len(name) for name, _ in rows)
    for name, file in rows:
        print(f"{name:{width}}  {first_comment(file)}")


def first_comment(file: Path) -> str:
    """A YAML file's first comment line, without its mark."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
