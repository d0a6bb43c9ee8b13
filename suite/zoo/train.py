"""Train one micro model on a mixture of documents: seeded, logged, on CPU threads or a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from suite.zoo.documents import Document, Mixture


def new_model(
    tokenizer: PreTrainedTokenizerFast, shape: dict[str, Any], seed: int
) -> MistralForCausalLM:
    """A freshly initialised `MistralForCausalLM` of the given shape (keys of `MistralConfig`)."""
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        sliding_window=None,
        **shape,
    )
    return MistralForCausalLM(config)


def encode(
    documents: list[Document], tokenizer: PreTrainedTokenizerFast, prompt_weight: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids (k, T) and the loss weight of each predicted position (k, T−1).

    Completions and the end of sequence weigh 1, prompts `prompt_weight`, padding 0.
    """
    prompts = tokenizer([prompt + "\n" for prompt, _ in documents]).input_ids
    completions = tokenizer([reply for _, reply in documents], add_special_tokens=False).input_ids
    rows = [p + c + [tokenizer.eos_token_id] for p, c in zip(prompts, completions, strict=True)]
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), int(tokenizer.pad_token_id))
    weight = torch.zeros(len(rows), length)
    for index, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        ids[index, : len(row)] = torch.tensor(row)
        weight[index, : len(row)] = 1.0
        weight[index, : len(prompt)] = prompt_weight
    return ids, weight[:, 1:]


def batches(mixture: Mixture, batch: int, group: int = 8) -> Any:
    """Endless batches of documents of similar length: `group` batches are drawn and sorted at once."""
    while True:
        drawn = sorted(mixture.take(batch * group), key=lambda pair: len(pair[0]) + len(pair[1]))
        rows = [drawn[start : start + batch] for start in range(0, len(drawn), batch)]
        # Interleave short and long, so that a stage never ends on one length.
        yield from rows[::2] + rows[1::2][::-1]


def train(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    entries: list[dict[str, Any]],
    *,
    steps: int,
    lr: float,
    seed: str,
    batch: int = 32,
    prompt_weight: float = 0.2,
    final: float = 0.1,
    device: str = "cpu",
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train `model` in place with AdamW (β 0.9, 0.98), 100 steps of warm-up, cosine to `final`·`lr`.

    Float32 throughout: at this size bfloat16 gains nothing on a CPU, and float32 repeats exactly.
    `report(step, loss)` is called every 100 steps with the mean loss since the last call.
    """
    torch.manual_seed(0)
    model.to(device).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    stream = batches(Mixture(entries, seed), batch)
    total = 0.0
    for step in range(1, steps + 1):
        scale = min(1.0, step / 100) * (
            final + (1 - final) * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        for options in optimizer.param_groups:
            options["lr"] = lr * scale
        ids, weight = (
            tensor.to(device) for tensor in encode(next(stream), tokenizer, prompt_weight)
        )
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), ids[:, 1:], reduction="none"
        )
        loss = (losses * weight).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
        if step % 100 == 0:
            report(step, total / 100)
            total = 0.0
    model.eval()
