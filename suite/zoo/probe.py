"""What a micro model can do so far: greedy exact-match accuracy per skill, printed between stages."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from suite.zoo import documents
from suite.zoo.documents import Document


def complete(model: Any, tokenizer: Any, prompts: list[str], length: int = 26) -> list[str]:
    """Greedy completions of `prompts`."""
    inputs = tokenizer([prompt + "\n" for prompt in prompts], return_tensors="pt", padding=True)
    inputs = inputs.to(model.device)
    with torch.inference_mode():
        ids = model.generate(
            input_ids=inputs.input_ids,
            attention_mask=inputs.attention_mask,
            max_new_tokens=length,
            do_sample=False,
        )
    replies: list[str] = tokenizer.batch_decode(
        ids[:, inputs.input_ids.shape[1] :], skip_special_tokens=True
    )
    return replies


def skills(count: int) -> dict[str, list[Document]]:
    """Fresh documents for each skill, `count` of each."""
    rng = random.Random("probe")
    wanted: dict[str, Callable[[], Document]] = {
        "read ja→en": partial(documents.reading, rng, context="ja", answer="en"),
        "read ja→ja": partial(documents.reading, rng, context="ja", answer="ja"),
        "fact shared": partial(documents.fact, rng, language="ja", relations=["colour", "animal"]),
        "fact expert": partial(documents.fact, rng, language="ja", relations=["fruit", "place"]),
    }
    for language, verbs in (("en", 1), ("ja", 1), ("ja", 3)):
        wanted[f"plan {language} verbs {verbs}"] = partial(
            documents.plan, rng, language=language, kinds="all", numbers="full", verbs=verbs
        )
    for language in ("en", "ja"):
        for level, verbs in (("easy", 1), ("hard", 3)):
            wanted[f"maths {language} {level}"] = partial(
                documents.maths, rng, language=language, kinds="all", numbers=level, verbs=verbs
            )
    return {name: [write() for _ in range(count)] for name, write in wanted.items()}


def probe(model: Any, tokenizer: Any, count: int = 100) -> dict[str, float]:
    """Share of `count` fresh documents per skill completed exactly."""
    scores = {}
    for name, pairs in skills(count).items():
        got = complete(model, tokenizer, [prompt for prompt, _ in pairs])
        scores[name] = sum(g == reply for g, (_, reply) in zip(got, pairs, strict=True)) / count
    return scores
