"""A tiny model that sees, by architecture: as a handle, in an ordinary call, watched and altered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models.handle import Decoding
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators import tiny_vlm

BEAMS = Decoding(num_beams=5, repetition_penalty=1.5)
LENGTH = 10
PICTURES = tiny_vlm.pictures(4)


@functools.cache
def made(architecture: str) -> tuple[Any, Any]:
    return tiny_vlm.make(architecture)


def handle(name: str, **options: Any) -> VisionHandle:
    model, processor = made(name)
    live = VisionHandle(model, processor, **options)
    live.tokenizer = tiny_vlm.Spelt(live.tokenizer)
    return live


def prompts(name: str) -> list[str]:
    token = tiny_vlm.PLACEHOLDER[name]
    return [
        f"{token}red",
        f"赤い{token} What colour?\n",
        f"{token}まるは何色ですか。\n",
        f"a {token}",
    ]


def ordinary(name: str, prompt: str, picture: Picture, decoding: Decoding) -> tuple[str, int]:
    """The reply of ``model.generate(**processor(...))`` to one prompt, as ids, and its length."""
    model, processor = made(name)
    inputs = processor(text=[prompt], images=[picture.image()], return_tensors="pt")
    out = model.generate(
        **inputs,
        max_new_tokens=LENGTH,
        do_sample=False,
        num_beams=decoding.num_beams,
        repetition_penalty=decoding.repetition_penalty,
    )
    reply = out[0, inputs["input_ids"].shape[1] :].tolist()
    return " ".join(map(str, reply)), len(reply)


def replies(live: VisionHandle, name: str, decoding: Decoding) -> list[tuple[str, int]]:
    found = live.generate(prompts(name), LENGTH, PICTURES, decoding)
    return [(reply.text, reply.tokens) for reply in found]


@contextmanager
def watched(owner: Any, attribute: str, after: Callable[[Any], Any]) -> Iterator[None]:
    """Call `after` with each result of a method, whose signature stays visible."""
    real = getattr(owner, attribute)

    @functools.wraps(real)
    def spy(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        after(result)
        return result

    setattr(owner, attribute, spy)
    try:
        yield
    finally:
        delattr(owner, attribute)


@contextmanager
def counted(name: str) -> Iterator[list[int]]:
    """How often the vision tower has run."""
    body = made(name)[0].model
    tower = body.visual if name == "qwen2_vl" else body.vision_tower
    calls: list[int] = []
    with watched(tower, "forward", lambda _: calls.append(1)):
        yield calls


@contextmanager
def altered(name: str) -> Iterator[None]:
    """Other weights in the language tower, embeddings and head included, put in place."""
    model = made(name)[0]
    merged = [*model.model.language_model.parameters(), *model.lm_head.parameters()]
    before = [parameter.detach().clone() for parameter in merged]
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in merged:
            parameter.add_(0.05 * torch.randn_like(parameter))
        yield
        for parameter, value in zip(merged, before, strict=True):
            parameter.copy_(value)
