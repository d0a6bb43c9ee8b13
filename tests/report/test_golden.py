"""Golden journals, reported again, give the golden numbers: every cell of every table."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = sorted(path.name for path in (GOLDEN / "expected").iterdir())
sys.path.insert(0, str(GOLDEN))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import remake

    out = tmp_path_factory.mktemp("golden")
    remake.write(out)
    return out


def test_the_same_tables_are_written(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == EXPECTED
    assert {"runs.csv", "strategies.csv", "comparisons.csv", "runtimes.csv"} <= set(EXPECTED)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith(".csv")])
def test_every_cell_is_as_before(written: Path, name: str) -> None:
    found, expected = (cells(folder / name) for folder in (written, GOLDEN / "expected"))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        if isinstance(theirs, float):  # another machine may add in another order
            theirs = pytest.approx(theirs, rel=1e-12, abs=1e-12)
        assert ours == theirs


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith(".tex")])
def test_latex_is_as_before(written: Path, name: str) -> None:
    found, expected = (
        (folder / name).read_text("utf-8") for folder in (written, GOLDEN / "expected")
    )
    assert found == expected


def cells(path: Path) -> list[object]:
    """Every number and every other cell, row by row."""
    with path.open(encoding="utf-8", newline="") as file:
        return [value for row in csv.reader(file) for cell in row for value in parsed(cell)]


def parsed(cell: str) -> list[object]:
    """The numbers in a cell, or the cell itself."""
    try:
        return [float(part) for part in cell.split()] or [cell]
    except ValueError:
        return [cell]
