"""The published maths tasks from download to judgement, over the real layout in miniature.

The models come from a Hub on loopback under the names and commits of the task files themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cmaes
import numpy as np
import optuna
import pytest
import yaml

from suite import places
from suite.__main__ import main
from suite.commands import assemble
from suite.commands.compose import compose
from suite.layer_path import whole
from tests.commands import small_math
from tests.hub_server import HubServer

Call = Callable[..., tuple[int, str, str]]
MISTRALS = ("ja_math_7b", "ja_math_10b", "ja_math_10b_dfs")
SPACES = {  # variables: 2 a source; 192 slots, a scale for each and for the last layer
    "ja_math_7b": 6,
    "ja_math_10b": 385,
    "ja_math_10b_dfs": 385,
    "ja_math_7b_hybrid": 6 + 385,
}
# What is smaller than in the real task, and nothing else: rows, and tokens of a reply.
FEW = [
    f"{'+' * (key == 'data.report.rows')}task.evaluators.mgsm_ja.{key}={value}"
    for key, value in {
        "data.search.rows": "'0:4'",
        "data.select.rows": "'869:873'",
        "data.report.rows": "'0:4'",
        "data.report.sha256": "null",
        "max_new_tokens": 6,
    }.items()
]


@pytest.fixture(scope="module")
def hub(
    small: small_math.Small, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """A Hub that has what the tasks name, at the commits that they name; this process talks to it."""
    named = {name: model for task in MISTRALS for name, model in _models(task).items()}
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        server.redirect(patch, home)
        patch.setenv("MERGE_SUITE_CACHE", str(home))
        for name, model in named.items():
            repo, _, revision = model.partition("@")
            files = {path.name: path.read_bytes() for path in small.models[name].iterdir()}
            server.add(repo, _pickled(files) if name in ("wizard", "abel") else files)
            _at(server, repo, revision, files)
        yield SimpleNamespace(server=server, named=named)


def _models(task: str) -> dict[str, str]:
    """The models that a task's file names."""
    file = places.data("conf") / "task" / f"{task}.yaml"
    return dict(yaml.safe_load(file.read_text(encoding="utf-8"))["models"])


def _pickled(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same checkpoint as its authors left it on main."""
    kept = {name: content for name, content in files.items() if "safetensors" not in name}
    return {**kept, "pytorch_model-00001-of-00002.bin": b"a pickle"}


def _at(server: HubServer, repo: str, revision: str, files: dict[str, bytes]) -> None:
    """`files` as a commit of that hash, or as what that reference points to."""
    known = server.get(repo)
    sha = revision if "/" not in revision else "ab" * 20
    known.commits[sha] = files
    known.refs[revision] = sha


@pytest.fixture
def call(
    hub: SimpleNamespace,
    small: small_math.Small,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    def words(command: str, *more: object) -> tuple[int, str, str]:
        capsys.readouterr()
        given = [f"task.data={small.data}", "device=cpu", f"results={tmp_path / 'results'}", *FEW]
        code = main([command, *(() if command == "export" else given), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def trials(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]


def configured(small: small_math.Small, *words: str) -> dict[str, Any]:
    return compose([f"task.data={small.data}", "device=cpu", *FEW, *words])


def test_the_published_merge_from_check_to_judge(call: Call, hub: Any, tmp_path: Path) -> None:
    code, out, err = call("check", "task=ja_math_7b")
    assert code == 0, err
    assert "ja_math_7b: 6 parameters, dare_ties" in out
    lines = {line.split()[1].strip(":"): line for line in out.splitlines() if " model " in line}
    assert "F32, vocabulary 32032" in lines["abel"] and "cut to the base's rows" in lines["abel"]
    assert f"{small_math.MODELS['abel']}@{'ab' * 20}" in lines["abel"]  # the reference, pinned
    assert "BF16, vocabulary 32000" in lines["wizard"] and "cut" not in lines["wizard"]
    assert hub.named["wizard"].partition("@")[2] in lines["wizard"]
    assert not hub.server.fetched(".bin") and hub.server.fetched("-of-00003.safetensors")
    code, out, err = call("run", "experiment=sakana2024_ps", "trials=4")
    assert code == 0, err
    run = tmp_path / "results/ja_math_7b/cma_es_margin/seed=0"
    found = trials(run)
    assert [trial["status"] for trial in found] == ["ok"] * 4
    recipe = found[0]["recipe"]
    assert recipe["method"] == "dare_ties" and recipe["base"] == "base"
    assert recipe["parameters"]["rescale"] == "inverse_density"
    assert recipe["parameters"]["normalize"] is False
    assert [each["model"] for each in recipe["inputs"]] == ["japanese", "wizard", "abel"]
    first = cmaes.CMA(
        mean=np.full(6, 0.5),
        sigma=1 / 6,
        bounds=np.array([[0.0, 1.0]] * 6),
        seed=np.random.RandomState(0).randint(2**31),
    )
    assert np.array_equal([trial["x"] for trial in found], [first.ask() for _ in range(4)])
    code, _, err = call("judge", "task=ja_math_7b")
    assert code == 0, err
    judged = [json.loads(line) for line in (run.parents[1] / "baselines/judged.jsonl").open()]
    assert {"dare_ties_0.5", "ties_0.5", "wizard"} <= {line["name"] for line in judged}


def test_layers_of_two_sources(call: Call, tmp_path: Path) -> None:
    code, _, err = call("run", "experiment=sakana2024_dfs", "trials=2")
    assert code == 0, err
    for trial in trials(tmp_path / "results/ja_math_10b_dfs/cma_es_margin/seed=0"):
        assert trial["status"] == "ok" and trial["recipe"]["frame"] == "abel"
        hops = trial["recipe"]["hops"]
        assert {part for part, _, _ in hops} == {"abel", "japanese"}
        assert hops[0][:2] == ["abel", 0] and hops[-1][:2] == ["abel", 31]
        # 30 slots are on with probability .977, 162 with .5, and two layers always run.
        assert abs(len(hops) - (2 + 30 * 0.977 + 162 * 0.5)) < 5 * (162 * 0.25 + 0.7) ** 0.5


def test_the_hybrid_begins_with_a_merge_of_ones_own(
    call: Call, small: small_math.Small, tmp_path: Path
) -> None:
    """Stage one, its export, and stage two over that."""
    few = ("task.baselines=null", "trials=2")
    code, _, err = call("run", "experiment=sakana2024_ps", *few)
    assert code == 0, err
    run = tmp_path / "results/ja_math_7b/cma_es_margin/seed=0"
    code, _, err = call("export", run, tmp_path / "evolved", "--pick", "best:mgsm_ja")
    assert code == 0, err
    words = ("experiment=sakana2024_hybrid", f"task.models.evolved={tmp_path / 'evolved'}")
    code, _, err = call("run", *words, "trials=1")
    assert code == 0, err
    (trial,) = trials(tmp_path / "results/ja_math_10b/cma_es_margin/seed=0")
    assert trial["status"] == "ok" and trial["recipe"]["frame"] == "evolved"
    pick = f"task.path.parts.merge.run='{run}'"
    code, _, err = call("run", "task=ja_math_10b_two_stage", "optimizer=random", pick, *few)
    assert code == 0, err
    found = trials(tmp_path / "results/ja_math_10b_two_stage/random/seed=0")
    best = {json.dumps(each["recipe"]) for each in trials(run)}
    assert {json.dumps(each["recipe"]["merges"]["merge"]) for each in found} <= best


def test_searches_begin_as_published(hub: Any, small: small_math.Small) -> None:
    """The merge: nine from the middle, as Optuna does it; paths: 128 from model A alone."""
    config = configured(small, "experiment=sakana2024_ps")
    task = assemble.task(config)
    assert assemble.starts(config, task) is None
    assert assemble.optimizer(config, task).ask().shape == (9, 6)
    assert config["trials"] == 1000
    for name, frame in (("sakana2024_dfs", "abel"), ("sakana2024_hybrid", "evolved")):
        config = configured(small, f"experiment={name}")
        task = assemble.task(config)
        (start,) = assemble.starts(config, task)
        assert np.array_equal(start, task.recipe_space.start())
        assert task.recipe(start) == whole(frame, 32)
        settings = task.space.decode(start)
        on = {key: value for key, value in settings.items() if key.startswith("use.") and value}
        assert set(on) == {f"use.0.{frame}.{layer}" for layer in range(1, 31)}
        # two sigma: a sixth of the range from -1 to 1
        assert list(on.values()) == pytest.approx(
            [2 * 2 * config["optimizer_options"]["sigma0"]] * 30
        )
        assert {value for key, value in settings.items() if key.startswith("scale.")} == {1.0}
        assert assemble.optimizer(config, task).ask().shape == (128, 385)
        assert config["trials"] == 100 * 128


def test_the_settings_are_those_that_optuna_gives_cmaes(
    monkeypatch: pytest.MonkeyPatch, small: small_math.Small
) -> None:
    given: list[dict[str, Any]] = []

    made = cmaes.CMA

    def noted(**options: Any) -> Any:
        strategy = made(**options)
        given.append({**options, "population_size": strategy.population_size})
        return strategy

    monkeypatch.setattr(cmaes, "CMA", noted)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.CmaEsSampler(seed=0))
    study.optimize(lambda trial: sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(6)), 2)
    (theirs,) = given
    ours = compose(["experiment=sakana2024_ps"])["optimizer_options"]
    assert np.array_equal(theirs["mean"], np.full(6, 0.5)) and theirs["cov"] is None
    assert theirs["sigma"] == ours["sigma0"] and theirs["n_max_resampling"] == ours["resampling"]
    assert theirs["population_size"] == 9 and ours["popsize"] is None


@pytest.mark.parametrize("task", SPACES)
def test_spaces_have_the_published_sizes(hub: Any, small: small_math.Small, task: str) -> None:
    found = assemble.task(configured(small, f"task={task}"))
    assert found.space.d == SPACES[task]
    if task == "ja_math_7b":
        assert {(p.kind, p.low, p.high) for p in found.space.parameters} == {("float", 0.0, 1.0)}
    scores = found.measure(found.recipe(np.full(found.space.d, 0.45)), "search").scores
    assert scores[found.objectives[0].metric].n


def test_the_items_are_those_that_were_published(
    hub: Any, small: small_math.Small, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "--fast", "task=ja_math_7b", f"task.data={small.data}", "device=cpu"]
    assert main(words) == 2
    assert "split report: the items of" in capsys.readouterr().err
    assert main([*words, "task.evaluators.mgsm_ja.data.report.sha256=null"]) == 0
    assert "evaluator   mgsm_ja: search 869, select 200, report 250" in capsys.readouterr().out


def test_a_missing_data_set_is_named_with_the_command_that_gets_it(call: Call) -> None:
    code, _, err = call("check", "--fast", "task=ja_math_10b", "task.data=/nowhere")
    assert code == 2 and err.count("\n") == 1
    assert "hf download SakanaAI/gsm8k-ja-test_250-1319 --repo-type dataset" in err


def test_pickles_alone_are_refused(call: Call) -> None:
    """What main of two of the sources holds."""
    for name in ("wizard", "abel"):
        word = f"task.models.{name}={small_math.MODELS[name]}"
        code, _, err = call("check", "--fast", "task=ja_math_7b", word)
        assert code == 2 and "only pickled weights (pytorch_model-00001" in err
        assert err.count("\n") == 1


def test_a_vocabulary_is_not_cut_unasked(call: Call) -> None:
    code, _, err = call("check", "--fast", "task=ja_math_7b", "task.vocabulary=refuse")
    assert code == 2 and "has shape [32000, 16] in 'base' and [32032, 16] in 'abel'" in err


def test_the_cheap_family_runs(call: Call, small: small_math.Small, tmp_path: Path) -> None:
    """Qwen2.5's layout: biases, head and embeddings one tensor, a single file."""
    words = []
    for seed, name in enumerate(_models("ja_math_1b")):
        small_math.qwen(tmp_path / name, seed)
        words.append(f"task.models.{name}={tmp_path / name}")
    code, out, err = call("check", "task=ja_math_1b", *words)
    assert code == 0, err
    assert "ja_math_1b: 4 parameters" in out and "Qwen2ForCausalLM" in out
    code, _, err = call("run", "task=ja_math_1b", "optimizer=random", "trials=1", *words)
    assert code == 0, err
