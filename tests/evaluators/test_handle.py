"""Decoding, padding and ends of replies of the handle without eyes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models.handle import Decoding, TransformersHandle
from tests.evaluators import tiny_vlm

PROMPTS = [
    "red",
    "What colour is the circle ?\n",
    "まるは何色ですか。",
    "赤い circle\n",
    "12 + 30 =",
]
BEAMS = Decoding(num_beams=5, repetition_penalty=1.5)


@pytest.fixture
def live() -> TransformersHandle:
    words = tiny_vlm.tokenizer("llava")
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=len(words),
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=12,
        initializer_range=0.35,
        eos_token_id=2,
    )
    return TransformersHandle(MistralForCausalLM(config), tiny_vlm.Spelt(words))


def alone(live: TransformersHandle, prompt: str, decoding: Decoding, length: int = 12) -> Any:
    """What the ordinary call replies to one prompt: its ids as text, and their number."""
    inputs = live.tokenizer(prompt, return_tensors="pt")
    out = live.model.generate(
        **inputs,
        max_new_tokens=length,
        do_sample=False,
        num_beams=decoding.num_beams,
        repetition_penalty=decoding.repetition_penalty,
        pad_token_id=3,
    )
    reply = out[0, inputs.input_ids.shape[1] :].tolist()
    return " ".join(map(str, reply)), len(reply)


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(1, 1.5), Decoding(3), BEAMS])
@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_replies_are_those_of_ordinary_calls_one_by_one(
    live: TransformersHandle, decoding: Decoding, batch_size: int
) -> None:
    live.batch_size = batch_size
    replies = live.generate(PROMPTS, 12, decoding=decoding)
    found = [(reply.text, reply.tokens) for reply in replies]
    assert found == [alone(live, prompt, decoding) for prompt in PROMPTS]


def test_settings_of_decoding_change_replies(live: TransformersHandle) -> None:
    decodings = [Decoding(), Decoding(1, 1.5), Decoding(3), BEAMS]
    found = [[r.text for r in live.generate(PROMPTS, 12, decoding=d)] for d in decodings]
    assert all(found[i] != found[j] for i in range(4) for j in range(i))


def test_padding_adds_no_id_that_a_penalty_could_see(
    live: TransformersHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[tuple[list[int], list[int]]] = []
    real = live.model.generate

    def generate(input_ids: torch.Tensor, attention_mask: torch.Tensor, **options: Any) -> Any:
        rows.extend(zip(input_ids.tolist(), attention_mask.tolist(), strict=True))
        return real(input_ids=input_ids, attention_mask=attention_mask, **options)

    monkeypatch.setattr(live.model, "generate", generate)
    live.generate(PROMPTS, 2, decoding=BEAMS)
    lengths = [mask.count(1) for _, mask in rows]
    assert lengths == sorted(map(len, live.encode(PROMPTS))) and len(set(lengths)) > 3
    for ids, mask in rows:
        padding = len(ids) - mask.count(1)
        assert mask == [0] * padding + [1] * (len(ids) - padding)  # on the left
        assert set(ids[:padding]) <= set(ids[padding:])


def test_a_prompt_takes_a_row_for_each_beam(
    live: TransformersHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = live.model.generate

    def generate(input_ids: torch.Tensor, **options: Any) -> Any:
        sizes.append(len(input_ids) * options["num_beams"])
        return real(input_ids=input_ids, **options)

    monkeypatch.setattr(live.model, "generate", generate)
    live.batch_size = 11
    live.generate(PROMPTS, 2, decoding=BEAMS)
    assert sizes == [10, 10, 5]
    live.batch_size = 2
    live.generate(PROMPTS[:1], 2, decoding=BEAMS)
    assert sizes[3:] == [5]


def test_replies_end_at_each_end_that_the_checkpoint_names(live: TransformersHandle) -> None:
    (first,) = live.generate(["red"], 12)
    ids = first.text.split()
    assert first.tokens == 12
    extra = int(ids[4])
    live.model.generation_config.eos_token_id = [extra, 2]
    (cut,) = live.generate(["red"], 12)
    length = ids.index(str(extra)) + 1
    assert (cut.text.split(), cut.tokens) == (ids[:length], length)
    live.model.generation_config.eos_token_id = None
    assert live.generate(["red"], 12) == [first]


def test_likelihoods_do_not_depend_on_company(live: TransformersHandle) -> None:
    replies = ["赤い", "", "red 12", "何色です", "x"]
    together = live.loglikelihood(PROMPTS, replies)
    for prompt, reply, batched in zip(PROMPTS, replies, together, strict=True):
        head = live.tokenizer(prompt).input_ids
        tail = live.tokenizer(reply, add_special_tokens=False).input_ids
        with torch.inference_mode():
            logits = live.model(torch.tensor([head + tail])).logits[0].log_softmax(-1)
        total = sum(float(logits[len(head) - 1 + i, token]) for i, token in enumerate(tail))
        assert batched == pytest.approx(total, abs=1e-4)
    assert together[1] == 0.0


def test_pictures_need_eyes(live: TransformersHandle) -> None:
    picture = Picture(b"never opened")
    for call in (
        lambda: live.generate(["red", "red"], 2, [None, picture]),
        lambda: live.loglikelihood(["red"], ["red"], [picture]),
    ):
        with pytest.raises(BadInput, match=r"no eyes.*task\.vlm"):
            call()
    assert live.generate(["red"], 2, [None]) == live.generate(["red"], 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_beams": 0}, "num_beams 0 must be at least 1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty 0.0 must be positive"),
        ({"repetition_penalty": float("nan")}, "repetition_penalty nan must be positive"),
    ],
)
def test_impossible_decodings_are_refused(options: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Decoding(**options)
