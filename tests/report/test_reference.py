"""The frozen reference front: written once, read as it is, refused when it does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.errors import BadInput
from suite.records.task_folder import TaskFolder
from suite.report.load import reference
from suite.report.load.load import load
from suite.report.load.reference import Reference
from suite.statistics import pareto

OBJECTIVES = synthetic.OBJECTIVES[:2]
FRONT = [[0.1, 0.8], [0.4, 0.5], [0.9, 0.9], [0.6, 0.2], [-0.2, 0.95]]


def made() -> Reference:
    return Reference.of("known", FRONT, "2026-01-02", "a formula")


def test_only_what_is_not_dominated_is_kept() -> None:
    found = made()
    assert found.losses.tolist() == [FRONT[k] for k in (0, 1, 3, 4)]
    assert found.hypervolume == pareto.hypervolume(FRONT)
    assert "known front" in found.words and "2026-01-02" in found.words


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    reference.write(TaskFolder(tmp_path), OBJECTIVES, made())
    found = reference.read(TaskFolder(tmp_path), OBJECTIVES)
    assert found is not None
    np.testing.assert_array_equal(found.losses, made().losses)
    assert (found.kind, found.hypervolume, found.frozen, found.source) == (
        "known", made().hypervolume, "2026-01-02", "a formula",
    )  # fmt: skip
    assert reference.read(TaskFolder(tmp_path / "other"), OBJECTIVES) is None


def test_it_is_frozen_once(tmp_path: Path) -> None:
    path = reference.write(TaskFolder(tmp_path), OBJECTIVES, made())
    before = path.read_bytes()
    with pytest.raises(BadInput, match="frozen already"):
        reference.write(TaskFolder(tmp_path), OBJECTIVES, made())
    assert path.read_bytes() == before


def test_a_front_of_other_objectives_is_refused(tmp_path: Path) -> None:
    reference.write(TaskFolder(tmp_path), OBJECTIVES, made())
    with pytest.raises(BadInput, match="under other objectives"):
        reference.read(TaskFolder(tmp_path), OBJECTIVES[::-1])


@pytest.mark.parametrize(
    "damage",
    [
        {"losses": [[0.5, 0.5], [0.6, 0.6]]},  # no front
        {"hypervolume": 0.9},
        {"losses": "none"},
        {"losses": [[0.5]]},
        {"kind": "guessed"},
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: dict[str, object]) -> None:
    path = reference.write(TaskFolder(tmp_path), OBJECTIVES, made())
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **damage}), "utf-8")
    with pytest.raises(BadInput, match=r"reference_front\.json"):
        reference.read(TaskFolder(tmp_path), OBJECTIVES)


@pytest.mark.parametrize("losses", [[[1.0, 0.2]], [[np.nan, 0.1]], np.empty((0, 2))])
def test_a_front_outside_the_box_measures_nothing(losses: object) -> None:
    with pytest.raises(BadInput, match="nothing to measure against"):
        Reference.of("pooled", losses, "2026-01-02", "runs")


def test_an_optimizer_that_comes_later_changes_nobodys_figures(
    frozen: Path, tmp_path: Path
) -> None:
    from shutil import copytree

    from suite.report.rows.tables import Tables

    folder = Path(copytree(frozen, tmp_path / "r"))
    before = Tables.of(load(folder, synthetic.TASK))
    synthetic.write(tmp_path / "more", optimizers=("cmaes",), seeds=5, trials=30, items=(60, 120))
    copytree(tmp_path / "more" / synthetic.TASK / "cmaes", folder / synthetic.TASK / "cmaes")
    after = Tables.of(load(folder, synthetic.TASK))
    assert [row for row in after.runs if row.optimizer != "cmaes"] == before.runs
    assert [row for row in after.strategies if row.optimizer != "cmaes"] == before.strategies
    assert [row for row in after.runtimes if row.optimizer != "cmaes"] == before.runtimes
    assert len(after.runtimes) > len(before.runtimes)
