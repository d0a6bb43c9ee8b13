"""Merges into the language tower of a live vision-language model, against those of plain models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import BadInput
from suite.merging import Merger, PathMerger, Sources
from suite.merging.checkpoint import Checkpoint
from suite.merging.language_tower import LanguageTower
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe
from tests.export import towers

Folders = Callable[..., dict[str, Path]]
CASES = [
    ("llava", False, False),
    ("llava", False, True),
    ("llava", True, False),
    ("llava_next", False, False),
    ("qwen2_vl", False, False),
    ("qwen2_vl", True, False),
]
each_vlm = pytest.mark.parametrize(("architecture", "tied", "old"), CASES)
BOTH = (Input("japanese", {"weight": 0.4}), Input("vlm", {"weight": 0.8}))
THINNED = tuple(Input(i.model, {**i.parameters, "density": 0.5}) for i in BOTH)
RECIPES = {
    "linear": Recipe("linear", (*BOTH, Input("base", {"weight": 0.1}))),
    "task arithmetic": Recipe("task_arithmetic", BOTH, "base"),
    "ties": Recipe("ties", THINNED, "base"),
    "dare ties": Recipe("dare_ties", THINNED, "base", {"seed": 5}),
    "slerp": Recipe("slerp", (Input("vlm"), Input("japanese")), "vlm", {"t": 0.3}),
    "by part": Recipe(
        (Filtered("mlp", "dare_linear"), Filtered("embed", "model_stock"), Filtered(None, "ties")),
        THINNED,
        "base",
    ),
    "rounded": Recipe("task_arithmetic", BOTH, "base", {}, "bfloat16"),
    "the vlm": Recipe("passthrough", (Input("vlm"),)),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return towers.maker(tmp_path_factory)


def seeing(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype).requires_grad_(False)


def plain(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).requires_grad_(False)


def cut(tensors: towers.Tensors, live: Any) -> towers.Tensors:
    """A tower without the rows that `live` lacks, by hand."""
    return {n: tensors[n][: p.shape[0]] for n, p in live.named_parameters()}


@each_vlm
def test_a_checkpoint_gives_exactly_the_tower(
    folders: Folders, architecture: str, tied: bool, old: bool
) -> None:
    checkpoint = Checkpoint(folders(architecture, tied, old)["vlm"])
    wanted = towers.tower_of(checkpoint.folder)
    found = dict(checkpoint.tensors())
    assert found.keys() == checkpoint.shapes.keys() == wanted.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    assert len(checkpoint.files) == (3 if old else 1)


@each_vlm
def test_the_tower_is_the_vlms_own_parameters_by_plain_names(
    folders: Folders, architecture: str, tied: bool, old: bool
) -> None:
    here = folders(architecture, tied, old)
    vlm, base = seeing(here["vlm"]), plain(here["base"])
    own = {id(p) for p in vlm.parameters()}
    found = dict(LanguageTower(vlm).named_parameters())
    assert found.keys() == dict(base.named_parameters()).keys()
    assert {id(p) for p in found.values()} < own
    assert len(own) == len(found) + len(towers.eyes_of(vlm))


@each_vlm
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_merge_is_that_of_plain_models_and_the_rest_stays(
    folders: Folders, architecture: str, tied: bool, old: bool, mode: Any
) -> None:
    here = folders(architecture, tied, old)
    vlm, live = seeing(here["vlm"]), plain(here["base"])
    own = {name: tensor.clone() for name, tensor in vlm.named_parameters()}
    tensors = {name: dict(plain(here[name]).named_parameters()) for name in ("base", "japanese")}
    tensors["vlm"] = cut(towers.tower_of(here["vlm"]), live)
    wanted = Merger(Sources.from_tensors(tensors), live, mode)
    found = Merger(Sources.load(here, vocabulary="cut"), tower := LanguageTower(vlm), mode)
    results = set()
    for recipe in RECIPES.values():
        wanted.merge(recipe)
        found.merge(recipe)
        for name, parameter in tower.named_parameters():
            merged = live.get_parameter(name)
            assert torch.equal(parameter[: len(merged)], merged), (recipe.title, name)
            assert len(parameter) - len(merged) == (
                towers.EXTRA if name in ("model.embed_tokens.weight", "lm_head.weight") else 0
            )
        results.add(float(tower.model.layers[0].mlp.up_proj.weight.sum()))
    assert len(results) == len(RECIPES)
    now = dict(vlm.named_parameters())  # the last recipe was the VLM as it is
    assert all(torch.equal(now[name], tensor) for name, tensor in own.items())


@each_vlm
def test_surplus_rows_and_eyes_are_the_vlms_after_a_merge(
    folders: Folders, architecture: str, tied: bool, old: bool
) -> None:
    here = folders(architecture, tied, old)
    vlm, before = seeing(here["vlm"]), seeing(here["vlm"])
    tower = LanguageTower(vlm)
    Merger(Sources.load(here, vocabulary="cut"), tower).merge(RECIPES["ties"])
    kept = towers.eyes_of(vlm)
    assert len(kept) > 20
    assert all(torch.equal(kept[n], t) for n, t in towers.eyes_of(before).items())
    for now, then in (
        (vlm.get_input_embeddings(), before.get_input_embeddings()),
        (vlm.get_output_embeddings(), before.get_output_embeddings()),
    ):
        assert torch.equal(now.weight[-towers.EXTRA :], then.weight[-towers.EXTRA :])
        assert not torch.equal(now.weight[: -towers.EXTRA], then.weight[: -towers.EXTRA])
    assert (vlm.lm_head.weight is vlm.get_input_embeddings().weight) == tied


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_bfloat16_vlm_receives_the_rounded_merge(folders: Folders, mode: Any) -> None:
    here, recipe = folders("llava"), RECIPES["task arithmetic"]
    exact, rounded = seeing(here["vlm"]), seeing(here["vlm"], torch.bfloat16)
    for vlm in (exact, rounded):
        Merger(Sources.load(here, vocabulary="cut"), LanguageTower(vlm), mode).merge(recipe)
    assert all(
        torch.equal(p, exact.get_parameter(name).bfloat16())
        for name, p in rounded.named_parameters()
    )


def test_without_cut_the_models_do_not_fit(folders: Folders) -> None:
    with pytest.raises(BadInput, match="vocabulary: cut drops the rows beyond the base's"):
        Sources.load(folders("llava"))


@each_vlm
def test_a_layer_path_runs_through_the_tower(
    folders: Folders, architecture: str, tied: bool, old: bool
) -> None:
    here = folders(architecture, tied, old)
    vlm, live = seeing(here["vlm"]).eval(), plain(here["base"]).eval()
    hops = (Hop("vlm", 1), Hop("japanese", 0, 0.8), Hop("soup", 1, 1.2), Hop("vlm", 0))
    path = LayerPath("vlm", hops, {"soup": RECIPES["ties"]})
    sources = Sources.load({name: here[name] for name in towers.NAMES}, vocabulary="cut")
    for model in (LanguageTower(vlm), live):
        PathMerger(sources, model, "eager").merge(path)
    ids = torch.randint(
        4, live.config.vocab_size, (2, 9), generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        found, wanted = vlm(input_ids=ids).logits, live(input_ids=ids).logits
    assert torch.equal(found[..., : wanted.shape[-1]], wanted)
    assert vlm.config.text_config.num_hidden_layers == 4


def test_a_model_without_a_list_of_layers_has_no_tower() -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    eyes = CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        image_size=8, patch_size=8,
    )  # fmt: skip
    for model in (torch.nn.Linear(1, 1), CLIPVisionModel(eyes)):
        with pytest.raises(BadInput, match="no language tower with a list of layers"):
            LanguageTower(model)
