"""docs/results.md and the README say what the committed tables say, and those come out again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.assembly import assemble, compose
from suite.records.journal import Journal
from suite.report.rows.words import fixed
from suite.search import harness
from suite.statistics import pareto
from tests.docs import published_tables as published

DOCS = Path(__file__).parents[2] / "docs"
TABULAR = DOCS / "tabular"
ANALYTIC = DOCS / "analytic"
AGAIN = [
    ("zdt1", "random", 0),
    ("zdt4", "nsga2", 3),
    ("dtlz2", "gde3", 11),
    ("wfg4", "cma_es", 7),
    ("bbob_biobj_f01", "tpe", 29),
]


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cells(page: Path, heading: str) -> list[list[str]]:
    """Cells of the rows of the one table below the header row that begins with `heading`."""
    text = page.read_text(encoding="utf-8")
    _, mark, below = text.partition(f"\n| {heading}")
    assert mark, f"{page.name} has no table {heading!r}"
    body = below.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def short(value: str) -> str:
    return fixed(float(value), 3).replace("0.", ".", 1)


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("../README.md", lambda: published.readme("ja_math_micro", "ja_math", published.MATHS)),
        ("../README.md", lambda: published.readme("ja_vlm_micro", "ja_vqa", published.VLM)),
        ("ja_vlm_micro.md", lambda: published.readme("ja_vlm_micro", "ja_vqa", published.VLM)),
        ("results.md", lambda: published.tuning("ja_math_micro", published.MATHS)),
        ("results.md", published.study),
        ("results.md", lambda: published.others("ja_math_micro_dfs", "ja_math")),
        ("results.md", lambda: published.others("ja_vlm_micro", "ja_vqa")),
    ],
)
def test_the_pages_say_what_the_reports_say(page: str, made: Callable[[], list[str]]) -> None:
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    rows = made()
    assert len(rows) > 3
    for row in rows:
        assert row in lines


def test_the_table_of_the_surrogates_is_the_reports() -> None:
    tasks = ["ja_math_micro_tabular", "ja_vlm_micro_tabular"]
    medians = {(r["task"], r["optimizer"]): r["median"] for r in table(TABULAR / "tasks.csv")}
    said = cells(DOCS / "results.md", "strategy | `ja_math_micro_tabular`")
    assert len(said) == 16
    for task, column in zip(tasks, (1, 2), strict=True):
        pairs = table(TABULAR / f"{task}_comparisons.csv")
        for row in said:
            name = row[0].strip("`")
            lost = sum(name in (r["a"], r["b"]) and r["better"] not in ("", name) for r in pairs)
            assert row[column] == f"{short(medians[task, name])} [{lost}]", (task, name)


def test_the_table_of_the_functions_is_the_reports() -> None:
    rows = {row["optimizer"]: row for row in table(ANALYTIC / "across.csv")}
    said = cells(DOCS / "results.md", "strategy | mean rank")
    assert [row[0].strip("`") for row in said] == [*rows]
    for name, rank, share, wins, better in said:
        row = rows[name.strip("`")]
        assert rank == fixed(float(row["rank"]), 1), name
        words = f"{short(row['iqm'])} [{short(row['iqm_low'])}, {short(row['iqm_high'])}]"
        assert share == words, name
        if row["improvement"]:
            assert wins == fixed(float(row["improvement"]), 2).replace("0.", ".", 1), name
            assert better == row["better"], name


@pytest.mark.parametrize(("task", "optimizer", "seed"), AGAIN)
def test_a_run_of_the_analytic_study_comes_out_again(
    tmp_path: Path, task: str, optimizer: str, seed: int
) -> None:
    names = {"task": task, "optimizer": optimizer, "seed": str(seed)}
    row = next(r for r in table(ANALYTIC / "runs.csv") if names.items() <= r.items())
    config = compose.compose([f"{key}={value}" for key, value in names.items()])
    made = assemble.task(config)
    journal = Journal(tmp_path / "trials.jsonl")
    trials = harness.search(made, assemble.optimizer(config, made), journal, config.trials)
    volume = pareto.hypervolume([trial.losses for trial in trials])
    assert volume == pytest.approx(float(row["hypervolume"]), rel=1e-9)
