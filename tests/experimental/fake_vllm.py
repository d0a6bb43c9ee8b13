"""A stand-in for the part of vLLM's public API that the suite uses (0.33's names and meanings).

It holds one set of weights, fused and padded as vLLM's are, computes with nothing else, keeps the keys
and values of whole blocks of prompts in a prefix cache and really reads them back. The decoder under it
is transformers', one sequence at a time; decoding is written here, apart from the suite's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache

BLOCK = 16  # tokens
PADDED_TO = 64  # rows of embedding and head
STACKED = {
    "q_proj": ("qkv_proj", 0),
    "k_proj": ("qkv_proj", 1),
    "v_proj": ("qkv_proj", 2),
    "gate_proj": ("gate_up_proj", 0),
    "up_proj": ("gate_up_proj", 1),
}
Values = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(kw_only=True)
class SamplingParams:
    max_tokens: int = 16
    temperature: float = 1.0
    repetition_penalty: float = 1.0
    stop: list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    detokenize: bool = True
    prompt_logprobs: int | None = None

    def __post_init__(self) -> None:
        if self.stop and not self.detokenize:
            raise ValueError("stop strings are only supported when detokenize is True")
        if self.max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")


class Model(nn.Module):
    """The decoder: vLLM's tensors by vLLM's names, and a transformers model that computes with them."""

    packed_modules_mapping: ClassVar = {
        "qkv_proj": ["q_proj", "k_proj", "v_proj"],
        "gate_up_proj": ["gate_proj", "up_proj"],
    }

    def __init__(self, config: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.log: list[str] = []
        plain = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
        self._plain = [plain]  # in a list: not among the parameters
        self.places: dict[str, tuple[str, int]] = {}  # of a plain tensor: whose rows, and the first
        stacks: dict[str, list[tuple[str, nn.Parameter]]] = {}
        order = [*STACKED]
        named = sorted(
            plain.named_parameters(),
            key=lambda each: next((order.index(w) for w in order if w in each[0]), -1),
        )
        for name, parameter in named:
            stacks.setdefault(mapped(name), []).append((name, parameter))
        dummy = torch.Generator().manual_seed(0)
        for name, parts in stacks.items():
            rows = sum(len(parameter) for _, parameter in parts)
            rows += -rows % PADDED_TO if "embed" in name or "lm_head" in name else 0
            whole = torch.empty(rows, *parts[0][1].shape[1:], dtype=dtype)
            whole.uniform_(-1e-3, 1e-3, generator=dummy)
            plant(self, name, nn.Parameter(whole, requires_grad=False))
            start = 0
            for part, parameter in parts:
                self.places[part] = (name, start)
                parameter.data = whole[start : start + len(parameter)]
                start += len(parameter)

    @property
    def plain(self) -> Any:
        return self._plain[0]

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        self.log.append("load")
        own, loaded = dict(self.named_parameters()), set()
        for name, tensor in weights:
            tensor.shard_id = 0  # type: ignore[attr-defined]  # vLLM marks what it is given
            whole, start = self.places[name]
            own[whole].data[start : start + len(tensor)].copy_(tensor)
            loaded.add(whole)
        return loaded


class LLM:
    """One engine in this process; `log` is what was asked of it, in order."""

    model_class = Model

    def __init__(
        self,
        model: str,
        *,
        dtype: str,
        load_format: str,
        generation_config: str,
        max_model_len: int,
        max_num_seqs: int,
        enable_prefix_caching: bool,
        async_scheduling: bool,
        enforce_eager: bool = False,
        gpu_memory_utilization: float = 0.92,
    ) -> None:
        if os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] != "0":
            raise AssertionError("functions of ours do not reach an engine in another process")
        config = AutoConfig.from_pretrained(model)
        if max_model_len > config.max_position_embeddings:
            raise ValueError(f"User-specified max_model_len {max_model_len} is too large\nmore")
        if (load_format, generation_config) != ("dummy", "vllm"):
            raise AssertionError("weights and settings of the checkpoint are not wanted")
        if async_scheduling:
            raise AssertionError("steps may be in flight when weights are swapped")
        self.length, self.caching = max_model_len, enable_prefix_caching
        self.module = self.model_class(config, getattr(torch, dtype))
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.cache: list[tuple[list[int], Values]] = []
        self.log = self.module.log
        self.last: list[list[int]] = []  # the replies to the last call

    def apply_model(self, func: Any) -> list[Any]:
        return [func(self.module)]

    def reset_prefix_cache(
        self, reset_running_requests: bool = False, reset_connector: bool = False
    ) -> bool:
        self.log.append("reset")
        self.cache.clear()
        return True

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[dict[str, list[int]]], params: SamplingParams, *, use_tqdm: bool
    ) -> list[Any]:
        self.log.append("generate")
        if params.temperature != 0:
            raise AssertionError("sampling was asked for")
        if any(end >= self.module.plain.config.vocab_size for end in params.stop_token_ids or ()):
            raise ValueError("stop_token_ids are out of the vocabulary")
        found = [self.answer(list(prompt["prompt_token_ids"]), params) for prompt in prompts]
        self.last = [list(each.outputs[0].token_ids) for each in found]
        return found

    def answer(self, ids: list[int], params: SamplingParams) -> Any:
        if not 0 < len(ids) < self.length:
            raise ValueError(f"The decoder prompt has {len(ids)} tokens")
        read, values = self.read(ids) if params.prompt_logprobs is None else (0, None)
        cache = DynamicCache(config=self.module.plain.config)
        for layer, (keys, those) in enumerate(values or ()):
            cache.update(keys, those, layer)
        new, out, scores = ids[read:], [], None
        while True:
            logits = self.module.plain(torch.tensor([new]), past_key_values=cache).logits[0].float()
            if params.prompt_logprobs is not None and scores is None:
                scores = self.scores(ids, logits)
            out.append(self.choose(logits[-1], {*ids, *out}, params.repetition_penalty))
            if self.ends(ids, out, params):
                break
            new = out[-1:]
        if self.caching:
            whole = (len(ids) + len(out) - 1) // BLOCK * BLOCK
            kept = [
                (x.keys[:, :, :whole].clone(), x.values[:, :, :whole].clone()) for x in cache.layers
            ]
            self.cache.append(([*ids, *out][:whole], kept))
        reply = SimpleNamespace(token_ids=out, text=None)
        return SimpleNamespace(
            outputs=[reply], prompt_logprobs=scores, num_cached_tokens=self.said(read)
        )

    def said(self, read: int) -> int | None:
        return read

    def read(self, ids: list[int]) -> tuple[int, Values | None]:
        """The longest run of whole blocks before the last token of `ids` that is in the cache."""
        best, found = 0, None
        for known, values in self.cache:
            pairs = enumerate(zip(known, ids[:-1], strict=False))
            same = next((n for n, (a, b) in pairs if a != b), min(len(known), len(ids) - 1))
            if (whole := same // BLOCK * BLOCK) > best:
                best, found = (
                    whole,
                    [(k[:, :, :whole].clone(), v[:, :, :whole].clone()) for k, v in values],
                )
        return best, found

    def ends(self, ids: list[int], out: list[int], params: SamplingParams) -> bool:
        if out[-1] in (params.stop_token_ids or ()):
            return True
        if not params.ignore_eos and out[-1] == self.tokenizer.eos_token_id:
            return True
        text = self.tokenizer.decode(out, skip_special_tokens=True) if params.detokenize else ""
        full = len(out) == params.max_tokens or len(ids) + len(out) == self.length
        return full or any(stop in text for stop in params.stop or ())

    @staticmethod
    def choose(logits: torch.Tensor, seen: set[int], penalty: float) -> int:
        row = logits.tolist()
        for token in seen:
            row[token] = row[token] / penalty if row[token] > 0 else row[token] * penalty
        return row.index(max(row))

    @staticmethod
    def scores(ids: list[int], logits: torch.Tensor) -> list[Any]:
        rows = logits.log_softmax(-1).tolist()
        following = zip(rows, ids[1:], strict=False)
        return [None, *({token: SimpleNamespace(logprob=row[token])} for row, token in following)]


def mapped(name: str) -> str:
    """The name of vLLM's tensor that holds the plain tensor `name`."""
    for part, (whole, _) in STACKED.items():
        name = name.replace(f".{part}.", f".{whole}.")
    return name


def plant(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Register `parameter` under its dotted `name`."""
    *path, last = name.split(".")
    for word in path:
        if word not in root._modules:
            root.add_module(word, nn.Module())
        root = root.get_submodule(word)
    root.register_parameter(last, parameter)


def llm_of(engine: Any) -> LLM:
    """The stand-in that a `VllmHandle` of the suite's runs."""
    found: LLM = engine._engine._llm
    return found
