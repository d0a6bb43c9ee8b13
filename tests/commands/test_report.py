"""`suite report` as a command: which tasks, where to, and the reference front, once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from suite import __main__
from suite.commands.report import freeze
from suite.statistics import pareto

RUNS = ("random", "nsga2")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short runs on two problems, one with a known front and one whose front is hidden."""
    results = tmp_path_factory.mktemp("results")
    for optimizer in RUNS:
        words = ["run", "task=zdt1", f"optimizer={optimizer}", "trials=25", f"results={results}"]
        assert __main__.main(words) == 0
    shutil.copytree(results / "zdt1", results / "dtlz")
    return results


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "results"))


def test_one_task_is_one_page(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert __main__.main(["report", "task=zdt1", f"results={results}", f"out={out}"]) == 0
    assert capsys.readouterr().out == f"{out / 'index.html'}\n"
    text = (out / "index.html").read_text(encoding="utf-8")
    assert "suite report task=zdt1 freeze=true" in text  # nothing is frozen, and nothing made up
    assert (
        not (out / "runtimes.csv").exists()
        and not (results / "zdt1" / "reference_front.json").exists()
    )
    assert "No run is judged yet" not in text  # a problem's values are exact


@pytest.mark.parametrize("task", ["", "task=[zdt1,dtlz]", "task=*t*", "task=dtlz, zdt1"])
def test_several_tasks_have_a_page_each_and_one_across(
    results: Path, tmp_path: Path, task: str
) -> None:
    out = tmp_path / "out"
    words = ["report", *([task] if task else []), f"results={results}", f"out={out}"]
    assert __main__.main(words) == 0
    for page in (out, out / "zdt1", out / "dtlz"):
        assert (page / "index.html").is_file()


def test_without_out_pages_lie_beside_the_runs(results: Path) -> None:
    assert __main__.main(["report", f"results={results}"]) == 0
    html = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert 'href="../zdt1/report/index.html"' in html
    assert (results / "zdt1" / "report" / "index.html").is_file()
    assert __main__.main(["report", f"results={results}"]) == 0  # a report is no task


def test_the_known_front_of_a_problem_is_frozen(results: Path) -> None:
    path, others = freeze(results, "zdt1")
    assert (path, others) == (
        results / "zdt1" / "reference_front.json",
        results / "zdt1" / "families.json",
    )
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["kind"] == "known" and "ZDT1" in data["source"]
    losses = np.array(data["losses"])
    f1, f2 = losses[:, 0] * 1.1, losses[:, 1] * 4.6
    np.testing.assert_allclose(f2, 1 - np.sqrt(f1), atol=1e-9)
    before = path.read_bytes()
    assert freeze(results, "zdt1") == []
    assert path.read_bytes() == before


def test_without_a_known_front_that_of_all_runs_is_frozen(results: Path) -> None:
    for path in (results / "dtlz").glob("*/seed=*/config.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("  problem:", "  evaluators:"), encoding="utf-8")
    path, _ = freeze(results, "dtlz")
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (data["kind"], data["source"]) == (
        "pooled", "50 trials of 2 runs on the search items (1 of nsga2, 1 of random)",
    )  # fmt: skip
    rows = [
        json.loads(line)["losses"]
        for journal in (results / "dtlz").glob("*/seed=*/trials.jsonl")
        for line in journal.read_text(encoding="utf-8").splitlines()
    ]
    assert data["hypervolume"] == pytest.approx(pareto.hypervolume(rows))
    assert sorted(data["losses"]) == sorted(rows[k] for k in pareto.front(rows))


def test_a_problem_of_another_module_is_not_built_unasked(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (results / "zdt1").glob("*/seed=*/config.yaml"):
        text = path.read_text(encoding="utf-8").replace("suite.problems.analytic", "other.module")
        text = text.replace("allow_targets: []", "allow_targets: [other]")
        path.write_text(text, encoding="utf-8")
    words = ["report", "task=zdt1", f"results={results}", "freeze=true"]
    assert __main__.main(words) == 2
    assert "'other.module.make' is not allowed" in capsys.readouterr().err
    assert __main__.main([*words, "allow_targets=[other]"]) == 2
    assert "cannot be imported" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tusk=a"], "allowed are task=NAME"),
        (["freeze=perhaps"], "allowed are true and false"),
        (["task=none"], "no results of task 'none'"),
        (["task=z*z*"], "matches none of dtlz, zdt1"),
        (["results=nowhere"], "nowhere: no runs to report on"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    results: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert __main__.main(["report", f"results={results}", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
