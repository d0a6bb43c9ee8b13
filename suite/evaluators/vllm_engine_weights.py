"""Whether an engine holds a model's weights: its fused tensors beside the plain ones, bit for bit.

vLLM keeps the same decoder under transformers' names, but stacks some tensors along their first axis
(q, k and v; gate and up), which a model's ``packed_modules_mapping`` lists, and pads embedding and head
with rows for tokens that do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

_PADDED = ("embed_tokens", "lm_head")
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


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
