"""Controls are always listed, and the missing ones are called missing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import median

import synthetic

from suite.report.load import controls
from suite.report.load.load import load
from suite.statistics import pareto


def test_every_control_is_there_or_missing(small: Path) -> None:
    results = load(small, synthetic.TASK)
    rows = {row.control: row for row in controls.control_rows(results)}
    assert [*rows] == [
        "random search", "random search over sources", "single models", "uniform merge", "baselines",
        "hand tuning by rule", "random donor",
    ]  # fmt: skip
    missing = {"random search over sources", "hand tuning by rule"}
    assert {name for name, row in rows.items() if not row.there} == missing
    assert rows["random search"].hypervolume == median(results.final["random"].values())
    assert set(rows["single models"].names) == {b.name for b in results.baselines if b.unmerged}
    uniform = next(b for b in results.baselines if b.name == "uniform")
    assert rows["uniform merge"].hypervolume == pareto.hypervolume([uniform.losses])
    assert not {"uniform", "random_donor"} & set(rows["baselines"].names)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    baselines = {"base": (0.1, 0.5), "ties_0.2": (0.5, 0.5)}
    synthetic.write(
        tmp_path, optimizers=("tpe",), seeds=1, trials=6, baselines=baselines, items=(20, 20)
    )
    results = load(tmp_path, synthetic.TASK)
    missing = [row for row in controls.control_rows(results) if not row.there]
    assert [row.control for row in missing] == [
        "random search", "random search over sources", "uniform merge", "hand tuning by rule", "random donor",
    ]  # fmt: skip
    assert all(math.isnan(row.hypervolume) and row.measured == "not there" for row in missing)
    assert len(controls.control_rows(replace(results, problem=True))) == 1
