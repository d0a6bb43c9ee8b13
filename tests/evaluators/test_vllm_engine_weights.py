"""Weights of an engine against those of the live model: to the bit, and each counted."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from suite.evaluators.vllm_engine_weights import difference
from tests.evaluators import fake_vllm


def small(**tensors: torch.Tensor) -> nn.Module:
    """A module with these tensors; ``__`` in a name stands for a dot."""
    root = nn.Module()
    for name, tensor in tensors.items():
        fake_vllm.plant(root, name.replace("__", "."), nn.Parameter(tensor.clone()))
    return root


def test_weights_are_compared_to_the_bit_and_each_is_counted() -> None:
    q, k, table, bias = torch.rand(4, 3), torch.rand(2, 3), torch.rand(5, 3), torch.rand(4)
    zero = torch.zeros(1, 3)
    live = small(a__q__weight=q, a__k__weight=k, a__q__bias=bias, a__k__bias=bias[:2])
    fake_vllm.plant(live, "embed_tokens.weight", table_of := nn.Parameter(table))
    fake_vllm.plant(live, "lm_head.weight", table_of)  # tied

    def held(**other: torch.Tensor) -> nn.Module:
        whole = {
            "a__qk__weight": torch.cat([q, k]),
            "a__qk__bias": torch.cat([bias, bias[:2]]),
            "embed_tokens__weight": torch.cat([table, zero]),
        }
        engine: Any = small(**{**whole, **other})
        engine.packed_modules_mapping = {"qk": ["q", "k"]}
        return engine

    assert difference(held(), live) is None
    assert difference(held(lm_head__weight=table), live) is None  # a copy of its own
    off = torch.cat([q, k])
    off[-1, -1] = torch.nextafter(off[-1, -1], torch.tensor(9.0))
    assert difference(held(a__qk__weight=off), live) == "a.k.weight: the engine holds other values"
    more = torch.cat([bias, bias[:2], bias[:1]])
    assert difference(held(a__qk__bias=more), live) == "a.k.bias: the engine holds 1 rows more"
    assert "torch.float16 [4, 3]" in str(difference(held(a__qk__weight=off.half()), live))
    assert "[1, 3] in the engine" in str(difference(held(a__qk__weight=off[:5]), live))
    assert difference(held(b__weight=q), live) == (
        "b.weight: the engine holds it, the merged model does not"
    )
    fake_vllm.plant(live, "norm.weight", nn.Parameter(bias))
    assert difference(held(), live) == "norm.weight: the engine does not hold it"
    negative = small(w=-torch.zeros(2))
    assert difference(negative, small(w=torch.zeros(2))) == "w: the engine holds other values"
