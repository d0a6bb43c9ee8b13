"""What a micro model can do so far: greedy exact-match accuracy per skill, printed between stages."""

from __future__ import annotations

import random

import torch
from transformers import MistralForCausalLM, PreTrainedTokenizerFast

from suite.zoo import documents
from suite.zoo.documents import Document


def complete(
    model: MistralForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: list[str], length: int = 26
) -> list[str]:
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
    return tokenizer.batch_decode(ids[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)


def skills(count: int) -> dict[str, list[Document]]:
    """Fresh documents for each skill, `count` of each."""
    rng = random.Random("probe")
    make = documents.WRITERS
    wanted = {
        "read ja→en": lambda: make["reading"](rng, context="ja", answer="en"),
        "read ja→ja": lambda: make["reading"](rng, context="ja", answer="ja"),
        "fact ja base": lambda: make["fact"](rng, language="ja", relations=["colour", "animal"]),
        "fact ja new": lambda: make["fact"](rng, language="ja", relations=["fruit", "place"]),
    }
    for language in ("en", "ja"):
        for verbs in (1, 3) if language == "ja" else (1,):
            wanted[f"plan {language} {verbs}"] = lambda a=language, v=verbs: make["plan"](
                rng, language=a, kinds="all", numbers="full", verbs=v
            )
        for level in ("easy", "hard"):
            wanted[f"maths {language} {level}"] = lambda a=language, n=level: make["maths"](
                rng, language=a, kinds="all", numbers=n, verbs=3 if n == "hard" else 1
            )
    return {name: [write() for _ in range(count)] for name, write in wanted.items()}


def probe(
    model: MistralForCausalLM, tokenizer: PreTrainedTokenizerFast, count: int = 100
) -> dict[str, float]:
    """Share of `count` fresh documents per skill completed exactly."""
    scores = {}
    for name, pairs in skills(count).items():
        got = complete(model, tokenizer, [prompt for prompt, _ in pairs])
        scores[name] = sum(g == reply for g, (_, reply) in zip(got, pairs, strict=True)) / count
    return scores

