"""A report replaces an earlier one as a whole, or not at all."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import synthetic

from suite import report
from suite.errors import BadInput
from suite.report.page import page

pytestmark = pytest.mark.usefixtures("blank_figures")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_failed_report_leaves_the_earlier_one(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    report.build(small, synthetic.TASK, out)
    before = contents(out)
    synthetic.write(other, optimizers=("tpe",), seeds=2, trials=6, items=(20, 20))

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "render", full)
    with pytest.raises(BadInput, match="No space left on device"):
        report.build(other, synthetic.TASK, out)
    assert contents(out) == before


def test_a_report_leaves_nothing_of_an_earlier_one(
    hopping: Path, seen: Path, tmp_path: Path
) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    for results in (hopping, seen):
        report.build(results, synthetic.TASK, out)
    (out / "notes.txt").write_text("the reader's own", encoding="utf-8")
    synthetic.write(tmp_path / "r", optimizers=("tpe",), seeds=1, trials=6, m=1, judged=False)
    report.build(tmp_path / "r", synthetic.TASK, out)
    report.build(tmp_path / "r", synthetic.TASK, fresh)
    assert contents(out) == {**contents(fresh), "notes.txt": b"the reader's own"}


def test_one_seed_of_two_optimizers_is_enough_for_a_report(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "r", optimizers=("tpe", "random"), seeds=1, trials=6, judged=False)
    html = report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out").read_text("utf-8")
    assert "No difference, however large, can pass that correction." in html


def test_two_strategies_that_tie_with_one_seed_each_have_a_report(tmp_path: Path) -> None:
    """The same journal under two names: nothing differs, no p is below 1, and nothing breaks."""
    folder = tmp_path / "r" / synthetic.TASK
    synthetic.write(tmp_path / "r", optimizers=("tpe",), seeds=1, trials=6, items=(20, 20))
    shutil.copytree(folder / "tpe", folder / "random")
    html = report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out").read_text("utf-8")
    with (tmp_path / "out" / "comparisons.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["p"], row["p_holm"], row["p_paired"], row["search_p"]) == ("1.0",) * 4
    assert (row["improvement"], row["better"], row["difference"]) == ("0.5", "", "0.0")
    assert "It is not told apart from tpe." in html
