"""The page across tasks: ranks with instances enough, a refusal with the reason otherwise."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from browsing import CHROMIUM, probed, read
from scipy.stats import rankdata

from suite import report
from suite.commands.report import freeze
from suite.report.load.load import load
from suite.report.page import overview
from suite.report.rows import across
from suite.report.rows.instances import Instance
from suite.report.rows.tables import Tables
from suite.statistics import bootstrap, ranks

MANY = 10


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten tasks of three optimizers; one task has a fourth, and half have a reference front."""
    folder = tmp_path_factory.mktemp("tasks")
    for k in range(MANY):
        names = ("nsga2", "random", "tpe", *(("cmaes",) if k == 0 else ()))
        synthetic.write(
            folder, optimizers=names, seeds=5, trials=12 + k, items=(30 + k, 20), judged=False,
            task=f"task_{k}",
        )  # fmt: skip
        if k % 2:
            freeze(folder, f"task_{k}")
    return folder


@pytest.fixture(scope="module")
def found(tasks: Path) -> list[Instance]:
    made = []
    for k in range(MANY):
        results = load(tasks, f"task_{k}")
        made.append(Instance.of(results, Tables.of(results), tasks / f"task_{k}" / "index.html"))
    return made


def words(page: Path) -> str:
    return " ".join(" ".join(read(page.read_text(encoding="utf-8")).text).split())


@pytest.fixture(scope="module")
def page(found: list[Instance], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return overview.write(found, tmp_path_factory.mktemp("overview"))


def test_the_page_loads_nothing_from_anywhere(page: Path) -> None:
    for name in (
        "runs.csv",
        "tasks.csv",
        "across.csv",
        "across.tex",
        "pairs.csv",
        *overview.FIGURE,
    ):
        assert (page.parent / name).is_file()
    html = page.read_text(encoding="utf-8")
    for target in read(html).loads:
        assert target.startswith(("#", "..")) or (page.parent / target).is_file()
    assert "https:" not in html
    assert "http:" not in html


def test_ranks_are_those_of_the_medians(found: list[Instance]) -> None:
    ranking = across.ranked(found)
    assert isinstance(ranking, ranks.Ranking)
    assert set(ranking.names) == {"nsga2", "random", "tpe"}  # the fourth ran on one task alone
    medians = np.array([[np.median([*i.final[n].values()]) for n in ranking.names] for i in found])
    expected = rankdata(-medians, axis=1).mean(axis=0)
    assert ranking.ranks == pytest.approx(expected)
    rows = {row.optimizer: row for row in across.across_rows(found)}
    assert [rows[n].rank for n in ranking.names] == pytest.approx(expected)
    assert np.isnan(rows["cmaes"].rank)
    assert rows["cmaes"].tasks == 1


def test_aggregates_are_over_the_tasks_that_have_what_they_need(found: list[Instance]) -> None:
    rows = {row.optimizer: row for row in across.across_rows(found)}
    frozen = [each for each in found if not np.isnan(each.reference)]
    assert len(frozen) == rows["tpe"].measured == MANY // 2
    shares = [np.array([*each.final["tpe"].values()]) / each.reference for each in frozen]
    assert rows["tpe"].iqm == pytest.approx(bootstrap.iqm(shares).value)
    pairs = [[[*i.final[n].values()] for i in found] for n in ("tpe", "random")]
    assert rows["tpe"].improvement == pytest.approx(bootstrap.improvement(*pairs).value)
    assert rows["tpe"].improvement_low < rows["tpe"].improvement < rows["tpe"].improvement_high
    assert rows["random"].compared == 0
    assert rows["cmaes"].compared == 1
    better = sum(
        any(c.better == "tpe" and "random" in (c.a, c.b) for c in each.comparisons)
        for each in found
    )
    assert rows["tpe"].better == better


def test_the_page_says_what_the_tables_say(page: Path, found: list[Instance]) -> None:
    text = words(page)
    ranking = across.ranked(found)
    assert isinstance(ranking, ranks.Ranking)
    assert f"{ranking.names[0]} has the best mean rank, {ranking.ranks[0]:.2f} over 10" in text
    assert "Wilcoxon’s signed-rank test of the medians, exact, with Holm" in text
    pairs = across.pair_rows(found)
    assert [(r.family, r.a, r.b) for r in pairs] == [
        ("controls", "nsga2", "random"), ("controls", "tpe", "random"), ("pairs", "nsga2", "tpe"),
    ]  # fmt: skip
    with (page.parent / "pairs.csv").open(encoding="utf-8") as file:
        assert [(r["a"], float(r["p_holm"])) for r in csv.DictReader(file)] == [
            (r.a, r.p_holm) for r in pairs
        ]
    rows = {row.optimizer: row for row in across.across_rows(found)}
    for pair in pairs[:2]:
        assert rows[pair.a].p_random_holm == pair.p_holm
        assert ("random" in rows[pair.a].over) == (pair.better == pair.a)
    assert "did not run on all tasks: cmaes" in text
    with (page.parent / "tasks.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * MANY + 1
    for line in lines:
        assert f"{float(line['median']):.3f}" in text


def test_the_table_of_runs_holds_every_final_hypervolume_exactly(
    page: Path, found: list[Instance]
) -> None:
    with (page.parent / "runs.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    read_back = {
        (line["task"], line["optimizer"], int(line["seed"])): float(line["hypervolume"])
        for line in lines
    }
    assert read_back == {
        (each.task, name, seed): value
        for each in found
        for name, runs in each.final.items()
        for seed, value in runs.items()
    }
    shares = {line["task"]: bool(line["share"]) for line in lines}
    assert shares == {each.task: not np.isnan(each.reference) for each in found}


@pytest.mark.usefixtures("blank_figures")
def test_too_few_tasks_are_refused_with_the_reason(tasks: Path, page: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(page.parent, tmp_path / "out"))
    made = report.build_all(tasks, {name: out / name for name in ("task_0", "task_1")}, out)
    assert (
        "No ranking over all tasks: 2 task instances, and a statement over tasks needs 10"
        in words(made)
    )
    assert not any(
        (out / name).exists() for name in overview.SOMETIMES
    )  # that of the earlier report is gone
    html = made.read_text(encoding="utf-8")
    for target in read(html).loads:
        assert target.startswith("#") or (out / target).is_file()
    for name in ("task_0", "task_1"):
        assert f'href="{name}/index.html"' in html
        assert (out / name / "index.html").is_file()


PROBE = """
<script>
window.addEventListener("load", () => {
  const count = (what) => document.querySelectorAll(what).length;
  const before = count(".curve");
  document.querySelector("#names button").click();
  document.body.dataset.probe = JSON.stringify({
    before, after: count(".curve"), buttons: count("#axes .choice"),
    dots: count(".rail .dot"),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  });
});
</script>
"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_runtimes_are_drawn(page: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = probed(page, PROBE, tmp_path)
    assert (found["before"], found["after"]) == (3, 2)
    assert (found["buttons"], found["dots"], found["overflow"]) == (0, 3 * MANY, 0)
