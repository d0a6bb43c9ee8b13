"""vLLM's handle keeps the contract of the transformers one; an engine that is stale never scores.

vLLM itself is not run: `fake_vllm` stands for its public API, with real weights, caches and replies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from suite import places
from suite.commands import assemble
from suite.commands.compose import compose
from suite.errors import BadInput
from suite.evaluators import handle, vllm_engine
from suite.evaluators.handle import Decoding, TransformersHandle
from suite.evaluators.pictures import Picture
from suite.evaluators.vllm_engine import VllmHandle
from suite.evaluators.vllm_engine_swap import Engine, StaleEngine
from suite.evaluators.vllm_engine_weights import difference
from suite.layer_path import Hop, LayerPath
from suite.merging import PathMerger, Sources
from suite.recipe import Input, Recipe
from tests.evaluators import fake_vllm

BASE = places.ZOO / "ja_math_micro" / "base"
NAMES = ("japanese", "math_add")
PROMPTS = [
    "りんごが12個あります。7個食べました。残りは何個ですか。\n",
    "Tom has 12 apples. He buys 5 more apples. How many apples does Tom have now?\n",
    "Tom has 12 apples. He buys 5 more apples. How many apples does Mary have now?\n",
    "猫",
]
DECODINGS = [
    Decoding(),
    Decoding(1, 1.5),
    Decoding(stop=("1", "。")),
    Decoding(1, 1.2, ("a", "の")),
]


def recipe(*weights: float) -> Recipe:
    inputs = [Input(n, {"weight": w}) for n, w in zip(NAMES, weights, strict=True)]
    return Recipe("task_arithmetic", tuple(inputs), "base", {"normalize": False, "lambda": 1.0})


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `vllm` be the fake, with another class of `LLM` if one is given."""
    # What the adapter sets is undone with these.
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "WARNING")

    def put(llm: type = fake_vllm.LLM) -> None:
        module: Any = ModuleType("vllm")
        module.LLM, module.SamplingParams = llm, fake_vllm.SamplingParams
        monkeypatch.setitem(sys.modules, "vllm", module)

    put()
    return put


@pytest.fixture(scope="module")
def sources() -> Sources:
    folders = {name: BASE.with_name(name) for name in NAMES}
    return Sources.load({"base": BASE, **folders}, "cpu")


@pytest.fixture
def plain(sources: Sources) -> Iterator[tuple[TransformersHandle, PathMerger]]:
    live = handle.load(BASE, "cpu", batch_size=8)
    yield live, PathMerger(sources, live.model, "eager")


def llm_of(engine: VllmHandle) -> fake_vllm.LLM:
    found: fake_vllm.LLM = engine._engine._llm
    return found


def test_replies_are_the_same_on_both_engines(plain: Any, install: Any) -> None:
    live, merger = plain
    engine = vllm_engine.start(live, BASE, {})
    seen = []
    for weights in ((0.0, 0.0), (0.6, 0.4), (1.0, 0.0), (0.6, 0.4)):
        merger.merge(recipe(*weights))
        for decoding in DECODINGS:
            replies = engine.generate(PROMPTS, 14, decoding=decoding)
            assert replies == live.generate(PROMPTS, 14, decoding=decoding)
            seen.append(replies)
    by_merge = [seen[n : n + len(DECODINGS)] for n in range(0, len(seen), len(DECODINGS))]
    assert by_merge[1] == by_merge[3] and by_merge[0] != by_merge[1] != by_merge[2]
    assert all(a != b for a, b in zip(by_merge[1], by_merge[1][1:], strict=False))


def test_a_stop_string_ends_a_reply_and_its_tokens_are_counted(plain: Any, install: Any) -> None:
    live, _ = plain
    engine = vllm_engine.start(live, BASE, {})
    (whole,) = engine.generate(PROMPTS[:1], 20)
    stop = whole.text[2]
    (cut,) = engine.generate(PROMPTS[:1], 20, decoding=Decoding(stop=(stop,)))
    assert cut.text == whole.text[: whole.text.index(stop)] and 1 <= cut.tokens < whole.tokens
    assert [len(ids) for ids in llm_of(engine).last] == [cut.tokens]  # vLLM went no further


def test_replies_end_where_the_checkpoint_says(plain: Any, install: Any) -> None:
    live, _ = plain
    engine = vllm_engine.start(live, BASE, {})
    (whole,) = engine.generate(PROMPTS[:1], 14)
    (ids,) = llm_of(engine).last
    assert whole.tokens == len(ids) < 14 and ids[-1] == live.tokenizer.eos_token_id
    live.model.generation_config.eos_token_id = [2, ids[2], 10**6]  # the last is no token
    (reply,) = engine.generate(PROMPTS[:1], 14)
    assert reply.tokens == ids.index(ids[2]) + 1 and [reply] == live.generate(PROMPTS[:1], 14)
    live.model.generation_config.eos_token_id = live.tokenizer.eos_token = None
    live.tokenizer.pad_token = "<unk>"
    (endless,) = engine.generate(PROMPTS[:1], 14)
    assert endless.tokens == 14 and [endless] == live.generate(PROMPTS[:1], 14)


def test_likelihoods_are_the_same_on_both_engines(plain: Any, install: Any) -> None:
    live, merger = plain
    engine = vllm_engine.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    replies = ["5個", "", "17", "猫"]
    found = engine.loglikelihood(PROMPTS, replies)
    assert found == pytest.approx(live.loglikelihood(PROMPTS, replies), abs=1e-3)
    assert found[1] == 0.0 and found[0] < -0.1


def test_every_swap_is_followed_by_a_reset_and_equal_weights_are_not_swapped(
    plain: Any, install: Any
) -> None:
    live, merger = plain
    engine = vllm_engine.start(live, BASE, {})
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


def test_sixteen_bits_are_swapped_and_compared_as_they_are(sources: Sources, install: Any) -> None:
    live = handle.load(BASE, "cpu", dtype="bfloat16")
    merger = PathMerger(sources, live.model, "eager")
    engine = vllm_engine.start(live, BASE, {})
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
    plain: Any, install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, merger = plain
    install(Forgetful)
    with pytest.raises(StaleEngine, match=r"kept \d+ tokens of the prefix cache of other weights"):
        vllm_engine.start(live, BASE, {})
    with monkeypatch.context() as unchecked:
        unchecked.setattr(Engine, "_check_cache", lambda self: None)
        engine = vllm_engine.start(live, BASE, {})
        merger.merge(recipe(1.0, 0.0))
        engine.generate(PROMPTS, 14)
        merger.merge(recipe(0.0, 1.0))
        assert engine.generate(PROMPTS, 14) != live.generate(PROMPTS, 14)


def test_a_refused_reset_raises_again_and_again(plain: Any, install: Any) -> None:
    live, merger = plain
    install(Busy)
    engine = vllm_engine.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    for _ in range(2):  # the weights are there by now; the cache is not trusted
        with pytest.raises(StaleEngine, match="could not reset"):
            engine.generate(PROMPTS, 3)


def test_a_cache_that_cannot_be_watched_is_refused_unless_it_is_off(
    plain: Any, install: Any
) -> None:
    live, merger = plain
    install(Silent)
    with pytest.raises(StaleEngine, match=r"\+vllm\.enable_prefix_caching=false"):
        vllm_engine.start(live, BASE, {})
    engine = vllm_engine.start(live, BASE, {"enable_prefix_caching": False})
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
def test_a_tensor_that_is_not_loaded_raises(plain: Any, install: Any, lost: str) -> None:
    live, merger = plain
    install(broken(lambda weights: ((n, t) for n, t in weights if n != lost)))
    engine = vllm_engine.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    for _ in range(2):
        with pytest.raises(StaleEngine, match=f"{lost}: the engine holds other values"):
            engine.generate(PROMPTS, 3)


def test_parts_in_the_wrong_order_raise(plain: Any, install: Any) -> None:
    live, merger = plain
    swapped = {"gate_proj": "up_proj", "up_proj": "gate_proj"}

    def change(weights: Any) -> Any:
        for name, tensor in weights:
            word = name.split(".")[-2]
            yield name.replace(word, swapped.get(word, word)), tensor

    install(broken(change))
    engine = vllm_engine.start(live, BASE, {})
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
    plain: Any, install: Any
) -> None:
    install(type("RepackedLLM", (fake_vllm.LLM,), {"model_class": Repacked}))
    with pytest.raises(StaleEngine, match="computes with other weights than it shows"):
        vllm_engine.start(plain[0], BASE, {})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda h: h.generate(["a"], 2, decoding=Decoding(5)), "num_beams 5 is not possible"),
        (lambda h: h.generate(["a"], 2, [Picture(b"never opened")]), "no eyes"),
        (lambda h: h.generate(["a"], 100), r"100 more exceed the 64 of vllm\.max_model_len"),
        (lambda h: h.loglikelihood(["a"], ["1 2 3 " * 40]), r"exceed the 64 of vllm\.max_model"),
    ],
)
def test_what_it_cannot_do_is_one_line(plain: Any, install: Any, call: Any, said: str) -> None:
    engine = vllm_engine.start(plain[0], BASE, {"max_model_len": 64})
    with pytest.raises(BadInput, match=said):
        call(engine)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dtype": "float16"}, r"vllm\.dtype: the suite decides that"),
        ({"tensor_parallel_size": 2}, r"vllm\.tensor_parallel_size: the suite decides"),
        ({"max_model_len": 1000}, "engine=vllm: User-specified max_model_len 1000 is too large$"),
        ({"no_such_option": 1}, "engine=vllm: .*no_such_option"),
    ],
)
def test_settings_that_it_does_not_take_are_refused(
    plain: Any, install: Any, options: Any, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        vllm_engine.start(plain[0], BASE, options)


def test_layer_paths_are_refused_and_merges_go_on(plain: Any, install: Any) -> None:
    live, merger = plain
    engine = vllm_engine.start(live, BASE, {})
    order = [0, 1, 3, 2, 4, 5]  # as many layers as ever
    merger.merge(LayerPath("base", tuple(Hop("base", layer, 1.1) for layer in order), {}))
    with pytest.raises(BadInput, match="merges, not layer paths"):
        engine.generate(PROMPTS, 3)
    merger.merge(recipe(0.5, 0.5))
    assert engine.generate(PROMPTS, 9) == live.generate(PROMPTS, 9)


def test_a_task_scores_the_same_on_both_engines(
    install: Any, few_items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_engine, "DEVICES", ("cpu",))
    words = [*few_items, "device=cpu", "merging.mode=eager", "batch_size=8"]
    ours = assemble.task(compose(words))
    theirs = assemble.task(compose([*words, "engine=vllm", "+vllm.max_model_len=200"]))
    assert type(ours.handle) is TransformersHandle
    assert isinstance(theirs.handle, VllmHandle) and llm_of(theirs.handle).length == 200
    for weight in (0.2, 0.6):
        merge = ours.recipe(torch.full((ours.space.d,), weight).double().numpy())
        assert theirs.measure(merge, "search").scores == ours.measure(merge, "search").scores


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["engine=sglang"], "engine=sglang: allowed are transformers, vllm"),
        (["engine=vllm", "device=cpu"], "runs on cuda:0, not on cpu"),
        (["engine=vllm", "task=ja_vlm_micro"], "has pictures; use engine=transformers"),
        (["engine=vllm", "task=ja_math_micro_dfs"], "searches layer paths"),
    ],
)
def test_tasks_that_it_cannot_do_are_refused_before_anything_is_loaded(
    install: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.setattr(assemble, "folders", None)
    with pytest.raises(BadInput, match=said):
        assemble.task(compose(words))


def test_beams_and_a_missing_vllm_are_told_before_anything_is_loaded(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "folders", None)
    monkeypatch.setattr(vllm_engine, "DEVICES", ("cpu",))
    words = ["engine=vllm", "device=cpu"]
    with pytest.raises(BadInput, match="num_beams 3 is not possible"):
        assemble.task(compose([*words, "+task.evaluators.ja_math.decoding={num_beams: 3}"]))
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(BadInput, match=r"pip install 'merge-suite\[vllm\]'"):
        assemble.task(compose(words))


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
