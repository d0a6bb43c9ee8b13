"""What a run is: parsed once, written back byte for byte, and compared by what matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.assembly import compose, identity, spaces
from suite.assembly.spec import FREE, RunSpec, differences
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput
from suite.records.folder import RunFolder
from suite.records.task_folder import TaskFolder
from tests.commands.composed import objective, stored

COMMITTED = Path(__file__).parents[2] / "results"
TASK: dict[str, Any] = {
    "name": "t",
    "base": "base",
    "models": {"base": "x"},
    "objectives": [objective("y", "e.y")],
}
PROBLEM = {"name": "t", "problem": {"_target_": "x.make"}, "objectives": [objective("y", "p.y")]}
OTHER: dict[str, Any] = {  # another value of every key of a run
    "task": {**TASK, "base": "base", "models": {"base": "y"}},
    "tracker": {"_target_": "suite.trackers.wandb.make"},
    "seed": 1,
    "device": "cuda:3",
    "trials": 11,
    "results": "elsewhere",
    "start": ["soup"],
    "batch_size": 9,
    "engine": "vllm",
    "vllm": {"max_model_len": 100},
    "merging": {"mode": "eager", "streamed": True, "tables": "kept"},
    "allow_targets": ["mine"],
    "hand_tuning": {"published": False},
    "optimizer": "tpe",
    "optimizer_options": {"_target_": "suite.optimizers.tpe.make"},
    "asked": {"base": "lab/model@main"},
    "inputs": {"models": {"base": {"model.safetensors": "00"}}},
}

committed = pytest.mark.skipif(not COMMITTED.is_dir(), reason="no committed results")


def runs() -> list[RunFolder]:
    tasks = sorted(COMMITTED.iterdir()) if COMMITTED.is_dir() else []
    return [run for task in tasks for run in TaskFolder(task).runs()]


def is_reference(run: RunFolder) -> bool:
    return run.path.parts[-3] == "ja_math_micro"


@committed
def test_every_committed_configuration_is_written_back_byte_for_byte() -> None:
    found = runs()
    assert len(found) > 150
    for run in found:
        assert RunSpec.of(run).text().encode() == run.config_path.read_bytes(), run


@committed
@pytest.mark.parametrize(
    "run",
    [each for each in runs() if each.seed == 0 and (each.optimizer == "tpe" or is_reference(each))],
    ids=lambda run: "/".join(run.path.parts[-3:-1]),
)
def test_a_committed_run_is_still_the_run_of_today(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be continued: what its words compose to today is what is on record.

    Of two-stage runs, the picked merges aside: a first stage that is judged further gives others.
    """
    monkeypatch.chdir(COMMITTED.parent)
    words = [f"task={run.path.parts[-3]}", f"optimizer={run.optimizer}", f"seed={run.seed}"]
    now = identity.recorded(spaces.with_picked_parts(identity.pinned(compose.compose(words))))
    before = RunSpec.of(run)
    before, now = (each.with_task(spaces.shared(each.task)) for each in (before, now))
    before.check_same(now, run)


def test_the_other_values_are_of_every_key() -> None:
    composed = compose.compose(["task=zdt1"])
    assert OTHER.keys() == {*composed.written, "asked", "inputs"}


@pytest.mark.parametrize("key", OTHER)
def test_what_a_run_is_and_what_is_free(key: str) -> None:
    """Permission, place, speed and length change nothing; anything else makes another run."""
    run = RunSpec.parse(stored(TASK))
    other = run.changed(**{key: OTHER[key]})
    assert (run.differences(other) == []) == (key in FREE)
    assert (other.differences(run) == []) == (key in FREE)
    if key not in FREE:
        with pytest.raises(BadInput, match=rf"holds another configuration; different here: {key}"):
            run.check_same(other, run.folder)


def test_older_runs_lack_keys_and_are_the_same() -> None:
    """What there was no choice of then has the value that was the only one."""
    run = RunSpec.parse(stored(TASK))
    assert (run.engine, run.vllm, run.merging.mode, run.start) == ("transformers", {}, "auto", ())
    new = {"engine": None, "vllm": None, "start": [], "merging": {"mode": "auto"}}
    assert run.differences(run.changed(**new)) == []


def test_how_a_task_is_tuned_by_hand_is_not_stored() -> None:
    run = compose.compose(["task=zdt1"])
    assert run.hand_tuning and "hand_tuning" not in run.stored()
    assert list(run.stored()) == [key for key in run.written if key != "hand_tuning"]


def test_differences_name_the_key_and_both_values() -> None:
    before = {"a": {"b": [1, 2], "c": None}, "same": 1}
    assert differences(before, {"a": {"b": [1, 3], "c": {}}, "same": 1}) == [
        "a.b: [1, 2] there, [1, 3] now"
    ]
    assert differences({"a": 1}, {"a": {"b": 2}}) == ["a: 1 there, {'b': 2} now"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"seed": -1}, "seed=-1: must be a whole number, 0 or more"),
        ({"seed": True}, "seed=True: must be a whole number"),
        ({"trials": 0}, "trials=0: must be a whole number, 1 or more"),
        ({"batch_size": "many"}, "batch_size=many: must be a whole number, 1 or more"),
        ({"device": None}, "device=None: must be a text"),
        ({"engine": "abacus"}, "engine=abacus: allowed are transformers, vllm"),
        ({"start": "soup"}, "start=soup: must be a list of texts"),
        ({"merging": {"mode": "fast"}}, "merging.mode=fast: allowed are auto, eager, compiled"),
        ({"merging": [1]}, "merging=[1]: must be a mapping"),
        ({"tracker": "wandb"}, "tracker: must be a mapping with _target_; it is 'wandb'"),
        ({"inputs": {"models": {"base": "00"}}}, "inputs.models: must hold sha256 by file"),
        ({"task": [1]}, "task: must map keys to values; it is [1]"),
        ({"task": {}}, "task.name is missing: must be a text"),
    ],
)
def test_a_run_of_the_wrong_shape_is_one_line(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        RunSpec.parse({**stored(TASK), **keys}, "config.yaml: ")
    assert str(caught.value).startswith(f"config.yaml: {said}")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"objectives": []}, "task t: no objectives"),
        ({"objectives": None}, "task t: objectives must be listed; it is None"),
        ({"objectives": ["y"]}, "task t: task.objectives must list name, metric, direction"),
        ({"objectives": [{"name": "y"}]}, "task t: task.objectives must list name, metric"),
        ({"objectives": [{**objective("y", "e.y"), "weight": 1}]}, "task t: task.objectives must"),
        ({"objectives": [{**objective("y", "e.y"), "ideal": "1"}]}, "'y': ideal '1' must be a num"),
        ({"objectives": [objective("y", "e.y")] * 2}, "task t: two objectives are called 'y'"),
        ({"base": "other"}, "task t: base 'other' is not one of base"),
        ({"models": None}, "task t: base 'base' is not one of no models, and there is no problem"),
        ({"models": ["x"]}, "task t: models=['x']: must be a mapping"),
        (
            {"models": {"base": 1}},
            "task t: models={'base': 1}: must be a mapping of names to texts",
        ),
        ({"evaluators": {"e": 1}}, "task t: evaluator 'e': must be a mapping with _target_"),
        ({"evaluators": {"e": {"_target_": "x"}}}, "task t: evaluator 'e': no name"),
        ({"problem": {"_target_": "x"}}, "task t: problem and models; a task has one of the two"),
        ({"tiling": True}, "task t: tiling is a setting of a vlm; it has none"),
        ({"merge": {}}, "merge.method is missing: must be a text"),
        ({"merge": {"method": "ties", "groups": "many"}}, "merge.groups=many: must be a whole"),
        ({"path": {"kind": "slots"}}, "path: parts must name the parts"),
        ({"path": {"kind": "slots", "parts": {"a": {"run": 3}}}}, "path: part 'a' is {'run': 3}"),
    ],
)
def test_a_task_of_the_wrong_shape_is_one_line(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        TaskSpec.parse({**TASK, **keys})
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_objectives_by_name_and_as_a_list_are_one_thing() -> None:
    listed = TaskSpec.parse(PROBLEM)
    named = listed.changed(objectives={"any": PROBLEM["objectives"][0]})  # type: ignore[index]
    assert listed.objectives == named.objectives and listed.stored() == named.stored()


def test_a_spec_does_not_change_with_what_it_was_made_of() -> None:
    given = stored({**PROBLEM})
    run = RunSpec.parse(given)
    given["task"]["name"] = "other"
    given["seed"] = 9
    assert run.stored()["task"]["name"] == "t" and run.stored()["seed"] == 0
