"""What an export holds, what its run's files say, and how a command refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from suite.assembly import assemble
from suite.assembly.spec import RunSpec
from suite.evaluators.models import handle
from suite.records.folder import RunFolder

Said = tuple[int, str, str]
Call = Callable[..., Said]


def measured(out: Path, run: Path, split: str) -> dict[str, Any]:
    """Scores of the checkpoint in `out`, loaded as any model, as a journal line has them."""
    made = RunSpec.of(RunFolder(run))
    live = handle.load(out, "cpu", made.batch_size)
    return {
        f"{evaluator.name}.{figure}": score.to_json()
        for evaluator in assemble.evaluators(made)
        for figure, score in evaluator.evaluate(live, split).items()
    }


def journaled(run: Path, number: int) -> dict[str, Any]:
    """The scores of a trial, as its journal line has them."""
    scores: dict[str, Any] = json.loads((run / "trials.jsonl").read_text().splitlines()[number])[
        "scores"
    ]
    return scores


def judged(run: Path, split: str) -> dict[int, dict[str, Any]]:
    """The judged lines of a split, by the number of the trial."""
    lines = [json.loads(line) for line in (run / "judged.jsonl").read_text().splitlines()]
    return {line["number"]: line for line in lines if line["split"] == split}


def same_weights(one: Path, other: Path) -> bool:
    a, b = (handle.load(folder, "cpu").model.state_dict() for folder in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def refused(said: Said, tmp_path: Path) -> str:
    """The one line of a refusal, after which there is no ``out`` nor a beginning of it."""
    code, _, err = said
    assert code == 2 and "Traceback" not in err
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))
    lines = err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("suite: ")
    return lines[0]
