"""Train one micro model on batches of documents: seeded, logged, on CPU threads or a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast


class Batch(NamedTuple):
    """What a model reads, by argument; the ids it should predict (k, T) and their loss weights."""

    inputs: dict[str, torch.Tensor]
    targets: torch.Tensor
    weight: torch.Tensor


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
    documents: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerFast, prompt_weight: float
) -> Batch:
    """A batch of documents, padded on the right; each is prompt, completion, prompt, completion, …

    Completions and the end of sequence after them weigh 1, prompts `prompt_weight`, padding 0.
    """
    rows = [_row(document, tokenizer, prompt_weight) for document in documents]
    length = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), length), int(tokenizer.pad_token_id))
    weight = torch.zeros(len(rows), length)
    for index, (tokens, weights) in enumerate(rows):
        ids[index, : len(tokens)] = torch.tensor(tokens)
        weight[index, : len(weights)] = torch.tensor(weights)
    return Batch({"input_ids": ids[:, :-1]}, ids[:, 1:], weight[:, 1:])


def _row(
    document: Sequence[str], tokenizer: PreTrainedTokenizerFast, prompt_weight: float
) -> tuple[list[int], list[float]]:
    ids: list[int] = []
    weights: list[float] = []
    for prompt, completion in zip(document[::2], document[1::2], strict=True):
        asked = tokenizer(prompt + "\n", add_special_tokens=not ids).input_ids
        said = tokenizer(completion, add_special_tokens=False).input_ids
        ids += [*asked, *said, int(tokenizer.eos_token_id)]
        weights += [prompt_weight] * len(asked) + [1.0] * (len(said) + 1)
    return ids, weights


def train(
    model: Any,
    stream: Iterable[Batch],
    *,
    steps: int,
    lr: float,
    final: float = 0.1,
    device: str = "cpu",
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train `model` in place with AdamW (β 0.9, 0.98), 100 steps of warm-up, cosine to `final`·`lr`.

    Parameters that need no gradient stay as they are. Float32 throughout: at this size bfloat16
    gains nothing on a CPU, and float32 repeats exactly. `report(step, loss)` is called every 100
    steps with the mean loss since the last call.
    """
    torch.manual_seed(0)
    model.to(device).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    source = iter(stream)

    def loss() -> torch.Tensor:
        batch = next(source)
        targets, weight = batch.targets.to(device), batch.weight.to(device)
        inputs = {name: tensor.to(device) for name, tensor in batch.inputs.items()}
        logits = model(**inputs, use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), targets, reduction="none"
        )
        return (losses * weight).sum() / weight.sum()

    descend(trained, loss, steps=steps, lr=lr, final=final, report=report)
    model.eval()


def descend(
    trained: list[torch.nn.Parameter],
    loss_of: Callable[[], torch.Tensor],
    *,
    steps: int,
    lr: float,
    final: float = 0.1,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Minimise `loss_of()`, a new batch's loss at each call, over `trained`; schedule as in `train`."""
    optimizer = torch.optim.AdamW(trained, lr=lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    total = 0.0
    for step in range(1, steps + 1):
        scale = min(1.0, step / 100) * (
            final + (1 - final) * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        for options in optimizer.param_groups:
            options["lr"] = lr * scale
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        total += loss.item()
        if step % 100 == 0:
            report(step, total / 100)
            total = 0.0
