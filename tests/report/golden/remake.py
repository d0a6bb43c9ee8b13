"""Write anew what is expected: python tests/report/golden/remake.py

Only after a change of a definition that is meant, and named in the CHANGELOG: this is what shows
that the same journals give the same numbers as before.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from suite.report.load.load import load
from suite.report.rows import latex
from suite.report.rows.tables import Tables

HERE = Path(__file__).parent
TASK = "ja_math_micro"


def write(out: Path) -> None:
    """All tables of the golden journals into `out`."""
    results = load(HERE / "results", TASK)
    tables = Tables.of(results)
    tables.write(out)
    latex.write(results, tables, out)


if __name__ == "__main__":
    shutil.rmtree(HERE / "expected", ignore_errors=True)
    (HERE / "expected").mkdir()
    write(HERE / "expected")
