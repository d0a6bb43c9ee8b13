"""A handle that says the same few things to whatever it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.evaluators.models.handle import Generation

REPLIES = {"赤い円です。": 5, "red": 1, "": 1, "青い円です。": 5}


class Parrot:
    """A handle that notes what it is asked and says the same few things in turn."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def generate(self, prompts: Sequence[str], max_new_tokens: int, **how: Any) -> list[Generation]:
        self.asked.append({"prompts": list(prompts), "length": max_new_tokens, **how})
        said = list(REPLIES.items())
        return [Generation(*said[index % len(said)]) for index in range(len(prompts))]
