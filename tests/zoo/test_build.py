"""The build command on a recipe of a few steps: complete, resumable, the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from suite.checkpoints.hub import sha256
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.models import handle, vision
from zoo import build as zoo

MATHS = {"document": "maths", "weight": 1, "kinds": "all", "numbers": "easy", "verbs": 1}
RECIPE = {
    "name": "tiny",
    "seed": 0,
    "shape": {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 256,
    },
    "base": [{"steps": 3, "lr": 1e-3, "mixture": [{**MATHS, "language": "en"}]}],
    "experts": {"japanese": {"steps": 2, "lr": 1e-3, "mixture": [{**MATHS, "language": "ja"}]}},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    zoo.build(folder / "tiny.yaml", folder / "out", folder / "work", threads=1, probes=2)
    return folder


def test_every_file_is_in_the_provenance(built: Path) -> None:
    card = json.loads((built / "out" / "provenance.json").read_text())
    assert card["command"] == "python -m zoo tiny --threads 1"
    assert card["packages"]["torch"] and card["skills"].keys() == {"base/0", "japanese"}
    files = {
        path.relative_to(built / "out").as_posix()
        for suffix in ("safetensors", "jsonl")
        for path in (built / "out").rglob(f"*.{suffix}")
    }
    assert card["files"].keys() == files
    for name, digest in card["files"].items():
        assert sha256(built / "out" / name) == digest


def test_what_is_shipped_loads(built: Path) -> None:
    live = handle.load(built / "out" / "japanese", "cpu")
    assert len(live.generate(["健はペンを2本持っています。\n"], 4)) == 1


def test_a_second_build_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    zoo.build(built / "tiny.yaml", tmp_path / "out", tmp_path / "work", threads=1, probes=2)
    for name in ("base", "japanese"):
        weights = f"out/{name}/model.safetensors"
        assert (tmp_path / weights).read_bytes() == (built / weights).read_bytes()


def test_finished_stages_are_not_trained_again(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    train = zoo.Builder._train
    monkeypatch.setattr(
        zoo.Builder, "_train", lambda self, *a: (trained.append(a[1]), train(self, *a))
    )
    zoo.build(built / "tiny.yaml", tmp_path / "same", built / "work", threads=1, probes=2)
    assert trained == []
    changed = {**RECIPE, "experts": {"japanese": {**RECIPE["experts"]["japanese"], "lr": 2e-3}}}  # type: ignore[index]
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(changed))
    zoo.build(tmp_path / "tiny.yaml", tmp_path / "other", built / "work", threads=1, probes=2)
    assert trained == ["japanese"]


SIGHT = {"document": "sight", "weight": 1, "asked": 2}
READING = {"document": "scene_reading", "weight": 1, "context": "en", "answer": "ja"}
SEEING = {
    **RECIPE,
    "world": "scenes",
    "base": [
        {
            "steps": 2,
            "lr": 1e-3,
            "mixture": [READING],
        }
    ],
    "experts": {
        "japanese": {"steps": 2, "lr": 1e-3, "mixture": [{"document": "rephrasing", "weight": 1}]}
    },
    "vlm": {
        "vision": {
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
        },
        "stages": [
            {"teach": "features", "steps": 2, "lr": 1e-3, "batch": 4},
            {"teach": "words", "steps": 2, "lr": 1e-3, "batch": 4},
            {"steps": 2, "lr": 1e-2, "batch": 4, "mixture": [SIGHT, READING]},
        ],
    },
}


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "seeing.yaml").write_text(yaml.safe_dump(SEEING))
    zoo.build(folder / "seeing.yaml", folder / "out", folder / "work", threads=1, probes=2)
    return folder


def test_a_family_with_eyes_is_built_whole_and_the_same_again(seeing: Path, tmp_path: Path) -> None:
    card = json.loads((seeing / "out" / "provenance.json").read_text())
    assert card["skills"].keys() == {"base/0", "japanese", "vlm/0", "vlm/1", "vlm/2"}
    zoo.build(seeing / "seeing.yaml", tmp_path / "out", tmp_path / "work", threads=1, probes=2)
    for name in card["files"]:
        assert (tmp_path / "out" / name).read_bytes() == (seeing / "out" / name).read_bytes()


def test_each_stage_trains_what_it_says(seeing: Path) -> None:
    """The vision tower, then the eyes, then everything."""

    def tensors(number: int) -> dict[str, torch.Tensor]:
        (folder,) = (seeing / "work").glob(f"vlm-{number}-*")
        return load_file(folder / "model.safetensors")

    def moved(before: int, after: int) -> set[str]:
        old, new = tensors(before), tensors(after)
        return {name for name in old if not torch.equal(old[name], new[name])}

    assert all(name.startswith(("vision_tower.", "multi_modal")) for name in moved(0, 1))
    for part in ("multi_modal_projector.", "language_model.model.layers.1."):
        assert any(name.startswith(part) for name in moved(1, 2))


def test_a_shipped_vlm_answers_about_shipped_pictures(seeing: Path) -> None:
    evaluator = GenerationEvaluator(
        "ja_vqa", seeing / "out" / "items" / "ja_vqa", "vqa_ja", 3, "<image>{prompt}\n"
    )
    live = vision.load(seeing / "out" / "vlm", "cpu")
    assert evaluator.evaluate(live, "search")["em"].n == len(evaluator.splits["search"])
