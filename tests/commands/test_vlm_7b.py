"""`ja_vlm_7b` from `suite check` to `suite export`, as a user calls it, over the real layout in miniature."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from suite.__main__ import main
from suite.assembly import assemble
from suite.assembly.compose import compose
from suite.evaluators.models import vision
from tests.commands import small_7b
from tests.commands.small_7b import FEW, Small, live
from tests.conftest import BASELINES
from tests.export import towers

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    small_vlm: Small,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Call:
    monkeypatch.setenv("MERGE_SUITE_CACHE", str(tmp_path / "cache"))

    def words(command: str, *more: object, task: str = "ja_vlm_7b") -> tuple[int, str, str]:
        capsys.readouterr()
        given = [
            f"task={task}",
            *small_vlm.words(*FEW),
            "device=cpu",
            f"results={tmp_path / 'results'}",
        ]
        plain = command in ("report", "export", "merge")
        code = main([command, *(() if plain else given), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def rounded(tensors: towers.Tensors) -> towers.Tensors:
    return {name: tensor.float() for name, tensor in tensors.items()}


def test_from_check_to_export(
    call: Call, small_vlm: Small, few_baselines: Callable[[str], str], tmp_path: Path
) -> None:
    few = few_baselines("ja_vlm_7b")
    code, out, err = call("check")
    assert code == 0, err
    assert "ja_vlm_7b: 4 parameters, dare_ties" in out
    assert "vlm: LlavaNextForConditionalGeneration" in out and "further rows stay" in out
    assert "evaluator   ja_vg_vqa: search 3, select 3, report 4" in out
    assert "evaluator   ja_wild: search 2, select 3, report 3" in out
    assert "LOAD REPORT" not in err and "unexpected" not in err
    code, out, err = call("run", "optimizer=random", "trials=2", "start=[dare_ties_0.5]", few)
    assert code == 0, err
    run = tmp_path / "results/ja_vlm_7b/random/seed=0"
    trials = [json.loads(line) for line in (run / "trials.jsonl").read_text().splitlines()]
    assert [trial["status"] for trial in trials] == ["ok", "ok"]
    assert trials[0]["x"] == [0.5] * 4
    assert trials[0]["recipe"]["parameters"]["rescale"] == "inverse_density"
    assert {"ja_vg_vqa.rouge_l_ja", "ja_wild.rouge_l_ja_median"} <= trials[0]["scores"].keys()
    inputs = yaml.safe_load((run / "config.yaml").read_text())["inputs"]
    assert set(inputs["items"]["ja_wild"]) == {
        "search/train-00000-of-00001.parquet",
        "select/train-00000-of-00001.parquet",
        "report/test-00000-of-00001.parquet",
    }
    code, _, err = call("judge", few)
    assert code == 0, err
    where = (f"results={tmp_path / 'results'}", f"out={tmp_path / 'page'}")
    code, _, err = call("report", "task=ja_vlm_7b", *where)
    assert code == 0, err
    page = (tmp_path / "page/index.html").read_text()
    assert "data:image/jpeg;base64," in page and "この写真について" in page
    answers = list(csv.DictReader((tmp_path / "page/baselines.csv").open()))
    assert {row["name"] for row in answers} == {*BASELINES["ja_vlm_7b"]}
    code, out, err = call("export", run, tmp_path / "out", "--trial", "0")
    assert code == 0, err
    check_export(small_vlm, tmp_path / "out", trials[0])


def check_export(small_vlm: Small, out: Path, trial: dict[str, Any]) -> None:
    """The tower is merged, the rows beyond the base's and all else are the VLM's."""
    before, after = rounded(towers.read(small_vlm.models["vlm"])), rounded(towers.read(out))
    base = towers.read(small_vlm.models["base"])
    rows = len(base["lm_head.weight"])
    plain = {name.removeprefix("language_model."): tensor for name, tensor in after.items()}
    old = {name.removeprefix("language_model."): tensor for name, tensor in before.items()}
    assert len(plain["lm_head.weight"]) == rows + small_7b.EXTRA
    for name in ("lm_head.weight", "model.embed_tokens.weight"):
        assert torch.equal(plain[name][rows:], old[name][rows:])
        assert not torch.equal(plain[name][:rows], old[name][:rows])
    for name in ("multi_modal_projector.linear_1.weight", "multi_modal_projector.linear_2.bias"):
        assert torch.equal(after[name], before[name])
    written = json.loads((out / "recipe.json").read_text())
    assert written["method"] == trial["recipe"]["method"]
    assert written["tiling"] is False and written["rope_theta"] == 1e4


def test_an_export_answers_as_the_search_measured(
    call: Call, small_vlm: Small, tmp_path: Path
) -> None:
    """Class, processor and rotary base are written, so that the folder needs no settings of a task."""
    code, _, err = call("run", "optimizer=random", "trials=1", "task.baselines=null")
    assert code == 0, err
    run = tmp_path / "results/ja_vlm_7b/random/seed=0"
    assert call("export", run, tmp_path / "out", "--trial", "0")[0] == 0
    code, _, err = call("merge", tmp_path / "out/recipe.json", tmp_path / "again")
    assert code == 0, err
    searched = live(small_vlm)
    (trial,) = ((run / "trials.jsonl").read_text()).splitlines()
    searched.merge(searched.recipe(np.array(json.loads(trial)["x"])))
    usual = [
        sample.reply for sample in searched.evaluators[0].samples(searched.handle, "report", 4)
    ]
    loaded = vision.load(tmp_path / "out", "cpu", dtype="float16")
    assert type(loaded.model).__name__ == "LlavaForConditionalGeneration"
    found = [sample.reply for sample in searched.evaluators[0].samples(loaded, "report", 4)]
    assert found == usual
    again = vision.load(tmp_path / "again", "cpu").model
    assert again.config.to_dict()["model_type"] == "llava"
    assert again.config.text_config.rope_parameters["rope_theta"] == 1e4


def test_every_shipped_baseline_merges(small_vlm: Small) -> None:
    made = live(small_vlm)
    recipes = assemble.baselines(compose(["task=ja_vlm_7b", *small_vlm.words()]))
    assert len(recipes) > 10
    for recipe in recipes.values():
        made.merge(recipe)  # raises where a tensor is not finite


@pytest.mark.parametrize("task", ["ja_vlm_7b_dfs", "ja_vlm_7b_hybrid"])
def test_layer_paths_run_through_the_tower(small_vlm: Small, task: str) -> None:
    found = live(small_vlm, task=task)
    recipe = found.recipe(np.full(found.space.d, 0.6))
    scores = found.measure(recipe, "search").scores
    assert scores["ja_vg_vqa.tokens"].n == 3
    assert len(found.handle.model.get_decoder().layers) == len(recipe.hops) > 2


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task.vlm=nobody"], "vlm 'nobody' is not one of base, vlm, japanese"),
        (["task.vlm=japanese"], "vlm 'japanese' has no vision tower"),
        (["task.vlm=null"], "task ja_vlm_7b: tiling is a setting of a vlm; it has none"),
        (["task.tiling=maybe"], "tiling=maybe: allowed are true and false"),
        (["task.rope_theta=0"], "rope_theta=0: must be a positive number"),
        (["task.vocabulary=refuse"], "task.vocabulary=cut merges the base's rows alone"),
        (
            ["task.data=/nowhere"],
            "hf download SakanaAI/JA-VG-VQA-500 --repo-type dataset --revision aa13b70",
        ),
        (
            ["task.evaluators.ja_vg_vqa.data.columns.prompt=qas.ask"],
            "no field 'ask'; there are qa_id, question",
        ),
        (
            ["task.evaluators.ja_wild.data.search.rows='0:9999'"],
            "must lie within the data set's 16 rows",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    call: Call, command: str, words: list[str], said: str
) -> None:
    code, _, err = call(command, *words)
    assert code == 2 and said in err and err.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_missing_processor_is_named_before_anything_is_loaded(
    call: Call, small_vlm: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    blind = small_7b.copied(small_vlm, "vlm", tmp_path / "blind")
    for file in blind.glob("*processor_config.json"):
        file.unlink()
    monkeypatch.setattr("suite.merging.sources.Sources.load", None)
    code, _, err = call(command, f"task.models.vlm={blind}")
    assert code == 2 and err.count("\n") == 1
    assert f"model {blind}: no processor: preprocessor_config.json" in err


def test_a_picture_to_report_on_is_searched_by_no_evaluator(call: Call, small_vlm: Small) -> None:
    train = small_vlm.data / "JA-VG-VQA-500/data"
    words = [
        f"task.evaluators.ja_wild.data.report.path={train}",
        "task.evaluators.ja_wild.data.report.files='train-*'",
        "+task.evaluators.ja_wild.data.report.rows='0:1'",
        "task.evaluators.ja_wild.data.report.columns.prompt=qas.question",
        "task.evaluators.ja_wild.data.report.columns.expected=qas.answer",
    ]
    code, _, err = call("check", "--fast", *words)
    assert code == 2 and "what is searched on must not be reported on" in err
    assert "search items of 'ja_vg_vqa'" in err and err.count("\n") == 1


def test_tasks_are_listed_without_models_and_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    wanted = {
        "tasks": "ja_vlm_7b",
        "baselines": "ja_vlm_7b/dare_ties_0.5",
        "merges": "dare_ties_published",
    }
    for kind, name in wanted.items():
        assert main(["list", kind]) == 0
        assert f"{name} " in capsys.readouterr().out
