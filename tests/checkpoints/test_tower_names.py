"""Names of language towers, and what headers and the fit check make of vision-language models."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.checkpoints import compatibility, metadata, tower_names
from suite.errors import BadInput
from tests.export import towers

Folders = Callable[..., dict[str, Path]]
PLAIN = [
    "lm_head.weight",
    "model.embed_tokens.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.layers.11.self_attn.q_proj.bias",
    "model.norm.weight",
]
LAYOUTS: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "llava on disk": (
        lambda name: f"language_model.{name}",
        ["vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", "image_newline"],
    ),
    "llava in memory": (
        lambda name: name.replace("model.", "model.language_model."),
        ["model.vision_tower.encoder.layers.0.mlp.fc1.weight", "model.image_newline"],
    ),
    "qwen2-vl on disk": (
        lambda name: name,
        ["visual.blocks.0.mlp.fc1.weight", "visual.merger.mlp.0.weight"],
    ),
    "qwen2-vl in memory": (
        lambda name: name.replace("model.", "model.language_model."),
        ["model.visual.blocks.0.mlp.fc1.weight", "model.visual.merger.mlp.0.weight"],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_plain_names_and_no_others(layout: str) -> None:
    own, eyes = LAYOUTS[layout]
    projector = ["multi_modal_projector.linear_1.weight", "model.multi_modal_projector.x"]
    names = [own(name) for name in PLAIN]
    assert tower_names.plain_names([*eyes, *names, *projector]) == dict(
        zip(names, PLAIN, strict=True)
    )
    assert tower_names.has_eyes([*names, *eyes]) and not tower_names.has_eyes(names)


def test_without_eyes_every_tensor_is_its_own() -> None:
    names = [*PLAIN, "model.input_scales", "language_model.odd", "transformer.h.0.attn"]
    assert tower_names.plain_names(names) == {name: name for name in names}


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "mistral"}, "mistral"),
        ({"model_type": "llava", "text_config": {"model_type": "mistral"}}, "mistral"),
        ({"model_type": "llava_next", "text_config": {"model_type": "llama"}}, "llama"),
        ({"model_type": "llava", "text_config": {"vocab_size": 32064}}, "llama"),  # the default
        ({"model_type": "qwen2"}, "qwen2"),
        ({"model_type": "qwen2_vl"}, "qwen2"),
        ({"model_type": "qwen2_vl", "text_config": {"model_type": "qwen2_vl_text"}}, "qwen2"),
        ({"model_type": "qwen2_5_vl", "text_config": {"model_type": "qwen2_5_vl_text"}}, "qwen2"),
        ({"model_type": "qwen3_vl", "text_config": {"model_type": "qwen3_vl_text"}}, "qwen3"),
        ({}, None),
    ],
)
def test_families(config: dict[str, Any], family: str | None) -> None:
    assert tower_names.family(config) == family


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return towers.maker(tmp_path_factory)


def headers(folders: dict[str, Path]) -> list[metadata.Header]:
    return [metadata.read(name, str(folder)) for name, folder in folders.items()]


CASES = [(a, tied, False) for a in towers.ARCHITECTURES for tied in (False, True)]


@pytest.mark.parametrize(("architecture", "tied", "old"), [*CASES, ("llava", False, True)])
def test_a_header_is_that_of_the_language_tower(
    folders: Folders, architecture: str, tied: bool, old: bool
) -> None:
    base, _, vlm = headers(folders(architecture, tied, old))
    found = towers.tower_of(folders(architecture, tied, old)["vlm"])
    assert vlm.shapes == {name: tuple(tensor.shape) for name, tensor in found.items()}
    files = towers.read(folders(architecture, tied, old)["vlm"])
    assert vlm.eyes == sum(t.numel() for t in files.values()) - vlm.parameters > 0
    assert (base.family, base.eyes) == (vlm.family, 0)
    assert vlm.vocabulary == vlm.shapes["model.embed_tokens.weight"][0]


@pytest.mark.parametrize(("architecture", "tied", "old"), [*CASES, ("llava", False, True)])
def test_a_tower_fits_its_base_and_its_eyes_take_memory(
    folders: Folders, architecture: str, tied: bool, old: bool
) -> None:
    known = headers(folders(architecture, tied, old))
    with pytest.raises(BadInput, match=r"task\.vocabulary=cut merges the base.s rows alone"):
        compatibility.check(known, "base", vlm="vlm")
    found = compatibility.check(known, "base", "cut", vlm="vlm")
    rows = (
        ["model.embed_tokens.weight"] if tied else ["lm_head.weight", "model.embed_tokens.weight"]
    )
    assert sorted(found.cut["vlm"]) == rows and set(found.cut) == {"vlm"}
    base, vlm = known[0], known[2]
    sources = 4 * 3 * base.parameters
    assert found.memory == sources + 4 * (vlm.parameters + vlm.eyes)
    assert compatibility.check(known, "base", "cut").memory == sources + 4 * base.parameters


def test_a_vlm_that_is_none_is_refused(folders: Folders) -> None:
    known = headers(folders("llava"))
    with pytest.raises(BadInput, match=r"^vlm 'japanese' has no vision tower$"):
        compatibility.check(known, "base", "cut", vlm="japanese")
    with pytest.raises(BadInput, match=r"^vlm 'nobody' is not one of base, japanese, vlm$"):
        compatibility.check(known, "base", "cut", vlm="nobody")


def test_towers_of_another_kind_or_size_are_refused_in_one_line(
    folders: Folders, tmp_path: Path
) -> None:
    mistral, qwen = headers(folders("llava")), headers(folders("qwen2_vl"))
    with pytest.raises(BadInput) as error:
        compatibility.check([mistral[0], qwen[2]], "base", "cut", vlm="vlm")
    assert str(error.value) == (
        "models do not fit: 'base' is a MistralForCausalLM,"
        " 'vlm' a Qwen2VLForConditionalGeneration (qwen2)"
    )
    config = json.loads((folders("llava")["base"] / "config.json").read_text())
    narrow = towers.plain(tmp_path / "narrow", "Mistral", {**config, "hidden_size": 16})
    with pytest.raises(BadInput) as error:
        compatibility.check(
            [metadata.read("base", str(narrow)), mistral[2]], "base", "cut", vlm="vlm"
        )
    tensor, shapes = str(error.value).removeprefix("models do not fit: ").split(" has ")
    assert tensor.startswith("tensor '")
    assert "16" in shapes.split(" in 'base' and ")[0] and "24" in shapes.split(" and ")[1]
    shallow = towers.plain(tmp_path / "shallow", "Mistral", {**config, "num_hidden_layers": 1})
    with pytest.raises(BadInput, match=r"layers\.1\..* is in 'vlm', not in 'base'$"):
        compatibility.check(
            [metadata.read("base", str(shallow)), mistral[2]], "base", "cut", vlm="vlm"
        )


def test_the_rows_of_the_image_token_are_the_only_ones_more(folders: Folders) -> None:
    base, _, vlm = headers(folders("llava"))
    differ = {n for n in base.shapes if base.shapes[n] != vlm.shapes[n]}
    surplus = sum(math.prod(vlm.shapes[n]) - math.prod(base.shapes[n]) for n in differ)
    width = base.shapes["model.norm.weight"][0]
    assert surplus == 2 * towers.EXTRA * width
