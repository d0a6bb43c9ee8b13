"""A plain base, a plain expert and a vision-language model around the same weights, on disk."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from suite.recipes.recipe import Input, Recipe
from tests.evaluators import tiny_vlm

ARCHITECTURES = tiny_vlm.ARCHITECTURES
NAMES = ("base", "japanese", "vlm")
EXTRA = 1
"""Rows that the vision-language model has and the plain models lack: its image token's."""
Tensors = dict[str, torch.Tensor]
SOUP = Recipe(
    "task_arithmetic", (Input("japanese", {"weight": 0.4}), Input("vlm", {"weight": 0.7})), "base"
)


def make(
    root: Path, architecture: str, *, tied: bool = False, extra: int = EXTRA, **save: Any
) -> dict[str, Path]:
    """Folders of the three by name, below `root`; `save` goes to the VLM's ``save_pretrained``."""
    seeing, processor = tiny_vlm.make(architecture)
    if tied:
        seeing = type(seeing)(_tied(seeing.config)).eval()
    folders = {name: root / name for name in NAMES}
    seeing.save_pretrained(folders["vlm"], **save)
    processor.image_processor.save_pretrained(folders["vlm"])
    if architecture == "qwen2_vl":
        processor.tokenizer.save_pretrained(folders["vlm"])
    else:
        processor.save_pretrained(folders["vlm"])
    text = seeing.config.get_text_config()
    options = {key: getattr(text, key) for key in _COMMON}
    options["vocab_size"] = text.vocab_size - extra
    options["tie_word_embeddings"] = tied
    theta = text.rope_parameters["rope_theta"]
    options["rope_parameters"] = {"rope_type": "default", "rope_theta": theta}
    kind = "Qwen2" if architecture == "qwen2_vl" else "Mistral"
    if kind == "Mistral":
        options["head_dim"] = text.head_dim
    for seed, name in enumerate(("base", "japanese"), 1):
        plain(folders[name], kind, options, seed)
        processor.tokenizer.save_pretrained(folders[name])
    return folders


def plain(folder: Path, kind: str, options: Mapping[str, Any], seed: int = 0) -> Path:
    """A plain ``Mistral`` or ``Qwen2`` of random weights, saved to `folder`."""
    import transformers

    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(**options)
    getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(folder)
    return folder


_COMMON = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "initializer_range", "rms_norm_eps",
)  # fmt: skip


def _tied(config: Any) -> Any:
    config = copy.deepcopy(config)
    config.tie_word_embeddings = True
    if hasattr(config.text_config, "tie_word_embeddings"):
        config.text_config.tie_word_embeddings = True
    return config


def read(folder: Path) -> Tensors:
    """All tensors of a checkpoint's files."""
    return {n: t for f in folder.glob("*.safetensors") for n, t in load_file(f).items()}


def age(folder: Path) -> None:
    """Write a LLaVA anew as the checkpoints on the Hub are: CLIP's own prefix, sharded by hand."""
    tensors = {
        name.replace("vision_tower.", "vision_tower.vision_model."): tensor
        for name, tensor in read(folder).items()
    }
    for old in folder.glob("model*"):
        old.unlink()
    names, where = sorted(tensors), dict[str, str]()
    for number, part in enumerate((names[0::3], names[1::3], names[2::3]), 1):
        file = f"model-{number:05}-of-00003.safetensors"
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def tower_of(folder: Path) -> Tensors:
    """The language tower of the model that transformers loads from `folder`, by plain names."""
    from transformers import AutoModelForImageTextToText

    model: Any = AutoModelForImageTextToText.from_pretrained(folder)
    found = {f"model.{n}": p for n, p in model.model.language_model.named_parameters()}
    if not model.config.tie_word_embeddings:
        found["lm_head.weight"] = model.lm_head.weight
    return {name: parameter.detach().clone() for name, parameter in found.items()}


def eyes_of(model: Any) -> Tensors:
    """All of a live vision-language model but its decoder and head."""
    inside = ("model.language_model.", "lm_head.")
    return {n: p.detach() for n, p in model.named_parameters() if not n.startswith(inside)}


def maker(factory: pytest.TempPathFactory) -> Callable[..., dict[str, Path]]:
    """Makes a base, an expert and a VLM on disk, once for each layout; nobody changes them."""
    made: dict[tuple[str, bool, bool], dict[str, Path]] = {}

    def once(architecture: str, tied: bool = False, old: bool = False) -> dict[str, Path]:
        key = (architecture, tied, old)
        if key not in made:
            made[key] = make(factory.mktemp("models"), architecture, tied=tied)
            if old:
                age(made[key]["vlm"])
        return made[key]

    return once
