"""Parts of a model that a knob may set: embeddings, groups of consecutive layers, head."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from suite.errors import BadInput
from suite.recipes.parameters import Filtered

EMBEDDINGS, HEAD = "embeddings", "head"


def parts(layers: int, count: int | None) -> list[str]:
    """Embeddings, `count` groups of the `layers` as ``layers.3`` or ``layers.2-3``, and head."""
    if not count or not 1 <= count <= layers:
        raise BadInput(f"merge: groups is {count}; allowed: 1 to {layers} layers")
    edges = [round(index * layers / count) for index in range(count + 1)]
    spans = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(edges)]
    return [EMBEDDINGS, *(f"layers.{span}" for span in spans), HEAD]


def filters(values: Mapping[Any, Any]) -> tuple[Filtered, ...]:
    """Values per part as mergekit filters: substrings of tensor names, first match wins."""
    return tuple(Filtered(text, value) for part, value in values.items() for text in _names(part))


def tensor(part: str | None) -> str:
    """A tensor that stands for a part of the model; the embeddings stand for all of it."""
    if part in (None, EMBEDDINGS):
        return "model.embed_tokens.weight"
    if part == HEAD:
        return "lm_head.weight"
    return f"model.layers.{_span(str(part))[0]}.mlp.down_proj.weight"


def _span(part: str) -> range:
    """The layer numbers of ``layers.3`` or ``layers.2-3``."""
    first, _, last = part.removeprefix("layers.").partition("-")
    return range(int(first), int(last or first) + 1)


def _names(part: str) -> list[str]:
    """The substrings by which a part's tensors are known."""
    if part == EMBEDDINGS:
        return ["embed_tokens"]
    if part == HEAD:
        return ["lm_head", "model.norm"]
    return [f"layers.{index}." for index in _span(part)]
