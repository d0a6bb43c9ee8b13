"""Generation with stop strings against single calls that are cut, or that stop as transformers does."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from suite.evaluators.models.handle import Decoding, Generation, TransformersHandle
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators import tiny_vlm
from tests.evaluators.stopping import cut, words

PROMPTS = [
    "red",
    "What colour is the circle ?\n",
    "まるは何色ですか。",
    "赤い circle\n",
    "12 + 30 =",
]
LENGTH = 24


@functools.cache
def model() -> Any:
    tokenizer = words("unigram")
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=len(tokenizer) + 5,  # more rows than the tokenizer has tokens
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=12,
        initializer_range=0.35,
        eos_token_id=2,
    )
    made = MistralForCausalLM(config).eval()
    with torch.no_grad():
        made.lm_head.weight[4:200] *= 0.3  # fewer single bytes
        made.lm_head.weight[len(tokenizer) :] = 0
        made.lm_head.weight[2] *= 1.4  # some replies end by themselves
    return made


def alone(prompt: str, decoding: Decoding, theirs: bool) -> list[int]:
    """The ids of an ordinary call with one prompt; with transformers' own stop strings if `theirs`."""
    tokenizer = words("unigram")
    inputs = tokenizer(prompt, return_tensors="pt")
    own = {"stop_strings": list(decoding.stop), "tokenizer": tokenizer} if theirs else {}
    out = model().generate(
        input_ids=inputs.input_ids,
        attention_mask=inputs.attention_mask,
        max_new_tokens=LENGTH,
        do_sample=False,
        num_beams=decoding.num_beams,
        repetition_penalty=decoding.repetition_penalty,
        pad_token_id=3,
        **own,
    )
    reply: list[int] = out[0, inputs.input_ids.shape[1] :].tolist()
    return reply[: reply.index(2) + 1] if 2 in reply else reply


def stops_from(decoding: Decoding) -> tuple[str, ...]:
    """Strings out of the replies without stops: within a token, over tokens, one in none of them."""
    (*texts,) = (
        words("unigram").decode(alone(prompt, decoding, False), skip_special_tokens=True)
        for prompt in PROMPTS
    )
    plain = [text for text in texts if len(text) > 12]
    assert len(plain) > 2
    return (plain[0][5:8], plain[1][7:11], "never said")


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(1, 1.3)], ids=["greedy", "penalty"])
@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_greedy_replies_are_those_of_single_calls_cut(decoding: Decoding, batch_size: int) -> None:
    stop = stops_from(decoding)
    live = TransformersHandle(model(), words("unigram"), batch_size)
    found = live.generate(PROMPTS, LENGTH, decoding=Decoding(1, decoding.repetition_penalty, stop))
    whole = [alone(prompt, decoding, theirs=False) for prompt in PROMPTS]
    expected = [cut(words("unigram"), ids, stop) for ids in whole]
    assert found == [Generation(*each) for each in expected]
    shorter = [reply.tokens < len(ids) for reply, ids in zip(found, whole, strict=True)]
    assert True in shorter and False in shorter  # rows that stop beside rows that go on
    assert not any(string in reply.text for string in stop for reply in found)


@pytest.mark.parametrize("batch_size", [3, 256])
def test_beams_stop_as_transformers_has_it(batch_size: int) -> None:
    plain = Decoding(3, 1.3)
    stopping = Decoding(3, 1.3, stops_from(plain))
    live = TransformersHandle(model(), words("unigram"), batch_size)
    found = live.generate(PROMPTS, LENGTH, decoding=stopping)
    single = [alone(prompt, stopping, theirs=True) for prompt in PROMPTS]
    expected = [cut(words("unigram"), ids, stopping.stop) for ids in single]
    assert found == [Generation(*each) for each in expected]
    assert found != live.generate(PROMPTS, LENGTH, decoding=plain)


def test_without_an_end_of_sequence_rows_still_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are done go on by themselves then, and nothing of it may be seen."""
    tokenizer = tiny_vlm.tokenizer("llava")
    tokenizer.eos_token = None
    monkeypatch.setattr(model().generation_config, "eos_token_id", None)
    live = TransformersHandle(model(), tokenizer)
    assert live.ends() == []
    whole = live.generate(PROMPTS, LENGTH)
    assert {reply.tokens for reply in whole} == {LENGTH}
    stop = (whole[0].text[5:8],)
    (first, *_) = live.generate(PROMPTS, LENGTH, decoding=Decoding(stop=stop))
    assert first.text == whole[0].text[: whole[0].text.index(stop[0])] and first.tokens < LENGTH


def test_generation_ends_when_every_row_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    live = TransformersHandle(model(), words("unigram"))
    plain = live.generate(PROMPTS, LENGTH)
    widths: list[int] = []
    real = model().generate

    def generate(input_ids: torch.Tensor, **options: Any) -> Any:
        out = real(input_ids=input_ids, **options)
        widths.append(out.shape[1] - input_ids.shape[1])
        return out

    monkeypatch.setattr(model(), "generate", generate)
    stop = tuple({reply.text[3:5] for reply in plain if len(reply.text) > 4})
    found = live.generate(PROMPTS, LENGTH, decoding=Decoding(stop=stop))
    assert widths == [max(reply.tokens for reply in found)] and widths[0] < LENGTH


def test_the_prompt_does_not_stop_its_reply() -> None:
    live = TransformersHandle(model(), words("unigram"))
    (plain,) = live.generate(["red circle\n"], LENGTH)
    over = "\n" + plain.text[:2]  # begins in the prompt
    strings = tuple(each for each in ("red circle", over) if each not in plain.text)
    assert live.generate(["red circle\n"], LENGTH, decoding=Decoding(stop=strings)) == [plain]


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("name", tiny_vlm.ARCHITECTURES)
def test_a_handle_that_sees_stops_too(name: str, beams: int) -> None:
    network, processor = tiny_vlm.make(name)
    asked = [f"{tiny_vlm.PLACEHOLDER[name]}{prompt}" for prompt in PROMPTS]
    images = tiny_vlm.pictures(len(asked))
    live = VisionHandle(network, processor)
    live.tokenizer = tiny_vlm.Spelt(live.tokenizer)
    plain = live.generate(asked, 10, images, Decoding(beams))
    one, other, *_ = sorted((reply.text.split() for reply in plain), key=len, reverse=True)
    stop = (f" {one[3]}", f"{other[5]} ")
    together = live.generate(asked, 10, images, Decoding(beams, stop=stop))
    assert together != plain
    for index, reply in enumerate(together):
        (single,) = live.generate(
            asked[index : index + 1], 10, images[index : index + 1], Decoding(beams, stop=stop)
        )
        assert reply == single
        assert not any(string in reply.text for string in stop)
        if beams == 1:
            ids = [int(each) for each in plain[index].text.split()]
            assert reply == Generation(*cut(live.tokenizer, ids, stop))
