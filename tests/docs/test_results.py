"""docs/results.md and the README say what the committed tables say, and those come out again."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest

from suite import harness, pareto
from suite.commands import assemble, compose
from suite.journal import Journal
from suite.report.words import fixed

DOCS = Path(__file__).parents[2] / "docs"
STUDY = DOCS / "report" / "ja_math_micro"
NAMES = {
    "λ grid": "lambda_grid",
    "CMA-ES (scalarised)": "cma_es",
    "NSGA-II": "nsga2",
    "SMS-EMOA": "sms_emoa",
    "GDE3": "gde3",
    "TPE": "tpe",
    "Gaussian processes": "optuna_gp",
    "random": "random",
}
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


def test_the_table_of_the_study_is_the_reports() -> None:
    rows = {(row["optimizer"], row["indicator"]): row for row in table(STUDY / "strategies.csv")}
    said = cells(DOCS / "results.md", "strategy (configuration)")
    assert len(said) == 8
    chosen = summary(STUDY)
    for name, _, volume, igd, trials, judged, first, second in said:
        optimizer = re.findall(r"`(\w+)`", name)[0]
        row = rows[optimizer, "hypervolume"]
        assert volume.replace("**", "") == sure(row), optimizer
        assert igd == short(rows[optimizer, "igd_plus"]["median"]), optimizer
        assert judged == short(rows[optimizer, "report_hypervolume"]["median"]), optimizer
        assert trials == " / ".join(reached(optimizer, target) for target in ("0.8", "0.9"))
        assert first == spread(chosen[optimizer, "ja_math"]), optimizer
        assert second == points(float(chosen[optimizer, "ja_general"]["median"])), optimizer


def reached(optimizer: str, target: str) -> str:
    rows = table(STUDY / "runtimes.csv")
    row = next(r for r in rows if (r["optimizer"], r["target"]) == (optimizer, target))
    return "–" if row["median"] == "inf" else str(math.ceil(float(row["median"])))


@pytest.mark.parametrize(
    ("task", "heading", "objectives", "strategies"),
    [
        ("ja_math_micro", "| Japanese maths", ["ja_math", "ja_general"], 8),
        ("ja_vlm_micro", "| Japanese VQA", ["ja_vqa", "ja_wild", "en_vqa"], 4),
    ],
)
def test_the_readme_says_what_the_reports_say(
    task: str, heading: str, objectives: list[str], strategies: int
) -> None:
    report = DOCS / "report" / task
    chosen = summary(report)
    ends = {(row["optimizer"], row["indicator"]): row for row in table(report / "strategies.csv")}
    searched = [
        row for row in cells(DOCS.parent / "README.md", heading) if row[0] in NAMES and row[-1]
    ]
    assert len(searched) == strategies
    for name, first, *others in searched:
        rows = [chosen[NAMES[name], objective] for objective in objectives]
        rest = [points(float(row["median"])) for row in rows[1:]]
        assert first == spread(rows[0]), name
        assert others[: len(rest)] == rest, name
        assert others[-1] == short(ends[NAMES[name], "hypervolume"]["median"]), name


def summary(report: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The chosen merges by optimizer and objective."""
    return {(row["optimizer"], row["objective"]): row for row in table(report / "summary.csv")}


def spread(row: dict[str, str]) -> str:
    """The median of the seeds; their range."""
    seeds = [float(value) for value in row["values"].split()]
    return f"{points(float(row['median']))}; {points(min(seeds))}–{points(max(seeds))}"


def points(share: float) -> str:
    return fixed(share, 1, 100)


@pytest.mark.parametrize(
    ("task", "first"), [("ja_math_micro_dfs", "ja_math"), ("ja_vlm_micro", "ja_vqa")]
)
def test_the_tables_of_the_other_tasks_are_the_reports(task: str, first: str) -> None:
    report = DOCS / "report" / task
    ends = {(row["optimizer"], row["indicator"]): row for row in table(report / "strategies.csv")}
    chosen = summary(report)
    said = cells(DOCS / "results.md", f"`{task}`: ")
    assert len(said) == 4
    for name, searched, judged, best in said:
        optimizer = re.findall(r"`(\w+)`", name)[0]
        assert searched == sure(ends[optimizer, "hypervolume"]), optimizer
        assert judged == sure(ends[optimizer, "report_hypervolume"]), optimizer
        assert best == spread(chosen[optimizer, first]), optimizer


def sure(row: dict[str, str]) -> str:
    """The median and its 95 % interval."""
    return f"{short(row['median'])} [{short(row['low'])}, {short(row['high'])}]"


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
    trials = harness.search(made, assemble.optimizer(config, made), journal, config["trials"])
    volume = pareto.hypervolume([trial.losses for trial in trials])
    assert volume == pytest.approx(float(row["hypervolume"]), rel=1e-9)
