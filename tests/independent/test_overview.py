"""The tables across tasks from the tables of runs; those of report/ from the result files themselves."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from tests.independent import indicators, journals, published, statistics, study
from tests.independent.test_published import REPORT, close, number, same
from tests.independent.test_published_merges import CONTROLS, check_holm

DOCS = study.ROOT / "docs"
FOLDERS = [REPORT, DOCS / "tabular", DOCS / "analytic"]
Volumes = dict[str, dict[str, dict[int, float]]]


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


@cache
def volumes(folder: Path, column: str = "hypervolume") -> Volumes:
    """Task, strategy, seed: a column of runs.csv."""
    found: Volumes = defaultdict(lambda: defaultdict(dict))
    for row in journals.table(folder / "runs.csv"):
        found[row["task"]][row["optimizer"]][int(row["seed"])] = float(row[column])
    return found


@cache
def primary(folder: Path) -> Volumes:
    """What strategies are compared by: on report items where there are any."""
    if folder != REPORT:
        return volumes(folder)
    return {name: published.volumes(study.task(name), "report") for name in volumes(folder)}


def ranks(folder: Path) -> dict[str, dict[str, float]]:
    """Task, strategy: its rank by the median, among the strategies that every task has."""
    by = primary(folder)
    everywhere = sorted(set.intersection(*(set(task) for task in by.values())))
    return {
        name: dict(
            zip(
                everywhere,
                rankdata([-statistics.median(list(task[o].values())) for o in everywhere]),
                strict=True,
            )
        )
        for name, task in by.items()
    }


def test_runs_across_tasks_are_those_of_the_result_files() -> None:
    for name, by in volumes(REPORT).items():
        task = study.task(name)
        assert {o: set(seeds) for o, seeds in by.items()} == {
            o: set(seeds) for o, seeds in task.runs.items()
        }
        reference = indicators.hypervolume(task.reference)
        for optimizer, seeds in by.items():
            for seed, volume in seeds.items():
                found = float(task.runs[optimizer][seed].curve[-1])
                assert volume == pytest.approx(found, rel=1e-12)
                share = volumes(REPORT, "share")[name][optimizer][seed]
                assert share == pytest.approx(found / reference, rel=1e-9)


def test_tasks(folder: Path) -> None:
    places = ranks(folder)
    for row in journals.table(folder / "tasks.csv"):
        task, optimizer = row["task"], row["optimizer"]
        values = list(volumes(folder)[task][optimizer].values())
        shares = list(volumes(folder, "share")[task][optimizer].values())
        close(
            row,
            seeds=len(values),
            median=statistics.median(values),
            share=statistics.median(shares),
            rank=places[task].get(optimizer, math.nan),
            primary=statistics.median(
                [*primary(folder)[task].get(optimizer, {}).values()] or [math.nan]
            ),
        )


def test_across(folder: Path) -> None:
    places = ranks(folder)
    for row in journals.table(folder / "across.csv"):
        name = row["optimizer"]
        own = [task for task, by in volumes(folder).items() if name in by]
        shares = [s for t in own for s in volumes(folder, "share")[t][name].values()]
        beside = [volumes(folder)[t] for t in own if "random" in volumes(folder)[t]]
        wins = [
            statistics.improvement(list(by[name].values()), list(by["random"].values()))
            for by in beside
        ]
        ranked = all(name in by for by in places.values())
        close(
            row,
            tasks=len(own),
            rank=np.mean([by[name] for by in places.values()]) if ranked else math.nan,
            iqm=statistics.iqm(shares),
        )
        if name != "random":
            close(row, compared=len(wins), improvement=float(np.mean(wins)))
            better, worse = resolved(folder, name)
            close(row, better=better, worse=worse)


@cache
def verdicts(folder: Path) -> list[tuple[str, str, str]]:
    """Task, strategy and what is better, the strategy, random search or nobody."""
    found = []
    for task, by in primary(folder).items():
        path = folder / task / "comparisons.csv"
        path = path if path.exists() else folder / f"{task}_comparisons.csv"
        if path.exists():
            for row in journals.table(path):
                if "random" in (row["a"], row["b"]):
                    other = row["b"] if row["a"] == "random" else row["a"]
                    found.append((task, other, row["better"]))
            continue
        names = [n for n in by if n != "random"]
        control = list(by["random"].values())
        adjusted = statistics.holm(
            [statistics.mann_whitney(list(by[n].values()), control) for n in names]
        )
        for name, p in zip(names, adjusted, strict=True):
            ahead = statistics.improvement(list(by[name].values()), control) > 0.5
            found.append((task, name, (name if ahead else "random") if p < 0.05 else ""))
    return found


def resolved(folder: Path, name: str) -> tuple[int, int]:
    mine = [better for _, other, better in verdicts(folder) if other == name]
    return mine.count(name), mine.count("random")


@pytest.mark.parametrize(
    "path", sorted((DOCS / "tabular").glob("*_comparisons.csv")), ids=lambda p: p.stem
)
def test_pairs_on_surrogates(path: Path) -> None:
    by = volumes(DOCS / "tabular")[path.stem.removesuffix("_comparisons")]
    rows = journals.table(path)
    assert len(rows) == math.comb(len(by), 2)
    families = defaultdict(list)
    for row in rows:
        a, b = by[row["a"]], by[row["b"]]
        x, y = list(a.values()), list(b.values())
        close(
            row,
            seeds_a=len(x), seeds_b=len(y), p=statistics.mann_whitney(x, y),
            median_a=statistics.median(x), median_b=statistics.median(y),
            improvement=statistics.improvement(x, y),
        )  # fmt: skip
        assert (row["family"] == "controls") == (len({row["a"], row["b"]} & CONTROLS) == 1)
        common = sorted(set(a) & set(b))
        if len(common) <= 12:
            close(row, p_paired=statistics.sign_flip([a[s] - b[s] for s in common]))
        families[row["family"]].append(row)
    for family in families.values():
        check_holm(None, family)


def test_pairs_across_functions() -> None:
    by = volumes(DOCS / "analytic")
    families = defaultdict(list)
    for row in journals.table(DOCS / "analytic" / "pairs.csv"):
        gaps = [
            statistics.median(list(task[row["a"]].values()))
            - statistics.median(list(task[row["b"]].values()))
            for task in by.values()
        ]
        close(
            row,
            instances=len(gaps),
            wins_a=sum(g > 0 for g in gaps),
            wins_b=sum(g < 0 for g in gaps),
            difference=statistics.median(gaps),
            p=statistics.signed_rank(gaps),
        )
        families[row["family"]].append(row)
    for family in families.values():
        adjusted = statistics.holm([number(row["p"]) for row in family])
        for row, p in zip(family, adjusted, strict=True):
            assert same(row["p_holm"], p)
            leader = row["a"] if float(row["difference"]) > 0 else row["b"]
            assert row["better"] == (leader if p < 0.05 else ""), row
