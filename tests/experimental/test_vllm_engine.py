"""Every new merge reaches the engine whole, and nothing of the one before it stays in its cache.

vLLM itself is not run: `fake_vllm` stands for its public API, and breaks here in the ways that it could.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from suite.evaluators.models import handle
from suite.experimental.vllm_engine import handle as vllm_handle
from suite.experimental.vllm_engine.engine import Engine, StaleEngine, difference
from suite.merging import PathMerger, Sources
from tests.experimental import fake_vllm
from tests.experimental.fake_vllm import llm_of
from tests.experimental.vllm_examples import BASE, PROMPTS, recipe


def test_every_swap_is_followed_by_a_reset_and_equal_weights_are_not_swapped(
    micro: Any, install_vllm: Any
) -> None:
    live, merger = micro
    engine = vllm_handle.start(live, BASE, {})
    log = llm_of(engine).log
    started = len(log)
    assert log[: log.index("reset")].count("load") == 1  # then probes: with the same weights
    engine.generate(PROMPTS, 3)
    merger.merge(recipe(0.0, 0.0))  # the base itself: the same bits
    engine.generate(PROMPTS, 3)
    assert log[started:] == ["generate", "generate"]
    for weights in ((0.3, 0.1), (0.3, 0.2)):
        before = len(log)
        merger.merge(recipe(*weights))
        engine.generate(PROMPTS, 3)
        engine.loglikelihood(PROMPTS[:1], ["a"])
        # a probe into the cache, the swap, the reset, the probe that must not be cached; answers
        assert log[before:] == ["generate", "load", "reset", "generate", "generate", "generate"]
    assert not any(hasattr(p, "shard_id") for p in live.model.parameters())


def test_sixteen_bits_are_swapped_and_compared_as_they_are(
    micro_sources: Sources, install_vllm: Any
) -> None:
    live = handle.load(BASE, "cpu", dtype="bfloat16")
    merger = PathMerger(micro_sources, live.model, "eager")
    engine = vllm_handle.start(live, BASE, {})
    merger.merge(recipe(0.6, 0.4))
    replies = ["5個", "17"]
    found = engine.loglikelihood(PROMPTS[:2], replies)
    assert found == pytest.approx(live.loglikelihood(PROMPTS[:2], replies), abs=1.0)
    assert {p.dtype for p in llm_of(engine).module.parameters()} == {torch.bfloat16}
    assert difference(llm_of(engine).module, live.model) is None


class Forgetful(fake_vllm.LLM):
    """Says that its cache is reset, and keeps it."""

    def reset_prefix_cache(self, *_: Any, **__: Any) -> bool:
        return True


class Busy(fake_vllm.LLM):
    """Cannot reset its cache from the second swap on, and says so."""

    def reset_prefix_cache(self, *_: Any, **__: Any) -> bool:
        super().reset_prefix_cache()
        return self.log.count("reset") < 2


class Silent(fake_vllm.LLM):
    """Does not say which tokens come from the cache."""

    def said(self, read: int) -> int | None:
        return None


def test_a_cache_that_is_not_reset_raises_and_would_have_changed_replies(
    micro: Any, install_vllm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, merger = micro
    install_vllm(Forgetful)
    with pytest.raises(StaleEngine, match=r"kept \d+ tokens of the prefix cache of other weights"):
        vllm_handle.start(live, BASE, {})
    with monkeypatch.context() as unchecked:
        unchecked.setattr(Engine, "_check_cache", lambda self: None)
        engine = vllm_handle.start(live, BASE, {})
        merger.merge(recipe(1.0, 0.0))
        engine.generate(PROMPTS, 14)
        merger.merge(recipe(0.0, 1.0))
        assert engine.generate(PROMPTS, 14) != live.generate(PROMPTS, 14)


def test_a_refused_reset_raises_again_and_again(micro: Any, install_vllm: Any) -> None:
    live, merger = micro
    install_vllm(Busy)
    engine = vllm_handle.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    for _ in range(2):  # the weights are there by now; the cache is not trusted
        with pytest.raises(StaleEngine, match="could not reset"):
            engine.generate(PROMPTS, 3)


def test_a_cache_that_cannot_be_watched_is_refused_unless_it_is_off(
    micro: Any, install_vllm: Any
) -> None:
    live, merger = micro
    install_vllm(Silent)
    with pytest.raises(StaleEngine, match=r"\+vllm\.enable_prefix_caching=false"):
        vllm_handle.start(live, BASE, {})
    engine = vllm_handle.start(live, BASE, {"enable_prefix_caching": False})
    merger.merge(recipe(0.5, 0.5))
    assert engine.generate(PROMPTS, 9) == live.generate(PROMPTS, 9)


def broken(change: Any) -> type[fake_vllm.LLM]:
    """An engine whose model loads what `change` makes of the weights, after its first load."""

    class Broken(fake_vllm.Model):
        loads = 0

        def load_weights(self, weights: Any) -> set[str]:
            self.loads += 1
            return super().load_weights(change(weights) if self.loads > 1 else weights)

    return type("BrokenLLM", (fake_vllm.LLM,), {"model_class": Broken})


@pytest.mark.parametrize(
    "lost",
    [
        "model.layers.1.self_attn.k_proj.weight",
        "model.layers.5.mlp.up_proj.weight",
        "model.layers.0.input_layernorm.weight",
        "model.embed_tokens.weight",
        "lm_head.weight",
    ],
)
def test_a_tensor_that_is_not_loaded_raises(micro: Any, install_vllm: Any, lost: str) -> None:
    live, merger = micro
    install_vllm(broken(lambda weights: ((n, t) for n, t in weights if n != lost)))
    engine = vllm_handle.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    for _ in range(2):
        with pytest.raises(StaleEngine, match=f"{lost}: the engine holds other values"):
            engine.generate(PROMPTS, 3)


def test_parts_in_the_wrong_order_raise(micro: Any, install_vllm: Any) -> None:
    live, merger = micro
    swapped = {"gate_proj": "up_proj", "up_proj": "gate_proj"}

    def change(weights: Any) -> Any:
        for name, tensor in weights:
            word = name.split(".")[-2]
            yield name.replace(word, swapped.get(word, word)), tensor

    install_vllm(broken(change))
    engine = vllm_handle.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    with pytest.raises(StaleEngine, match=r"gate_proj\.weight: the engine holds other values"):
        engine.loglikelihood(PROMPTS[:1], ["1"])


class Repacked(fake_vllm.Model):
    """Computes with a copy of one layer's weights, made when it started."""

    def __init__(self, config: Any, dtype: torch.dtype) -> None:
        super().__init__(config, dtype)
        for parameter in self.plain.model.layers[2].parameters():
            parameter.data = parameter.data.clone()


def test_an_engine_that_computes_with_other_weights_than_it_shows_never_starts(
    micro: Any, install_vllm: Any
) -> None:
    install_vllm(type("RepackedLLM", (fake_vllm.LLM,), {"model_class": Repacked}))
    with pytest.raises(StaleEngine, match="computes with other weights than it shows"):
        vllm_handle.start(micro[0], BASE, {})


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
