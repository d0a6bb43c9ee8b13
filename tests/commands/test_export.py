"""`suite export` as a user runs it, on a real, short, judged run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from suite import resources
from suite.evaluators.models import handle
from suite.recipes import mergekit
from suite.recipes.recipe import Recipe
from suite.records import folder as folders
from suite.records.journal import Journal
from suite.search import pick
from suite.statistics import pareto
from tests.commands.exporting import Call, journaled, judged, measured, same_weights
from tests.hub_server import HubServer


@pytest.mark.parametrize("options", [(), ("--max-shard-size", "900KB")])
def test_reloading_gives_the_journaled_scores_bit_for_bit(
    call: Call, judged_run: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    code, said, err = call("export", judged_run, "--trial", 2, out, *options)
    assert code == 0, err
    assert (len(list(out.glob("*.safetensors"))) > 1) == bool(options)
    assert measured(out, judged_run, "search") == journaled(judged_run, 2)
    assert "trial 2, chosen by its number" in said
    recipe = Recipe.from_json(json.loads((out / "recipe.json").read_text()))
    assert recipe == Recipe.from_json(Journal(judged_run / "trials.jsonl").read()[2].recipe)
    assert mergekit.read(out / "mergekit_config.yml").base == "zoo:ja_math_micro/base"


def test_every_judged_split_comes_out_of_the_export_and_stands_on_its_card(
    call: Call, judged_run: Path, tmp_path: Path
) -> None:
    number = min(judged(judged_run, "report"))
    out = tmp_path / "out"
    assert call("export", judged_run, out, "--trial", number)[0] == 0
    text = (out / "README.md").read_text()
    assert (
        "| score | search | select | report |" in text
        and f"suite export {judged_run} {out}" in text
    )
    for split in ("select", "report"):
        scores = judged(judged_run, split)[number]["scores"]
        assert measured(out, judged_run, split) == scores
        for score in scores.values():
            assert f"{score['value']:.4f} ± {score['stderr']:.4f} ({score['n']})" in text
    assert "gives the same scores bit for bit" in text


def test_a_tied_head_gives_the_journaled_scores_too(
    call: Call, few_items: list[str], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    models = []
    for name in ("base", "japanese", "math_add", "math_mul"):
        folder = tmp_path / "tied" / name
        shutil.copytree(resources.resolve(f"zoo:ja_math_micro/{name}"), folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["model.embed_tokens.weight"] = tensors.pop("lm_head.weight")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
        models.append(f"task.models.{name}={folder}")
    words = [f"results={tmp_path}", *few_items, *models, "optimizer=random", "trials=2"]
    code, _, err = call("run", *words)
    assert code == 0, err
    run = folders.run_folder(tmp_path, "ja_math_micro", "random", 0)
    for number, size in ((0, "5GB"), (1, "900KB")):
        out = tmp_path / f"out{number}"
        code, _, err = call("export", run, "--trial", number, out, "--max-shard-size", size)
        assert code == 0, err
        assert measured(out, run, "search") == journaled(run, number)
        model = handle.load(out, "cpu").model
        assert model.lm_head.weight is model.model.embed_tokens.weight
    # the parents' configured paths, so that the recipe can be carried out again
    again = tmp_path / "again"
    assert call("merge", tmp_path / "out0" / "mergekit_config.yml", again)[0] == 0
    assert same_weights(tmp_path / "out0", again)


def test_the_knee_is_of_the_front_on_the_search_items(
    call: Call, judged_run: Path, tmp_path: Path
) -> None:
    trials = Journal(judged_run / "trials.jsonl").read()
    losses = np.array([trial.losses for trial in trials])
    code, said, err = call("export", judged_run, tmp_path / "out", "--pick", "knee")
    assert code == 0, err
    number = pick.knee(losses)[0]
    assert number in pareto.front(losses) and f"trial {number}, " in said
    assert "on the search items" in said
    assert measured(tmp_path / "out", judged_run, "search") == journaled(judged_run, number)


@pytest.mark.parametrize("name", ["ja_math", "ja_general"])
def test_the_best_is_by_the_select_items_once_judged(
    call: Call, judged_copy: Path, tmp_path: Path, name: str
) -> None:
    index = ["ja_math", "ja_general"].index(name)
    select = judged(judged_copy, "select")
    number = min(sorted(select), key=lambda number: select[number]["losses"][index])
    code, said, err = call("export", judged_copy, tmp_path / "a", "--pick", f"best:{name}")
    assert code == 0, err
    assert f"trial {number}, the best {name} of {len(select)} trials judged on the select" in said
    (judged_copy / "judged.jsonl").unlink()
    losses = [trial.losses[index] for trial in Journal(judged_copy / "trials.jsonl").read()]
    code, said, _ = call("export", judged_copy, tmp_path / "b", "--pick", f"best:{name}")
    assert (
        code == 0 and f"trial {int(np.argmin(losses))}, the best {name} of 6 trials on the" in said
    )
    assert "not judged" in said and "| score | search |\n" in (tmp_path / "b/README.md").read_text()


def test_judgements_of_another_run_do_not_count(judged_copy: Path) -> None:
    run = folders.RunFolder(judged_copy)
    trials = run.trials()
    assert run.judged_trials(trials).keys() == judged(judged_copy, "select").keys()
    assert run.judged_trials(trials[1:]) == {}


def test_rounding_is_on_the_card(call: Call, judged_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("export", judged_run, out, "--trial", 1, "--dtype", "bfloat16")[0] == 0
    text = (out / "README.md").read_text()
    assert "before the weights were rounded to bfloat16 (which changed" in text
    assert "bit for bit" not in text
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"


def test_an_export_goes_to_the_hub_when_confirmed(
    call: Call, judged_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer() as hub:
        hub.redirect(monkeypatch, tmp_path / "home")
        monkeypatch.setenv("HF_TOKEN", "hf_anybody")
        words = ["export", judged_run, tmp_path / "out", "--trial", 0, "--push", "org/soup"]
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: "yes")
        code, said, _ = call(*words)
        assert code == 0 and "not uploaded" in said and not hub.repos
        assert (tmp_path / "out" / "README.md").is_file()
        shutil.rmtree(tmp_path / "out")
        code, said, err = call(*words, "--yes")
        assert code == 0 and f"uploaded to {hub.url}/org/soup" in said, err
        here = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
        assert hub.get("org/soup").files == here
        assert "# soup" in here["README.md"].decode()
        shutil.rmtree(tmp_path / "out")
        code, _, err = call(*words, "--yes")
        assert code == 2 and "exists and is not empty" in err and "Traceback" not in err
        assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}.keys() == (
            here.keys()
        )
