"""The one interface to a model: evaluators generate and score text through a handle.

`TransformersHandle` drives a live transformers model whose weights the merge engine replaces in
place; an engine with its own weights implements the same two methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from suite.errors import BadInput


@dataclass(frozen=True)
class Generation:
    """A reply and the number of tokens it took, the end of sequence included."""

    text: str
    tokens: int


class ModelHandle(Protocol):
    """What an evaluator may ask of a model."""

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[Generation]:
        """Greedy replies to `prompts`, in order."""
        ...

    def loglikelihood(self, prompts: Sequence[str], replies: Sequence[str]) -> list[float]:
        """Log-probability (nats) of each reply after its prompt."""
        ...


class TransformersHandle:
    """A causal language model of transformers on one device.

    Prompts are sorted by length into batches of at most `batch_size` rows, padded on the left;
    encodings are kept, since every candidate of a search reads the same prompts.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int = 256) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self._encoded: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str], special: bool = True) -> list[list[int]]:
        """Token ids of each text; the ids of prompts (`special`) are kept for the next candidate."""
        if not special:
            ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False).input_ids
            return ids
        new = [text for text in dict.fromkeys(texts) if text not in self._encoded]
        if new:
            self._encoded.update(zip(new, self.tokenizer(new).input_ids, strict=True))
        return [self._encoded[text] for text in texts]

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[Generation]:
        """Greedy replies; a row ends at the end of sequence or after `max_new_tokens`."""
        encoded = self.encode(prompts)
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        replies: dict[int, Generation] = {}
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            ids = self._greedy([encoded[row] for row in rows], max_new_tokens)
            texts = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
            for row, text, tokens in zip(rows, texts, ids, strict=True):
                replies[row] = Generation(text, len(tokens))
        return [replies[row] for row in range(len(prompts))]

    def loglikelihood(self, prompts: Sequence[str], replies: Sequence[str]) -> list[float]:
        """Summed log-probability (nats) of each reply's tokens given its prompt."""
        heads, tails = self.encode(prompts), self.encode(replies, special=False)
        totals: list[float] = []
        for start in range(0, len(heads), self.batch_size):
            pairs = list(zip(heads, tails, strict=True))[start : start + self.batch_size]
            ids, mask = self._pad([head + tail for head, tail in pairs])
            with torch.inference_mode():
                logits = self.model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
            chosen = torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])[..., 0]
            for row, (_, tail) in enumerate(pairs):
                totals.append(float(chosen[row, chosen.shape[1] - len(tail) :].sum()))
        return totals

    def _pad(self, rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        length = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (length - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
        return ids.to(self.model.device), mask.to(self.model.device)

    def _greedy(self, rows: list[list[int]], max_new_tokens: int) -> list[list[int]]:
        ids, mask = self._pad(rows)
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=self.tokenizer.pad_token_id,
                eos_token_id=self.tokenizer.eos_token_id,
            )
        replies = out[:, ids.shape[1] :].tolist()
        end = self.tokenizer.eos_token_id
        return [reply[: reply.index(end) + 1] if end in reply else reply for reply in replies]


def load(
    folder: Path, device: str, batch_size: int = 256, dtype: str = "float32"
) -> TransformersHandle:
    """A handle on the checkpoint in `folder`: safetensors only, every tensor accounted for.

    The model is made `dtype`: float32, bfloat16 or float16. `BadInput` when the checkpoint or its
    tokenizer is missing, incomplete or needs its own code.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
        model, info = loaded
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"model {folder}: {str(error).splitlines()[0]}") from None
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[problem]:
            raise BadInput(
                f"model {folder}: {problem.replace('_', ' ')}: {sorted(info[problem])[0]}"
            )
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return TransformersHandle(model.to(device), tokenizer, batch_size)
