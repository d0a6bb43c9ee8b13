"""The published tables against the result files, by code that shares nothing with the suite's.

REPORT=folder checks the tables of another report of the same results, before it is published. The golden
report of the tests is a second source: small, with failed trials, and without a hand tuning.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.independent import indicators, journals, published, statistics, study

REPORT = Path(os.environ.get("REPORT", study.ROOT / "docs" / "report"))
GOLDEN = study.ROOT / "tests" / "report" / "golden"
RULES = {"median": statistics.median, "iqm": statistics.iqm}


@dataclass(frozen=True)
class Source:
    """A task and the folder of its published tables."""

    task: study.Task
    folder: Path

    def rows(self, name: str) -> list[dict[str, str]]:
        return journals.table(self.folder / f"{name}.csv")


def sources() -> list[Any]:
    found = [("golden", "ja_math_micro", GOLDEN / "results", GOLDEN / "expected")]
    for path in sorted(REPORT.glob("*/runs.csv")):
        found.append((path.parent.name, path.parent.name, study.RESULTS, path.parent))
    return [pytest.param(Source(study.task(n, r), f), id=i) for i, n, r, f in found]


@pytest.fixture(params=sources())
def source(request: pytest.FixtureRequest) -> Source:
    return request.param  # type: ignore[no-any-return]


def number(text: str) -> float:
    return float(text) if text else math.nan


def same(said: str, found: float, relative: float = 1e-9) -> Any:
    return number(said) == pytest.approx(found, rel=relative, abs=1e-12, nan_ok=True)


def finite(losses: journals.Array) -> journals.Array:
    return losses[~np.isnan(losses).any(axis=1)]


def close(row: dict[str, str], **found: float) -> None:
    """Each column of a row against what was found, to the last digits of a float."""
    wrong = {k: (row[k], v) for k, v in found.items() if not same(row[k], float(v))}
    assert not wrong, (wrong, dict(list(row.items())[:5]))


def test_every_loss_follows_from_the_outcomes(source: Source) -> None:
    runs = [run for by in source.task.runs.values() for run in by.values()]
    assert any(run.judged for run in runs)
    for run in runs:
        np.testing.assert_allclose(run.losses, run.written, rtol=1e-12, atol=1e-12)
        for merge in run.judged:
            assert merge.losses == pytest.approx(merge.written, rel=1e-12, abs=1e-12)


def test_runs(source: Source) -> None:
    rows = source.rows("runs")
    assert [(r["optimizer"], int(r["seed"])) for r in rows] == [
        (name, seed) for name, by in source.task.runs.items() for seed in by
    ]
    for row in rows:
        run = source.task.runs[row["optimizer"]][int(row["seed"])]
        report, volume = run.report_losses, float(run.curve[-1])
        judged = run.is_judged
        known = run.losses[~np.isnan(run.losses).any(axis=1)]
        entered = indicators.reached(run.curve, 1e-300)
        close(
            row,
            trials=len(run.losses),
            budget=journals.budget(run.folder),
            failures=run.failures,
            seconds=run.seconds,
            hypervolume=volume,
            front=len(np.unique(run.losses[indicators.front(run.losses)], axis=0)),
            report_hypervolume=indicators.hypervolume(report) if judged else math.nan,
            report_front=len(np.unique(report[indicators.front(report)], axis=0)) if judged else 0,
            report_pessimistic=(
                indicators.hypervolume(published.pessimistic(report)) if judged else math.nan
            ),
            gap=volume - indicators.hypervolume(report) if judged else math.nan,
            igd_plus=indicators.igd_plus(known, source.task.reference),
            epsilon=indicators.epsilon(known, source.task.reference),
            tokens=run.tokens,
            entered=entered,
            outside=published.outside(run.losses, entered),
        )


def test_strategies_hold_the_runs_and_their_medians(source: Source) -> None:
    runs = defaultdict(list)
    for run in source.rows("runs"):
        runs[run["optimizer"]].append(run)
    for row in source.rows("strategies"):
        own = [
            run for run in runs[row["optimizer"]] if run[row["indicator"]]
        ]  # judged, where it asks
        values = [float(run[row["indicator"]]) for run in own]
        assert [float(v) for v in row["values"].split()] == pytest.approx(values, rel=1e-12)
        close(row, seeds=len(own), median=statistics.median(values), iqm=statistics.iqm(values))
        check_median_interval(row, values)


@cache
def middle(n: int) -> npt.NDArray[np.intp]:
    """Ranks of the two values in the middle of n drawn with replacement, 20,000 times: (2, 20000)."""
    drawn = np.sort(np.random.default_rng(3).integers(0, n, (20_000, n)), axis=1)
    return drawn[:, [(n - 1) // 2, n // 2]].T


def check_median_interval(row: dict[str, str], values: list[float]) -> None:
    """low and high, a percentile bootstrap: between the 1.5 and 3.5 % points of the exact one."""
    if len(values) < 5:
        assert math.isnan(number(row["low"])) and math.isnan(number(row["high"]))
        return
    medians = np.sort(values)[middle(len(values))].mean(axis=0)
    for name, (least, most) in {"low": (0.015, 0.035), "high": (0.965, 0.985)}.items():
        least, most = np.quantile(medians, [least, most])
        assert least - 1e-9 <= float(row[name]) <= most + 1e-9, (row, least, most)


def test_baselines(source: Source) -> None:
    merges = source.task.baselines
    names, table = list(merges), np.array([m.losses for m in merges.values()])
    on = {names[k] for k in indicators.front(table)}
    rows = source.rows("baselines")
    assert {row["name"] for row in rows} == set(names)
    for row in rows:
        merge = merges[row["name"]]
        k = [o.name for o in source.task.objectives].index(row["objective"])
        outcomes = merge.outcomes[k]
        if outcomes.size:
            error = outcomes.std(ddof=1) / math.sqrt(outcomes.size)
            close(row, score=merge.scores[k], stderr=error, n=outcomes.size)
        assert row["on_front"] == str(merge.name in on)
        assert (row["kind"] == "single model") == merge.single


def test_failures(source: Source) -> None:
    for row in source.rows("failures"):
        runs = source.task.runs[row["optimizer"]].values()
        failed, n = sum(r.failures for r in runs), sum(len(r.losses) for r in runs)
        low, high = statistics.wilson(failed, n)
        close(row, trials=n, failures=failed, rate=failed / n, low=low, high=high)


def test_runtimes(source: Source) -> None:
    volume = indicators.hypervolume(source.task.reference)
    for row in source.rows("runtimes"):
        target = float(row["target"]) * volume
        runs = source.task.runs[row["optimizer"]].values()
        times = [indicators.reached(run.curve, target) for run in runs]
        done = [t for t in times if t < math.inf]
        spent = sum(min(t, len(r.losses)) for t, r in zip(times, runs, strict=True))
        close(
            row,
            hypervolume=target,
            seeds=len(times),
            reached=len(done),
            median=statistics.median(times),
            expected=spent / len(done) if done else math.inf,
        )


def test_hand_tuning_by_stage(source: Source) -> None:
    tuned = source.task.tuned
    if tuned is None:
        assert not (source.folder / "hand_tuned.csv").exists()
        return
    rows = source.rows("hand_tuned")
    names = [o.name for o in source.task.objectives]
    assert len(rows) == len(tuned.stages) * (len(names) + 2) * len(names)
    tried = dict(zip(tuned.stages, np.cumsum(list(tuned.stages.values())), strict=True))
    assert sorted(tuned.select) == list(range(tuned.cost))
    for row in rows:
        merge = tuned.chosen(row["stage"])[row["rule"]]
        k = names.index(row["objective"])
        assert (row["merge"], int(row["candidates"])) == (merge.name, tried[row["stage"]])
        error = merge.outcomes[k].std(ddof=1) / math.sqrt(merge.outcomes[k].size)
        close(row, score=merge.scores[k], stderr=error)


def test_controls(source: Source) -> None:
    baselines = source.task.baselines
    for row in source.rows("controls"):
        names = row["names"].split()
        if row["measured"] == "not there":
            continue
        if row["control"].startswith("random search"):
            found = [float(run.curve[-1]) for run in source.task.runs[names[0]].values()]
            close(row, hypervolume=statistics.median(found))
            continue
        if row["control"] == "hand tuning by rule":
            assert source.task.tuned is not None
            losses = [m.losses for m in source.task.tuned.report.values()]
            assert f"of {source.task.tuned.cost} candidates" in row["measured"]
        else:
            losses = [baselines[name].losses for name in names]
        close(row, hypervolume=indicators.hypervolume(np.array(losses)))


def test_attainment_surfaces(source: Source) -> None:
    if len(source.task.objectives) > 2:
        pytest.skip("projections of three objectives on two are not recomputed")
    said = defaultdict(set)
    for row in source.rows("surfaces"):
        said[row["optimizer"], float(row["level"]), row["split"]].add(
            (round(float(row["x"]), 9), round(float(row["y"]), 9))
        )
    for (name, level, split), corners in said.items():
        runs = [r for r in source.task.runs[name].values() if split == "search" or r.is_judged]
        rows = [finite(r.losses) if split == "search" else r.report_losses for r in runs]
        found = published.surface(rows, math.ceil(level * len(rows)))
        first, second = source.task.objectives
        scores = {
            (
                round(first.ideal - x * (first.ideal - first.reference), 9),
                round(second.ideal - y * (second.ideal - second.reference), 9),
            )
            for x, y in found
        }
        assert corners == scores, (name, level, split)
