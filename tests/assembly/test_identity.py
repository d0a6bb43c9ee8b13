from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suite import resources
from suite.assembly import assemble, identity
from suite.assembly.compose import compose
from suite.assembly.spec import RunSpec
from suite.records import folder as folders
from suite.records import run_card
from tests.hub_server import HubServer


def test_a_continued_run_keeps_its_first_card(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    run_card.keep(path, {"commit": "a"})
    run_card.keep(path, {"commit": "a"})
    assert json.loads(path.read_text()) == {"commit": "a"}
    run_card.keep(path, {"commit": "b"})
    run_card.keep(path, {"commit": "b"})
    run_card.keep(path, {"commit": "a"})
    assert json.loads(path.read_text()) == {
        "commit": "a",
        "continued": [{"commit": "b"}, {"commit": "a"}],
    }


def test_a_card_names_versions_and_neither_paths_nor_hosts() -> None:
    import platform

    found = identity.environment("auto")
    text = json.dumps(found)
    assert found["packages"]["transformers"] and found["threads"] >= 1
    assert str(Path.cwd()) not in text and platform.node() not in text.split('"')


def run_config(results: Path, **models: str) -> RunSpec:
    run = compose([f"results={results}"])
    return run.with_task(run.task.changed(models={**run.task.models, **models}))


def test_a_task_without_hub_models_is_not_touched(tmp_path: Path) -> None:
    config = run_config(tmp_path, japanese=str(tmp_path))
    assert identity.pinned(config) is config


def test_a_branch_is_pinned_once_per_task_and_results_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer() as server:
        first = server.add("lab/model", {"config.json": b"{}"})
        server.redirect(monkeypatch, tmp_path / "hf")
        config = run_config(tmp_path, japanese="lab/model", math_add=f"lab/model@{first}")
        before = identity.pinned(config)
        assert before.task.models["japanese"] == f"lab/model@{first}"
        assert before.asked == {"japanese": "lab/model@main"}
        folder = folders.run_folder(tmp_path, "ja_math_micro", "nsga2", 0)
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(before.text())
        second = server.get("lab/model").commit({"config.json": b"{ }"})
        for more in ({}, {"seed": 1}, {"optimizer": "tpe"}):
            assert identity.pinned(config.changed(**more)).task == before.task
        elsewhere = identity.pinned(config.changed(results=str(tmp_path / "other")))
        assert elsewhere.task.models["japanese"] == f"lab/model@{second}"
        server.get("lab/model").refs["v2"] = second
        other = identity.pinned(run_config(tmp_path, japanese="lab/model@v2"))
        assert other.task.models["japanese"] == f"lab/model@{second}"


def test_inputs_of_a_hub_model_are_those_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer() as server:
        server.add("lab/model", resources.ZOO / "ja_math_micro" / "japanese")
        server.redirect(monkeypatch, tmp_path / "hf")
        config = identity.pinned(run_config(tmp_path, japanese="lab/model"))
        assert identity.inputs(config) == identity.inputs(compose([]))


def test_inputs_cover_every_model_and_item_set() -> None:
    found = identity.inputs(compose(["task=ja_math_micro_3obj"]))
    assert found["models"].keys() == {"base", "japanese", "math_add", "math_mul"}
    assert found["items"].keys() == {"ja_math", "ja_general", "en_math"}
    assert all(len(files) == 3 for files in found["items"].values())
    assert identity.digest(compose([])) != identity.digest(compose(["task=ja_math_micro_3obj"]))


class Own:
    """An evaluator of one's own, whose options mean what it pleases."""

    figures = ("value",)

    def __init__(self, name: str, **options: Any) -> None:
        self.name, self.options = name, options


class Reading(Own):
    """One that reads a file, and says so."""

    @classmethod
    def files(cls, options: Mapping[str, Any]) -> dict[str, Path]:
        return {"words": Path(options["data"])}


def measured(kind: str, **options: Any) -> RunSpec:
    """The micro task with this evaluator of one's own alone."""
    run = compose([f"allow_targets=[{__name__}]"])
    own = {"_target_": f"{__name__}.{kind}", "name": "own", **options}
    aim = {"name": "y", "metric": "own.value", "direction": "maximize", "ideal": 1, "reference": 0}
    return run.with_task(run.task.changed(evaluators={"own": own}, objectives=[aim]))


@pytest.mark.parametrize(
    "options",
    [
        {"tasks": ["a", "b"], "items": 5, "data": "somewhere"},
        {"tasks": {"a": 1}, "items": ["x"], "data": [1, 2]},
        {"data": {"path": "nowhere", "search": 3}},
    ],
)
def test_options_of_an_evaluator_of_ones_own_are_its_own(options: dict[str, Any]) -> None:
    run = measured("Own", **options)
    run = run.with_task(run.task.changed(datasets={"set": "lab/set"}, data="data"))
    assert identity.inputs(run)["items"] == {}
    (built,) = assemble.evaluators(run)
    assert isinstance(built, Own) and built.options == options


def test_an_evaluator_says_which_files_it_reads(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("語")
    run = measured("Reading", data=str(tmp_path / "words.txt"))
    digest = hashlib.sha256("語".encode()).hexdigest()
    assert identity.inputs(run)["items"] == {"own": {"words": digest}}
    assert identity.recorded(run).differences(identity.recorded(measured("Own"))) != []
