"""Published hypervolumes of surrogates and functions against the archived journals of one seed."""

from __future__ import annotations

import hashlib
import json
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.independent import indicators, journals, study
from tests.independent.journals import Objective

DOCS = study.ROOT / "docs"
ARCHIVES = sorted((DOCS / "archives").glob("*/*.tar.xz"))


@cache
def published() -> dict[tuple[str, str, int], float]:
    """Final hypervolume by task, strategy and seed."""
    return {
        (row["task"], row["optimizer"], int(row["seed"])): float(row["hypervolume"])
        for folder in ("analytic", "tabular")
        for row in journals.table(DOCS / folder / "runs.csv")
    }


@cache
def members(path: Path) -> dict[str, bytes]:
    """Every file of an archive by its path."""
    with tarfile.open(path, "r:xz") as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def losses(lines: bytes, objectives: list[Objective]) -> journals.Array:
    """Losses of all trials (n, m) from their scores; failed ones are nan."""
    rows = []
    for number, trial in enumerate(journals.without_recipes(lines.splitlines())):
        assert trial["number"] == number
        scores, found = trial["scores"], [np.nan] * len(objectives)
        if trial["status"] == "ok":
            found = [float(o.loss(journals.score(scores, o.metric))) for o in objectives]
            assert found == pytest.approx(trial["losses"], rel=1e-12, abs=1e-12)
        rows.append(found)
    return journals.stack(rows, len(objectives))


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.parent.name)
def test_sums_are_the_manifests(path: Path) -> None:
    manifest = json.loads(path.with_name(path.name.replace(".tar.xz", ".json")).read_text())
    whole = path.read_bytes()
    assert manifest["archive"] == _sum(whole)
    prefix = f"{path.parent.name}/"
    assert {prefix + name: entry for name, entry in manifest["members"].items()} == {
        name: _sum(content) for name, content in members(path).items()
    }


def _sum(content: bytes) -> dict[str, object]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.parent.name)
def test_final_hypervolumes_are_the_journals(path: Path) -> None:
    files, task = members(path), path.parent.name
    runs = [name.rpartition("/")[0] for name in files if name.endswith("/trials.jsonl")]
    assert len(runs) > 10
    for run in runs:
        optimizer, seed = run.split("/")[1:]
        objectives = journals.objectives_in(files[f"{run}/config.yaml"].decode())
        found = losses(files[f"{run}/trials.jsonl"], objectives)
        assert len(found) == 200
        said = published()[task, optimizer, int(seed.removeprefix("seed="))]
        assert indicators.hypervolume(found) == pytest.approx(said, rel=1e-9), run


def test_every_task_has_an_archive() -> None:
    assert {path.parent.name for path in ARCHIVES} == {task for task, _, _ in published()}
