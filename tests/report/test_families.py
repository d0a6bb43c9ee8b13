"""The file of frozen families: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import synthetic

from suite.errors import BadInput
from suite.records.task_folder import TaskFolder
from suite.report.load import families
from suite.report.load.load import load
from suite.report.rows import words

DAY = "2026-11-29"


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "results")) / synthetic.TASK


def test_what_is_frozen_is_read_again(folder: Path) -> None:
    results = load(folder.parent, synthetic.TASK)
    made = families.of(results)
    assert [(f.name, f.frozen, f.measure, f.pairs) for f in made] == [
        ("controls", False, "report_hypervolume", (("nsga2", "random"), ("tpe", "random"))),
        ("pairs", False, "report_hypervolume", (("nsga2", "tpe"),)),
    ]
    path = families.freeze(TaskFolder(folder), results, DAY)
    assert path == folder / "families.json"
    again = load(folder.parent, synthetic.TASK)
    assert families.of(again) == families.read(TaskFolder(folder)) == again.families
    assert [(f.date, f.pairs) for f in again.families] == [(DAY, f.pairs) for f in made]
    assert families.freeze(TaskFolder(folder), again, "2027-01-01") is None


def test_the_page_says_what_is_frozen_and_what_it_can_never_resolve(folder: Path) -> None:
    results = load(folder.parent, synthetic.TASK)
    first = words.floors(families.of(results), 5)[0]
    assert first.startswith(
        "controls: 2 pairs, not frozen; with 5 seeds the smallest p after Holm is"
    )
    assert "0.016 (Mann–Whitney) and 0.125 (paired by seed)" in first
    families.freeze(TaskFolder(folder), results, DAY)
    again = words.floors(families.of(load(folder.parent, synthetic.TASK)), 5)
    assert all(f"frozen on {DAY}" in text for text in again)
    assert words.floors(families.of(results), 3)[0].endswith("can pass that correction.")


ENTRY = {"name": "pairs", "date": DAY, "measure": "hypervolume", "pairs": [["a", "b"]]}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"families": [{"name": "pairs"}]}, "damaged"),
        ([], "damaged"),
        ({"families": [ENTRY, {**ENTRY, "name": "x", "pairs": [["b", "a"]]}]}, "one family alone"),
        ({"families": [{**ENTRY, "pairs": [["a", "a"]]}]}, "two strategies"),
        ({"families": [{**ENTRY, "date": ""}]}, "has a date"),
        ({"families": [{**ENTRY, "measure": "luck"}]}, "has a date, and a measure of"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, data: Any, said: str) -> None:
    (tmp_path / "families.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        families.read(TaskFolder(tmp_path))
    (tmp_path / "families.json").write_text('{"families": [', encoding="utf-8")
    with pytest.raises(BadInput, match="damaged"):
        families.read(TaskFolder(tmp_path))
