"""Tasks without models through every command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from suite.__main__ import main
from suite.assembly import compose, problems
from suite.checkpoints.hub import sha256
from suite.errors import BadInput
from suite.recipes.layer_path import read_json
from suite.recipes.point import Point
from suite.records import folder as folders
from suite.records.journal import Journal
from suite.records.trial import Score
from suite.report.load.load import load
from suite.spaces.space import Parameter, SearchSpace, Setting

COMMANDS = """
import sys
from suite.__main__ import main
words = ["task=zdt1", "results=" + sys.argv[1]]
for command in (["check"], ["run", "optimizer=nsga2", "trials=45"], ["judge"], ["report"]):
    assert main([command[0], *words, *command[1:]]) == 0
print(sorted({"torch", "transformers"} & set(sys.modules)))
"""

TABLE = """\
# Values of a table.
name: table
problem: {{_target_: {module}.Table, data: {data}}}
objectives:
  y: {{name: y, metric: problem.y, direction: minimize, ideal: 0, reference: 2}}
"""


class Table:
    """Values read from a file: one figure, the number in it times the only setting."""

    title, figures = "table", ("y",)
    space = SearchSpace([Parameter("x")])

    def __init__(self, data: Path) -> None:
        file = data / "factor.txt" if data.is_dir() else data
        self._factor = float(file.read_text())

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        return {"y": Score(self._factor * float(settings["x"]), 0.0, 1)}

    def front(self) -> None:
        return None


def table_words(folder: Path, data: Path) -> list[str]:
    """A task of `Table` by configuration alone."""
    (folder / "conf" / "task").mkdir(parents=True)
    text = TABLE.format(module=__name__, data=data)
    (folder / "conf" / "task" / "table.yaml").write_text(text, encoding="utf-8")
    allowed = f"allow_targets=[{__name__}]"
    return [f"--config-dir={folder / 'conf'}", "task=table", allowed, f"results={folder}"]


def test_no_command_imports_torch_and_the_report_is_there(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMMANDS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    page = (tmp_path / "zdt1" / "report" / "index.html").read_text(encoding="utf-8")
    assert "nsga2" in page and "f2" in page
    environment = tmp_path / "zdt1" / "nsga2" / "seed=0" / "environment.json"
    assert json.loads(environment.read_text())["packages"]["pymoo"]


def test_judged_values_are_those_that_were_searched(tmp_path: Path) -> None:
    words = ["task=dtlz7_3obj", f"results={tmp_path}"]
    assert main(["run", *words, "optimizer=random", "trials=40"]) == 0
    assert main(["judge", *words]) == 0
    (run,) = load(tmp_path, "dtlz7_3obj").runs
    assert run.reported and {line.split for line in run.reported} == {"report"}
    assert run.first is not None and not run.first.unmerged and not run.first.is_path
    for line in run.reported:
        assert line.number is not None
        trial = run.trials[line.number]
        assert line.losses == trial.losses and line.recipe == trial.recipe
        assert isinstance(read_json(line.recipe), Point)


def test_a_run_is_continued_as_any_other(tmp_path: Path) -> None:
    words = ["run", "task=zdt3", "optimizer=nsga2"]
    assert main([*words, "trials=70", f"results={tmp_path / 'whole'}"]) == 0
    for trials in (33, 70):
        assert main([*words, f"trials={trials}", f"results={tmp_path / 'cut'}"]) == 0
    whole, cut = (
        Journal(tmp_path / name / "zdt3/nsga2/seed=0/trials.jsonl").read()
        for name in ("whole", "cut")
    )
    assert [(t.x, t.losses) for t in whole] == [(t.x, t.losses) for t in cut]


def test_check_says_what_is_searched_and_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "task=zdt3"]) == 0
    out = capsys.readouterr().out
    for said in ("10 parameters, points of ZDT3 (pymoo)", "problem.f2", "ideal -0.78"):
        assert said in out
    assert "997 points known, hypervolume 0." in out and "complete; no models" in out


def test_the_list_names_the_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "tasks"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "; no models (" in line]
    assert {"zdt1", "dtlz7_3obj", "wfg8", "bbob_biobj_f28"} <= {row.split()[0] for row in rows}


def test_there_is_nothing_to_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "task=zdt1", "optimizer=random", "trials=3", f"results={tmp_path}"]
    assert main(words) == 0
    run = folders.run_folder(tmp_path, "zdt1", "random", 0)
    assert main(["export", str(run), str(tmp_path / "out"), "--trial", "1"]) == 2
    assert "a task without models; there is nothing to export" in capsys.readouterr().err
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(Journal(run / "trials.jsonl").read()[0].recipe))
    assert main(["merge", str(recipe), str(tmp_path / "out")]) == 2
    assert "recipe.json: a point of a task without models" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["+task.models={base: x}"], "task zdt1: problem and models; a task has one of the two"),
        (["task.problem.name=zdt9"], "'zdt9' is unknown; there are zdt1"),
        (["task.problem.d=ten"], "zdt1: d is ten"),
        (["task.problem._target_=os.system"], "not allowed"),
        (["task.objectives.f1.metric=f1"], "no metric 'f1'; the problem gives problem.f1"),
        (["+task.problem.data=/no/such"], "problem: data /no/such: no such file or folder"),
        (["task=smm_bench_ps"], "smm-bench-ps: no such file or folder; unzip it from https://"),
        (["start=[uniform]"], "start: no baseline 'uniform'; there are none"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "task=zdt1", "trials=1", f"results={tmp_path}", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
    assert not list(tmp_path.rglob("trials.jsonl"))


def test_data_is_part_of_what_a_run_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "factor.txt").write_text("1.5")
    words = [*table_words(tmp_path, data), "optimizer=random"]
    assert main(["run", *words, "trials=5"]) == 0, capsys.readouterr().err
    folder = folders.run_folder(tmp_path, "table", "random", 0)
    for trial in Journal(folder / "trials.jsonl").read():
        assert trial.losses[0] == pytest.approx(0.75 * trial.x[0])
    inputs = yaml.safe_load((folder / "config.yaml").read_text())["inputs"]["problem"]
    assert list(inputs) == ["factor.txt"] and len(inputs["factor.txt"]) == 64
    assert main(["judge", *words]) == 0
    (data / "factor.txt").write_text("1.25")
    sha256.cache_clear()  # another process would not have read it yet
    assert main(["run", *words, "trials=6"]) == 2
    assert "inputs.problem.factor.txt" in capsys.readouterr().err
    assert main(["judge", *words]) == 2


def test_a_single_file_is_named_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "factor.txt"
    file.write_text("2")
    zdt1 = compose.compose(["task=zdt1"]).task
    assert problems.files(zdt1) == {}
    assert problems.files(zdt1.changed(problem={"_target_": "x", "data": str(file)})) == {
        "factor.txt": file
    }


def test_a_task_of_models_is_none() -> None:
    assert compose.compose(["task=ja_math_micro"]).task.problem is None
    with pytest.raises(BadInput, match="problem and evaluators"):
        compose.compose(["task=zdt1"]).task.changed(evaluators={})
