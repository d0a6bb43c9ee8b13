"""What a task searches: merges, layer paths or both; and merges picked from another run's front."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite import places
from suite.commands import card, compose, run, spaces
from suite.errors import BadInput
from suite.hybrid_space import HybridSpace
from suite.journal import Journal
from suite.layer_path import LayerPath, read_json
from suite.merge_space import MergeSpace
from suite.path_space import PathSpace
from suite.recipe import Recipe

Suite = Callable[..., tuple[int, str, str]]
COMMITTED = Path(__file__).parents[2] / "results"
LAYERS = 6


def config(task: str, *words: str) -> dict[str, Any]:
    return compose.compose([f"task={task}", "optimizer=random", *words])


def changed(given: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A copy of `given` whose task has other `keys` in its path."""
    made = copy.deepcopy(given)
    made["task"]["path"].update(keys)
    return made


def weights(weight: float) -> Recipe:
    parameters = {"normalize": False, "lambda": 1.0}
    inputs = [{"model": "japanese", "parameters": {"weight": weight}}]
    made = {"method": "task_arithmetic", "inputs": inputs, "base": "base"}
    return Recipe.from_json({**made, "parameters": parameters, "dtype": "float32"})


# --- which space a task has -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "kind", "variables"),
    [
        ("ja_math_micro", MergeSpace, 24),  # 3 sources: a weight for 6 layers, embeddings, head
        ("ja_math_micro_dfs", PathSpace, 6 + 17),  # choices; scales of 18 steps but one
        ("ja_math_micro_dfs_depth", PathSpace, 6 + 17),
        ("ja_math_micro_hybrid", HybridSpace, 24 + 6 + 11),
    ],
)
def test_merge_and_path_say_what_is_searched(task: str, kind: type, variables: int) -> None:
    spec = config(task)["task"]
    built = spaces.build(spec, LAYERS)
    assert type(built) is kind
    assert len(built.space.parameters) == variables


def test_every_shipped_path_builds_with_the_variables_it_claims() -> None:
    for name, variables in (
        ("compact", 17),
        ("compact_unscaled", 6),
        ("slots", 73),
        ("slots_low_rank", 60),
    ):
        spec = config(
            "ja_math_micro_dfs", f"path@task.path={name}", "task.path.parts=[japanese,math_add]"
        )["task"]
        assert len(spaces.build(spec, LAYERS).space.parameters) == variables, name


def test_neither_merge_nor_path_is_refused() -> None:
    spec = {**config("ja_math_micro_dfs")["task"], "path": None}
    with pytest.raises(BadInput, match="ja_math_micro_dfs: neither merge nor path"):
        spaces.build(spec, LAYERS)


def test_the_first_part_of_a_hybrid_is_the_searched_merge() -> None:
    built = spaces.build(config("ja_math_micro_hybrid")["task"], LAYERS)
    assert built.part == "merge"
    tuned = weights(0.4)
    assert built.space.decode(built.encode(tuned)) == pytest.approx(built.settings(tuned))
    path = built.recipe(built.settings(tuned))
    assert path.frame == "merge"
    assert path.merges["merge"].models == ("base", "japanese", "math_add", "math_mul")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"depth": 3}, "unknown key 'depth'; there are fixed_ends, kind, max_hops, parts"),
        ({"parts": None}, "parts must name the parts"),
        ({"parts": []}, "parts must name the parts"),
        ({"parts": "japanese"}, "parts must name the parts"),
        ({"parts": ["japanese", "nobody"]}, "part 'nobody' is no model of the task (base, "),
        ({"parts": ["japanese", 3]}, "part 3 is no model"),
        ({"parts": {"merge": None, "japanese": None}}, "a merge needs {run: folder, pick"),
        ({"parts": ["japanese", "japanese"]}, "compact wants two parts or more"),
        ({"parts": {"merge": {"recipe": {"x": 1}}, "japanese": None}}, "not a recipe"),
        ({"kind": "spiral"}, "kind 'spiral' is unknown; there are slots, compact"),
        ({"scales": "matrix"}, "compact has no scales 'matrix'; allowed: none, hop"),
        ({"scale": {"low": 1.1, "high": 1.5}}, "1 must lie between low and high"),
        ({"scale": {"low": 0.5}}, "numbers low and high"),
    ],
)
def test_paths_that_cannot_be_are_refused_in_one_line(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        spaces.build(changed(config("ja_math_micro_dfs"), **keys)["task"], LAYERS)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_hybrid_needs_a_merge_and_a_merge_known_sources() -> None:
    spec = config("ja_math_micro_hybrid")["task"]
    with pytest.raises(BadInput, match="part 'merge' is no model of the task"):
        spaces.build({**spec, "merge": None}, LAYERS)
    with pytest.raises(BadInput, match=r"sources \['nobody'\] are not models of the task"):
        spaces.build({**spec, "merge": {**spec["merge"], "sources": ["nobody"]}}, LAYERS)


# --- parts picked from another run ----------------------------------------------------------------


@pytest.fixture
def first_stage(tmp_path: Path) -> Path:
    """A run of four merges, one of them failed: trial 1 is the best in ja_math, trial 2 the knee."""
    folder = tmp_path / "merges" / "random" / "seed=3"
    write_run(folder, [(0.9, 0.1), (0.1, 0.9), (0.2, 0.2), None])
    return folder


def write_run(folder: Path, losses: list[tuple[float, float] | None], path: bool = False) -> None:
    from suite.trial import Score, Trial

    folder.mkdir(parents=True)
    objectives = [{"name": "ja_math"}, {"name": "ja_general"}]
    made = {"task": {"objectives": objectives}, "optimizer": "random", "seed": 3, "device": "cpu"}
    (folder / "config.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    journal = Journal(folder / "trials.jsonl")
    for number, pair in enumerate(losses):
        recipe: Recipe | LayerPath = weights(number / 10)
        if path:
            recipe = LayerPath.from_json(
                {"frame": "japanese", "hops": [["japanese", 0, 1.0]], "merges": {}}
            )
        scores = {} if pair is None else {"a.b": Score(0.5, 0.1, 8)}
        status, error = ("failed", "NaN") if pair is None else ("ok", None)
        trial = Trial(number, (0.5,), recipe.to_json(), status, error, scores, pair or (), {})  # type: ignore[arg-type]
        journal.append(trial)


def picking(part: dict[str, Any], *words: str) -> dict[str, Any]:
    """The settled configuration of a two-stage task whose merge is `part`."""
    given = config("ja_math_micro_two_stage", *words)
    return spaces.settled(changed(given, parts={"merge": part, "japanese": None}))


@pytest.mark.parametrize(
    ("pick", "number"),
    [("knee", 2), (None, 2), ("best:ja_math", 1), ("best:ja_general", 0), (0, 0), (1, 1)],
)
def test_a_part_becomes_the_recipe_of_the_picked_trial(
    first_stage: Path, pick: str | int | None, number: int
) -> None:
    wanted = {} if pick is None else {"pick": pick}
    settled = picking({"run": str(first_stage), **wanted})
    parts = settled["task"]["path"]["parts"]
    assert parts == {"merge": {"recipe": weights(number / 10).to_json()}, "japanese": None}
    built = spaces.build(settled["task"], LAYERS)
    assert built.merges == {"merge": weights(number / 10)}
    assert yaml.safe_load(yaml.safe_dump(settled)) == settled  # it stands in config.yaml


def test_optimizer_and_seed_stand_for_the_runs_own(first_stage: Path) -> None:
    folder = str(first_stage.parents[1]) + "/{optimizer}/seed={seed}"
    found = picking({"run": folder, "pick": 0}, "seed=3")
    assert found["task"]["path"]["parts"]["merge"] == {"recipe": weights(0.0).to_json()}
    with pytest.raises(BadInput, match=r"random/seed=4: not a run's folder"):
        picking({"run": folder, "pick": 0}, "seed=4")


@pytest.mark.parametrize(
    ("pick", "said"),
    [
        (9, "no trial 9; the journal holds 0 to 3"),
        (3, "trial 3 failed (NaN); pick another"),
        ("best:nothing", "no objective 'nothing'; there are ja_math, ja_general"),
        ("worst", "allowed are knee and best:{ja_math,ja_general}"),
    ],
)
def test_a_pick_that_cannot_be_is_refused(first_stage: Path, pick: str | int, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        picking({"run": str(first_stage), "pick": pick})
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_without_a_run_is_refused(first_stage: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a run's folder"):
        picking({"run": str(tmp_path / "nowhere")})
    (first_stage / "config.yaml").unlink()
    with pytest.raises(BadInput, match="not a run's folder"):
        picking({"run": str(first_stage)})
    (first_stage / "config.yaml").write_text("[1, 2]")
    with pytest.raises(BadInput, match="not the configuration of a run"):
        picking({"run": str(first_stage)})


def test_a_path_is_no_part_of_a_path(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [(0.5, 0.5)], path=True)
    with pytest.raises(BadInput, match=r"part 'merge'.*its trials are layer paths, not merges"):
        picking({"run": str(tmp_path / "run"), "pick": 0})


# --- what stays as it was -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task", ["ja_math_micro", "ja_math_micro_3obj", "ja_math_micro_dfs", "ja_math_micro_hybrid"]
)
def test_other_configurations_are_left_as_they_are(task: str) -> None:
    given = config(task)
    before = copy.deepcopy(given)
    assert spaces.settled(given) == before == given


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="no committed results")
@pytest.mark.parametrize("optimizer", ["random", "cma_es", "nsga2", "tpe"])
def test_committed_runs_are_still_the_runs_of_today(optimizer: str) -> None:
    folder = places.run_folder(COMMITTED, "ja_math_micro", optimizer, 0)
    before = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    given = spaces.settled(compose.compose([f"optimizer={optimizer}"]))
    objectives = list(given["task"]["objectives"].values())
    now = {**given, "task": {**given["task"], "objectives": objectives}}
    assert run.differences(before, {**now, "inputs": card.inputs(given)}) == []
    recipes = [read_json(trial.recipe) for trial in Journal(folder / "trials.jsonl").read()[:5]]
    assert all(isinstance(recipe, Recipe) for recipe in recipes)


# --- suite run ------------------------------------------------------------------------------------


def lines(folder: Path) -> list[dict[str, Any]]:
    """The journal's lines without their times."""
    text = (folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), "seconds": None} for line in text]


@pytest.fixture
def merges(suite: Suite, tmp_path: Path) -> str:
    """A first stage of three real merges; gives the override that reads it."""
    code, _, err = suite("run", "optimizer=random", "trials=3")
    assert code == 0, err
    return f"task.path.parts.merge.run='{tmp_path}/ja_math_micro/{{optimizer}}/seed={{seed}}'"


def tears(suite: Suite, folder: Path, *words: str) -> list[dict[str, Any]]:
    """Run three trials; tear the last line as a crash does, and run again: the same journal."""
    code, _, err = suite("run", "trials=3", *words)
    assert code == 0, err
    whole = lines(folder)
    assert [line["status"] for line in whole] == ["ok"] * 3, whole
    journal = folder / "trials.jsonl"
    torn = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(torn[:1]) + torn[1][:90], encoding="utf-8")
    code, _, err = suite("run", "trials=3", *words)
    assert code == 0, err
    assert lines(folder) == whole
    return whole


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["task=ja_math_micro_dfs", "optimizer=tpe"], {"japanese", "math_add", "math_mul"}),
        (
            ["task=ja_math_micro_dfs", "path@task.path=slots", "task.path.repeats=1",
             "task.path.parts=[japanese,math_add]", "task.path.max_hops=9", "optimizer=cma_es"],
            {"japanese", "math_add"},
        ),
        (["task=ja_math_micro_dfs_depth", "optimizer=nsga2"], {"japanese", "math_add", "math_mul"}),
        (["task=ja_math_micro_hybrid", "optimizer=nsga2"], {"merge", "japanese"}),
    ],
)  # fmt: skip
def test_paths_are_searched_and_a_torn_run_goes_on(
    suite: Suite, tmp_path: Path, words: list[str], parts: set[str]
) -> None:
    task, optimizer = words[0].removeprefix("task="), words[-1].removeprefix("optimizer=")
    folder = places.run_folder(tmp_path, task, optimizer, 0)
    for line in tears(suite, folder, *words):
        path = LayerPath.from_json(line["recipe"])
        assert set(path.parts) <= parts
        assert len(path.hops) <= 18
        assert path.hops[0].scale == 1
        assert line["scores"]["cost.hops"]["value"] == len(path.hops)
        assert len(line["losses"]) == (3 if "depth" in task else 2)


def test_two_stages_run_one_after_the_other(suite: Suite, tmp_path: Path, merges: str) -> None:
    words = ["task=ja_math_micro_two_stage", "optimizer=random", merges]
    folder = places.run_folder(tmp_path, "ja_math_micro_two_stage", "random", 0)
    found = tears(suite, folder, *words, "start=[merge]")
    layers = [("merge", layer, 1.0) for layer in range(6)]
    assert [tuple(hop) for hop in found[0]["recipe"]["hops"]] == layers  # the picked merge itself
    first = Journal(tmp_path / "ja_math_micro" / "random" / "seed=0" / "trials.jsonl").read()
    best = min(first, key=lambda trial: trial.losses[0])
    for line in found[1:]:
        path = LayerPath.from_json(line["recipe"])
        assert set(path.parts) == {"merge", "japanese"}
        assert path.merges["merge"].to_json() == best.recipe
    stored = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert stored["task"]["path"]["parts"]["merge"] == {"recipe": best.recipe}


def test_a_second_stage_does_not_go_on_over_another_merge(
    suite: Suite, tmp_path: Path, merges: str
) -> None:
    words = ["task=ja_math_micro_two_stage", "optimizer=random", merges]
    assert suite("run", "trials=1", *words)[0] == 0
    folder = places.run_folder(tmp_path, "ja_math_micro_two_stage", "random", 0)
    before = (folder / "trials.jsonl").read_bytes()
    first = places.run_folder(tmp_path, "ja_math_micro", "random", 0)
    text = (first / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    trials = [json.loads(line) for line in text]
    best = min(trials, key=lambda trial: trial["losses"][0])
    best["losses"][0] = 5.0  # another is the best now
    (first / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in trials))
    code, _, err = suite("run", "trials=2", *words)
    (said,) = (line for line in err.splitlines() if line.startswith("suite:"))
    assert code == 2 and "holds another configuration" in said and "Traceback" not in err
    assert "task.path.parts.merge.recipe.inputs" in said
    assert (folder / "trials.jsonl").read_bytes() == before
    shutil.rmtree(first)
    code, _, err = suite("run", "trials=2", *words)
    assert code == 2 and "not a run's folder" in err
    assert (folder / "trials.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task=ja_math_micro_dfs", "task.path=null"], "neither merge nor path"),
        (["task=ja_math_micro_hybrid", "task.merge=null"], "part 'merge' is no model of the task"),
        (["task=ja_math_micro_dfs", "task.path.parts=[japanese]"], "compact wants two parts"),
        (["task=ja_math_micro_dfs", "+task.path.depth=3"], "unknown key 'depth'"),
        (
            ["task=ja_math_micro_two_stage", "task.path.parts.merge.run=/no/such/run"],
            "/no/such/run: not a run's folder",
        ),
        (
            ["task=ja_math_micro_dfs", "task.path.scale.low=0", "start=[upscaled_japanese]"],
            "the search space has no room for hop",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    suite: Suite, tmp_path: Path, words: list[str], said: str
) -> None:
    code, _, err = suite("run", "optimizer=random", "trials=1", *words)
    shown = [line for line in err.splitlines() if line.startswith("suite:")]
    assert code == 2 and len(shown) == 1 and said in shown[0], err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("trials.jsonl"))
