"""What a micro model can do so far: greedy exact-match accuracy per skill, printed between stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from zoo.sight import IMAGE


def complete(model: Any, tokenizer: Any, prompts: Sequence[str], length: int = 26) -> list[str]:
    """Greedy completions of `prompts`."""
    inputs = tokenizer([prompt + "\n" for prompt in prompts], return_tensors="pt", padding=True)
    return _greedy(model, tokenizer, inputs, length)


def describe(model: Any, processor: Any, sights: Sequence[Any], length: int = 26) -> list[str]:
    """Greedy completions of documents about pictures."""
    texts = [f"{IMAGE}{document.turns[0]}\n" for document in sights]
    pictures = [document.picture for document in sights]
    inputs = processor(images=pictures, text=texts, return_tensors="pt", padding=True)
    return _greedy(model, processor.tokenizer, inputs, length)


def probe(model: Any, tokenizer: Any, skills: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """Share of each skill's documents completed exactly."""
    return {
        name: _share(complete(model, tokenizer, [made[0] for made in documents]), documents)
        for name, documents in skills.items()
    }


def probe_sight(
    model: Any, processor: Any, skills: Mapping[str, Sequence[Any]]
) -> dict[str, float]:
    """The same for a model that sees."""
    return {
        name: _share(describe(model, processor, documents), [made.turns for made in documents])
        for name, documents in skills.items()
    }


def _greedy(model: Any, tokenizer: Any, inputs: Any, length: int) -> list[str]:
    inputs = {key: value for key, value in inputs.items() if key != "token_type_ids"}
    with torch.inference_mode():
        ids = model.generate(
            **{key: value.to(model.device) for key, value in inputs.items()},
            max_new_tokens=length,
            do_sample=False,
        )
    start = inputs["input_ids"].shape[1]
    replies: list[str] = tokenizer.batch_decode(ids[:, start:], skip_special_tokens=True)
    return replies


def _share(replies: Sequence[str], documents: Sequence[Any]) -> float:
    right = [reply == made[1] for reply, made in zip(replies, documents, strict=True)]
    return float(sum(right)) / len(right)
