"""`suite export` and `suite merge` as a user runs them, on a real, short, judged run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from suite import mergekit, pareto, places
from suite.__main__ import main
from suite.commands import assemble, export
from suite.evaluators import handle
from suite.export import pick
from suite.journal import Journal
from suite.recipe import Recipe
from tests.hub_server import HubServer

Said = tuple[int, str, str]
Call = Callable[..., Said]
TRIALS = 6


@pytest.fixture(scope="module")
def run(few_items: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the micro task with two objectives, judged."""
    results = tmp_path_factory.mktemp("results")
    words = [f"results={results}", *few_items]
    assert main(["run", *words, "optimizer=random", f"trials={TRIALS}"]) == 0
    assert main(["judge", *words]) == 0
    return places.run_folder(results, "ja_math_micro", "random", 0)


@pytest.fixture
def searched(run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def words(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def measured(out: Path, run: Path, split: str) -> dict[str, Any]:
    """Scores of the checkpoint in `out`, loaded as any model, as a journal line has them."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    live = handle.load(out, "cpu", config["batch_size"])
    evaluators = [
        assemble.evaluator(entry, config) for entry in config["task"]["evaluators"].values()
    ]
    return {
        f"{evaluator.name}.{figure}": score.to_json()
        for evaluator in evaluators
        for figure, score in evaluator.evaluate(live, split).items()
    }


def journaled(run: Path, number: int) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads((run / "trials.jsonl").read_text().splitlines()[number])[
        "scores"
    ]
    return scores


def judged(run: Path, split: str) -> dict[int, dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "judged.jsonl").read_text().splitlines()]
    return {line["number"]: line for line in lines if line["split"] == split}


@pytest.mark.parametrize("options", [(), ("--max-shard-size", "900KB")])
def test_reloading_gives_the_journaled_scores_bit_for_bit(
    call: Call, run: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    code, said, err = call("export", run, "--trial", 2, out, *options)
    assert code == 0, err
    assert (len(list(out.glob("*.safetensors"))) > 1) == bool(options)
    assert measured(out, run, "search") == journaled(run, 2)
    assert "trial 2, chosen by its number" in said
    recipe = Recipe.from_json(json.loads((out / "recipe.json").read_text()))
    assert recipe == Recipe.from_json(Journal(run / "trials.jsonl").read()[2].recipe)
    assert mergekit.read(out / "mergekit_config.yml").base == "zoo:ja_math_micro/base"


def test_every_judged_split_comes_out_of_the_export_and_stands_on_its_card(
    call: Call, run: Path, tmp_path: Path
) -> None:
    number = min(judged(run, "report"))
    out = tmp_path / "out"
    assert call("export", run, out, "--trial", number)[0] == 0
    text = (out / "README.md").read_text()
    assert "| score | search | select | report |" in text and f"suite export {run} {out}" in text
    for split in ("select", "report"):
        scores = judged(run, split)[number]["scores"]
        assert measured(out, run, split) == scores
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
        shutil.copytree(places.resolve(f"zoo:ja_math_micro/{name}"), folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["model.embed_tokens.weight"] = tensors.pop("lm_head.weight")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
        models.append(f"task.models.{name}={folder}")
    words = [f"results={tmp_path}", *few_items, *models, "optimizer=random", "trials=2"]
    code, _, err = call("run", *words)
    assert code == 0, err
    run = places.run_folder(tmp_path, "ja_math_micro", "random", 0)
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


def same_weights(one: Path, other: Path) -> bool:
    a, b = (handle.load(folder, "cpu").model.state_dict() for folder in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_knee_is_of_the_front_on_the_search_items(
    call: Call, run: Path, tmp_path: Path
) -> None:
    trials = Journal(run / "trials.jsonl").read()
    losses = np.array([trial.losses for trial in trials])
    code, said, err = call("export", run, tmp_path / "out", "--pick", "knee")
    assert code == 0, err
    number = pick.knee(losses)[0]
    assert number in pareto.front(losses) and f"trial {number}, " in said
    assert "on the search items" in said
    assert measured(tmp_path / "out", run, "search") == journaled(run, number)


@pytest.mark.parametrize("name", ["ja_math", "ja_general"])
def test_the_best_is_by_the_select_items_once_judged(
    call: Call, searched: Path, tmp_path: Path, name: str
) -> None:
    index = ["ja_math", "ja_general"].index(name)
    select = judged(searched, "select")
    number = min(sorted(select), key=lambda number: select[number]["losses"][index])
    code, said, err = call("export", searched, tmp_path / "a", "--pick", f"best:{name}")
    assert code == 0, err
    assert f"trial {number}, the best {name} of {len(select)} trials judged on the select" in said
    (searched / "judged.jsonl").unlink()
    losses = [trial.losses[index] for trial in Journal(searched / "trials.jsonl").read()]
    code, said, _ = call("export", searched, tmp_path / "b", "--pick", f"best:{name}")
    assert (
        code == 0 and f"trial {int(np.argmin(losses))}, the best {name} of 6 trials on the" in said
    )
    assert "not judged" in said and "| score | search |\n" in (tmp_path / "b/README.md").read_text()


def test_judgements_of_another_run_do_not_count(searched: Path) -> None:
    trials = Journal(searched / "trials.jsonl").read()
    assert export.read_judged(searched, trials).keys() == judged(searched, "select").keys()
    assert export.read_judged(searched, trials[1:]) == {}


def test_rounding_is_on_the_card(call: Call, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("export", run, out, "--trial", 1, "--dtype", "bfloat16")[0] == 0
    text = (out / "README.md").read_text()
    assert "before the weights were rounded to bfloat16 (which changed" in text
    assert "bit for bit" not in text
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"


def refused(said: Said, tmp_path: Path) -> str:
    code, _, err = said
    assert code == 2 and "Traceback" not in err
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))
    lines = err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("suite: ")
    return lines[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trial", "99"], "no trial 99; the journal holds 0 to 5"),
        (["--trial", "-1"], "no trial -1"),
        (["--trial", "two"], "invalid int value: 'two'"),
        (["--pick", "best:maths"], "no objective 'maths'; there are ja_math, ja_general"),
        (["--pick", "worst"], "allowed are knee and best:{ja_math,ja_general}"),
        (["--pick", "knee", "--trial", "1"], "not allowed with argument"),
        ([], "one of the arguments --trial --pick is required"),
        (["--trial", "1", "--dtype", "int4"], "invalid choice: 'int4'"),
        (["--trial", "1", "--max-shard-size", "big"], "--max-shard-size big: allowed is"),
        (["--trial", "1", "--push", "soup", "--yes"], "name a repository as org/name"),
        (["--trial", "1", "--push", "org/soup"], "without a terminal to confirm on, say --yes"),
        (["--trial", "1", "--private"], "--private and --yes go with --push"),
        (["--trial", "1", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(
    call: Call, run: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    assert said in refused(call("export", run, tmp_path / "out", *options), tmp_path)


def test_a_failed_trial_is_refused_with_its_reason(
    call: Call, searched: Path, tmp_path: Path
) -> None:
    journal = searched / "trials.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[3] |= {"status": "failed", "error": "MergeFailure: NaN", "scores": {}, "losses": []}
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = refused(call("export", searched, tmp_path / "out", "--trial", 3), tmp_path)
    assert "trial 3 failed (MergeFailure: NaN)" in said
    assert call("export", searched, tmp_path / "out", "--pick", "knee")[0] == 0


def test_a_folder_that_is_no_run_is_refused(call: Call, searched: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "no config.yaml" in refused(call("export", tmp_path, out, "--trial", 0), tmp_path)
    (searched / "config.yaml").write_text("a: 1")
    assert "not the configuration of a run" in refused(
        call("export", searched, out, "--trial", 0), tmp_path
    )
    (searched / "config.yaml").write_text("a: [")
    assert "cannot be read" in refused(call("export", searched, out, "--trial", 0), tmp_path)


def test_a_folder_that_exists_is_refused_and_kept(call: Call, run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("kept")
    code, _, err = call("export", run, tmp_path / "mine", "--trial", 0)
    assert code == 2 and "exists; name a new folder" in err
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["file"]


def test_parents_that_are_missing_or_others_are_refused(
    call: Call, searched: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "japanese"
    shutil.copytree(places.resolve("zoo:ja_math_micro/japanese"), folder)
    path = searched / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["task"]["models"]["japanese"] = str(folder)
    path.write_text(yaml.safe_dump(config))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    words = ["export", searched, tmp_path / "out", "--trial", 0]
    assert "is not the file that" in refused(call(*words), tmp_path)
    shutil.rmtree(folder)
    assert str(folder) in refused(call(*words), tmp_path)


def test_an_export_goes_to_the_hub_when_confirmed(
    call: Call, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer() as hub:
        hub.redirect(monkeypatch, tmp_path / "home")
        monkeypatch.setenv("HF_TOKEN", "hf_anybody")
        words = ["export", run, tmp_path / "out", "--trial", 0, "--push", "org/soup"]
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


def yaml_recipe(tmp_path: Path, **changes: Any) -> Path:
    folders = {n: str(places.resolve(f"zoo:ja_math_micro/{n}")) for n in ("base", "japanese")}
    recipe = {
        "merge_method": "task_arithmetic",
        "base_model": folders["base"],
        "models": [{"model": folders["japanese"], "parameters": {"weight": 0.5}}],
        **changes,
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def test_merge_writes_what_the_recipe_says_with_a_card_without_scores(
    call: Call, tmp_path: Path
) -> None:
    out, recipe = tmp_path / "merged", yaml_recipe(tmp_path)
    code, said, err = call("merge", recipe, out, "--max-shard-size", "2MB")
    assert code == 0 and "task_arithmetic of" in said, err
    base, japanese, merged = (
        handle.load(folder, "cpu").model.state_dict()
        for folder in (
            places.resolve("zoo:ja_math_micro/base"),
            places.resolve("zoo:ja_math_micro/japanese"),
            out,
        )
    )
    for name, value in base.items():
        assert (merged[name] - (value + 0.5 * (japanese[name] - value))).abs().max() < 1e-6
    assert mergekit.read(out / "mergekit_config.yml") == mergekit.read(recipe)
    text = (out / "README.md").read_text()
    assert "## Scores" not in text and f"suite merge {recipe} {out}" in text


def test_slices_are_merged_by_the_models_own_layers(call: Call, tmp_path: Path) -> None:
    whole = yaml_recipe(tmp_path)
    assert call("merge", whole, tmp_path / "whole")[0] == 0
    plain = yaml.safe_load(whole.read_text())
    sources = [{**model, "layer_range": [0, 6]} for model in plain.pop("models")]
    sources.append({"model": plain["base_model"], "layer_range": [0, 6]})
    whole.write_text(yaml.safe_dump({**plain, "slices": [{"sources": sources}]}))
    code, _, err = call("merge", whole, tmp_path / "sliced")
    assert code == 0, err
    assert same_weights(tmp_path / "whole", tmp_path / "sliced")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_model": "/no/such/folder"}, "/no/such/folder"),
        ({"merge_method": "nonsense"}, "merge_method 'nonsense' is not supported"),
        ({"models": [{"model": "zoo:nobody", "parameters": {"weight": 1.0}}]}, "no such shipped"),
    ],
)
def test_merge_refuses_in_one_line(
    call: Call, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert said in refused(
        call("merge", yaml_recipe(tmp_path, **changes), tmp_path / "out"), tmp_path
    )


def test_a_merge_that_is_not_finite_is_refused(call: Call, tmp_path: Path) -> None:
    models = [{"model": "zoo:ja_math_micro/japanese", "parameters": {"weight": 1e39}}]
    said = refused(call("merge", yaml_recipe(tmp_path, models=models), tmp_path / "out"), tmp_path)
    assert "NaN or infinity" in said
