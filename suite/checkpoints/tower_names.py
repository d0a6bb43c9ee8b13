"""Language towers: the plain language model inside a vision-language model, by its tensors' names.

A merge knows the names of a plain decoder (``model.layers.0.self_attn.q_proj.weight``,
``model.embed_tokens.weight``, ``model.norm.weight``, ``lm_head.weight``). Vision-language
checkpoints keep the same tensors elsewhere:

==============================  ===========================================================
LLaVA, LLaVA-NeXT               ``language_model.model.…``, ``language_model.lm_head.…``
saved as held by transformers   ``model.language_model.…``, ``lm_head.…``
Qwen2-VL                        plain names, beside ``visual.…``
==============================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_PREFIXES = (
    ("language_model.model.", "model."),
    ("language_model.lm_head.", "lm_head."),
    ("model.language_model.", "model."),
)
_PLAIN = ("model.layers.", "model.embed_tokens.", "model.norm.", "lm_head.")
_EYES = ("vision_tower.", "model.vision_tower.", "visual.", "model.visual.")


def has_eyes(names: Iterable[str]) -> bool:
    """Whether tensors of these names include a vision tower."""
    return any(name.startswith(_EYES) for name in names)


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Plain name by own name, for the tensors of the language tower.

    Every tensor of a checkpoint without a vision tower is its own.

    >>> plain_names(["language_model.lm_head.weight", "vision_tower.patch.weight"])
    {'language_model.lm_head.weight': 'lm_head.weight'}
    """
    own = list(names)
    if not has_eyes(own):
        return {name: name for name in own}
    found = {name: _plain(name) for name in own}
    return {name: plain for name, plain in found.items() if plain is not None}


def family(config: Mapping[str, Any]) -> str | None:
    """The kind of decoder that a config.json describes, the same for a tower and a plain model.

    >>> family({"model_type": "llava", "text_config": {"model_type": "mistral"}})
    'mistral'
    >>> family({"model_type": "qwen2_5_vl"})
    'qwen2'
    """
    text = config.get("text_config")
    kind = config.get("model_type") if text is None else text.get("model_type", "llama")
    if not isinstance(kind, str):
        return None
    kind = kind.removesuffix("_text").removesuffix("_vl")
    return "qwen2" if kind == "qwen2_5" else kind  # Qwen2.5's decoder is Qwen2's


def _plain(name: str) -> str | None:
    for prefix, plain in _PREFIXES:
        if name.startswith(prefix):
            return plain + name.removeprefix(prefix)
    return name if name.startswith(_PLAIN) else None
