"""Prompts, decodings and merges of the micro task's models, for two engines to agree on."""

from __future__ import annotations

from suite import resources
from suite.evaluators.models.handle import Decoding
from suite.recipes.recipe import Input, Recipe

BASE = resources.ZOO / "ja_math_micro" / "base"
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
    """The base and so much of the task vector of each of `NAMES`."""
    inputs = [Input(n, {"weight": w}) for n, w in zip(NAMES, weights, strict=True)]
    return Recipe("task_arithmetic", tuple(inputs), "base", {"normalize": False, "lambda": 1.0})
