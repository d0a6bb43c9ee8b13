"""An engine of vLLM that is given weights again and again, and never trusted to have taken them.

After a swap the weights that the engine holds are compared with those handed over, and its prefix cache
is shown to be empty with a prompt that was in it before.

vLLM keeps the same decoder under transformers' names, but stacks some tensors along their first axis
(q, k and v; gate and up), which a model's ``packed_modules_mapping`` lists, and pads embedding and head
with rows for tokens that do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from suite.errors import BadInput
from suite.evaluators.models.handle import Decoding

WITHIN = 0.5  # nats per token between the engines; bfloat16 makes hundredths, wrong weights several
_PROBE = 1024  # tokens; several of the largest blocks that the prefix cache keeps
_COMPARED = 64  # tokens of the probe whose likelihoods are compared
_PADDED = ("embed_tokens", "lm_head")
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # of a size in bytes


class StaleEngine(RuntimeError):
    """The engine does not hold the merged weights, or a cache made with others."""


class Engine:
    """vLLM's `LLM` in this process: asked with token ids, given weights, never trusted.

    `length` is the most tokens of a prompt and its reply together; `cached` says whether prefixes are
    kept. `StaleEngine` when the prefix cache cannot be watched.
    """

    def __init__(self, llm: Any, params: Any, length: int, vocabulary: int, cached: bool) -> None:
        self._llm, self._params, self._length, self._cached = llm, params, length, cached
        self._probe = [i % vocabulary for i in range(min(_PROBE, length - 1))]
        self._follows = self._watched = False

    def follow(self, live: Any) -> None:
        """Hold the weights of `live`, a transformers model, and no cache of others.

        Nothing is copied when they are held already. `StaleEngine` when they are not held afterwards.
        """
        if self._follows and self.holds(live):
            return
        self._follows = False  # until all below has been done; a retry does it all again
        self._cached_tokens()  # from here on the probe is in the cache, if anything is
        self._llm.apply_model(lambda model: _load(model, live))
        if (found := self._difference(live)) is not None:
            raise StaleEngine(f"vLLM took the weights but {found}")
        self._check_cache()
        self._follows = True

    def holds(self, live: Any) -> bool:
        """Whether every tensor of `live` is in the engine, to the bit, and nothing else."""
        return self._difference(live) is None

    def check_agreement(self, live: Any) -> None:
        """Compare the engine's likelihoods of the probe with those of `live`; `StaleEngine` if far.

        The engine starts with random weights: one that computed with anything but the tensors that
        `follow` writes and compares would be far off here.
        """
        probe = self._probe[:_COMPARED]
        (ours,) = self.logprobs([probe[:1]], [probe[1:]])
        ids = torch.tensor([probe], device=live.device)
        with torch.inference_mode():
            logits = live(input_ids=ids, use_cache=False).logits[0, :-1].float()
        theirs = logits.log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
        far = float((theirs.cpu() - torch.tensor(ours)).abs().mean())
        if not far <= WITHIN:
            raise StaleEngine(
                f"vLLM computes with other weights than it shows: {far:.3g} nats per token from"
                f" transformers on the same weights, allowed are {WITHIN}"
            )

    def replies(
        self, prompts: Sequence[list[int]], tokens: int, ends: Sequence[int], decoding: Decoding
    ) -> list[list[int]]:
        """The ids of each reply, those of its end included; a stop string may have ids after it."""
        self._check_room(prompts, tokens)
        params = self._params(
            temperature=0.0,
            max_tokens=tokens,
            repetition_penalty=float(decoding.repetition_penalty),
            stop=list(decoding.stop) or None,
            stop_token_ids=list(ends),
            ignore_eos=True,  # the ends are those of the handle, all of them and no others
            detokenize=bool(decoding.stop),
        )
        return [list(out.outputs[0].token_ids) for out in self._ask(prompts, params)]

    def logprobs(self, heads: Sequence[list[int]], tails: Sequence[list[int]]) -> list[list[float]]:
        """Log-probability (nats) of each of the `tails`' tokens behind its head."""
        rows = [index for index, tail in enumerate(tails) if tail]
        texts = [[*heads[row], *tails[row]] for row in rows]
        self._check_room([heads[row] for row in rows], 0)
        self._check_room(texts, 1)
        params = self._params(temperature=0.0, max_tokens=1, prompt_logprobs=0, detokenize=False)
        found: list[list[float]] = [[] for _ in tails]
        for row, ids, out in zip(rows, texts, self._ask(texts, params), strict=True):
            first = len(heads[row])
            each = zip(ids[first:], out.prompt_logprobs[first:], strict=True)
            found[row] = [float(known[token].logprob) for token, known in each]
        return found

    def _ask(self, prompts: Sequence[list[int]], params: Any) -> list[Any]:
        asked = [{"prompt_token_ids": list(ids)} for ids in prompts]
        return list(self._llm.generate(asked, params, use_tqdm=False)) if asked else []

    def _difference(self, live: Any) -> str | None:
        found: list[str | None]
        found = self._llm.apply_model(lambda model: difference(model, live))
        return next((each for each in found if each is not None), None)

    def _check_cache(self) -> None:
        """Reset the prefix cache, and see that nothing of it is left."""
        if not self._llm.reset_prefix_cache():
            raise StaleEngine("vLLM could not reset its prefix cache after a swap of weights")
        if kept := self._cached_tokens():
            raise StaleEngine(f"vLLM kept {kept} tokens of the prefix cache of other weights")
        if self._cached and not self._watched:
            if not self._cached_tokens():
                raise StaleEngine(
                    "vLLM does not say which tokens its prefix cache gave, so that stale ones would"
                    " go unseen; set +vllm.enable_prefix_caching=false"
                )
            self._watched = True

    def _cached_tokens(self) -> int:
        """How many tokens of the probe come from the prefix cache; all whole blocks are in it then."""
        if not self._cached:
            return 0
        (out,) = self._ask([self._probe], self._params(temperature=0.0, max_tokens=1))
        return int(out.num_cached_tokens or 0)

    def _check_room(self, prompts: Sequence[list[int]], tokens: int) -> None:
        for ids in prompts:
            if not ids:
                raise BadInput("engine=vllm: it takes no prompt without tokens")
            if len(ids) + tokens > self._length:
                raise BadInput(
                    f"engine=vllm: a prompt of {len(ids)} tokens and {tokens} more exceed the"
                    f" {self._length} of vllm.max_model_len"
                )


def _load(model: Any, live: Any) -> None:
    """Let vLLM's `model` copy the tensors of `live`; it marks those that it is given."""
    _wait(live.device)  # vLLM may compute on another stream than the merge
    with torch.no_grad():
        model.load_weights((name, tensor.detach()) for name, tensor in live.named_parameters())
    _wait(live.device)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def difference(engine: Any, live: Any) -> str | None:
    """What `engine`, vLLM's module, holds otherwise than `live`, transformers' model; None if nothing.

    Bits are compared, every one of every tensor, so that two models agree exactly if this is None: what
    a checksum would say but for collisions, for one pass over both and no copy of either. A tensor that
    only one of them has is a difference.
    """
    packed = getattr(engine, "packed_modules_mapping", None) or {}
    wanted = dict(live.named_parameters(remove_duplicate=False))
    seen: set[int] = set()  # a tied head is seen where its embedding is
    for name, held in engine.named_parameters():
        parts = _parts(name, packed, wanted)
        for part in parts:
            if part not in wanted:
                return f"{part}: the engine holds it, the merged model does not"
        if found := _unlike(held, [(part, wanted[part]) for part in parts]):
            return found
        seen.update(id(wanted[part]) for part in parts)
    for name, tensor in wanted.items():
        if id(tensor) not in seen:
            return f"{name}: the engine does not hold it"
    return None


def _parts(
    name: str, packed: Mapping[str, Sequence[str]], wanted: Mapping[str, Any]
) -> Sequence[str]:
    """The plain tensors that the engine's tensor `name` is stacked from, in their order.

    >>> _parts("model.layers.0.mlp.gate_up_proj.weight", {"gate_up_proj": ["gate", "up"]}, {})
    ['model.layers.0.mlp.gate.weight', 'model.layers.0.mlp.up.weight']
    """
    module, _, attribute = name.rpartition(".")
    parent, _, leaf = module.rpartition(".")
    if name in wanted or leaf not in packed:
        return [name]
    return [f"{parent}.{part}.{attribute}" for part in packed[leaf]]


def _unlike(held: torch.Tensor, parts: Sequence[tuple[str, torch.Tensor]]) -> str | None:
    """The first of `parts`, stacked in `held`, that is not there; None if all are, and nothing else."""
    start = 0
    for name, tensor in parts:
        rows = held[start : start + len(tensor)]
        if (rows.shape, rows.dtype) != (tensor.shape, tensor.dtype):
            return (
                f"{name}: {rows.dtype} {list(rows.shape)} in the engine,"
                f" {tensor.dtype} {list(tensor.shape)} in the merged model"
            )
        bits = _BITS[tensor.element_size()]
        if not torch.equal(rows.view(bits), tensor.view(bits)):
            return f"{name}: the engine holds other values"
        start += len(tensor)
    name = parts[-1][0]
    if start < len(held) and not any(word in name.split(".") for word in _PADDED):
        return f"{name}: the engine holds {len(held) - start} rows more"
    return None
