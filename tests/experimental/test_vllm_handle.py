"""vLLM's handle keeps the contract of the transformers one.

vLLM itself is not run: `fake_vllm` stands for its public API, with real weights, caches and replies.
"""

from __future__ import annotations

from typing import Any

import pytest

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models.handle import Decoding
from suite.experimental.vllm_engine import handle as vllm_handle
from suite.recipes.layer_path import Hop, LayerPath
from tests.experimental.fake_vllm import llm_of
from tests.experimental.vllm_examples import BASE, DECODINGS, PROMPTS, recipe


def test_replies_are_the_same_on_both_engines(micro: Any, install_vllm: Any) -> None:
    live, merger = micro
    engine = vllm_handle.start(live, BASE, {})
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


def test_a_stop_string_ends_a_reply_and_its_tokens_are_counted(
    micro: Any, install_vllm: Any
) -> None:
    live, _ = micro
    engine = vllm_handle.start(live, BASE, {})
    (whole,) = engine.generate(PROMPTS[:1], 20)
    stop = whole.text[2]
    (cut,) = engine.generate(PROMPTS[:1], 20, decoding=Decoding(stop=(stop,)))
    assert cut.text == whole.text[: whole.text.index(stop)] and 1 <= cut.tokens < whole.tokens
    assert [len(ids) for ids in llm_of(engine).last] == [cut.tokens]  # vLLM went no further


def test_replies_end_where_the_checkpoint_says(micro: Any, install_vllm: Any) -> None:
    live, _ = micro
    engine = vllm_handle.start(live, BASE, {})
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


def test_likelihoods_are_the_same_on_both_engines(micro: Any, install_vllm: Any) -> None:
    live, merger = micro
    engine = vllm_handle.start(live, BASE, {})
    merger.merge(recipe(0.5, 0.5))
    replies = ["5個", "", "17", "猫"]
    found = engine.loglikelihood(PROMPTS, replies)
    assert found == pytest.approx(live.loglikelihood(PROMPTS, replies), abs=1e-3)
    assert found[1] == 0.0 and found[0] < -0.1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda h: h.generate(["a"], 2, decoding=Decoding(5)), "num_beams 5 is not possible"),
        (lambda h: h.generate(["a"], 2, [Picture(b"never opened")]), "no eyes"),
        (lambda h: h.generate(["a"], 100), r"100 more exceed the 64 of vllm\.max_model_len"),
        (lambda h: h.loglikelihood(["a"], ["1 2 3 " * 40]), r"exceed the 64 of vllm\.max_model"),
    ],
)
def test_what_it_cannot_do_is_one_line(micro: Any, install_vllm: Any, call: Any, said: str) -> None:
    engine = vllm_handle.start(micro[0], BASE, {"max_model_len": 64})
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
    micro: Any, install_vllm: Any, options: Any, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        vllm_handle.start(micro[0], BASE, options)


def test_layer_paths_are_refused_and_merges_go_on(micro: Any, install_vllm: Any) -> None:
    live, merger = micro
    engine = vllm_handle.start(live, BASE, {})
    order = [0, 1, 3, 2, 4, 5]  # as many layers as ever
    merger.merge(LayerPath("base", tuple(Hop("base", layer, 1.1) for layer in order), {}))
    with pytest.raises(BadInput, match="merges, not layer paths"):
        engine.generate(PROMPTS, 3)
    merger.merge(recipe(0.5, 0.5))
    assert engine.generate(PROMPTS, 9) == live.generate(PROMPTS, 9)
