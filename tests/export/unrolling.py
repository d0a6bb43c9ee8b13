"""Layer paths over the shipped models, and what they answer to real prompts."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from suite import resources
from suite.evaluators.datasets.items import read as read_items
from suite.evaluators.models import handle
from suite.export.checkpoint import Plan
from suite.merging import PathMerger, Sources
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.recipe import Input, Recipe

MakePlan = Callable[..., Plan]
LAYERS = 6
SOUP = Recipe("linear", (Input("base", {"weight": 1}), Input("math_add", {"weight": 2})))


def ten_hops(seed: int = 0, low: float = 0.5, high: float = 1.4, **merges: Recipe) -> LayerPath:
    """A path over two models and what `merges` names, with seeded scales."""
    rng = random.Random(seed)
    parts = ["base", "japanese", *merges]
    middle = [(part, rng.randrange(LAYERS)) for part in (parts * 8)[:8]]
    order = [("base", 0), *middle, ("base", LAYERS - 1)]
    return LayerPath("base", tuple(Hop(*hop, rng.uniform(low, high)) for hop in order), merges)


@cache
def prompts() -> torch.Tensor:
    """The beginnings of 8 real prompts, token ids of shape (8, 20)."""
    items = read_items(resources.resolve("zoo:ja_math_micro/items/ja_math/search.jsonl"))[:8]
    live = handle.load(resources.resolve("zoo:ja_math_micro/base"), "cpu")
    return torch.tensor([ids[:20] for ids in live.encode([item.prompt for item in items])])


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=prompts()).logits.float()  # type: ignore[no-any-return]


def searched(plan: Plan) -> handle.TransformersHandle:
    """The model as the search has it."""
    live = handle.load(plan.folders[plan.base], "cpu", dtype=plan.live)
    PathMerger(Sources.load(dict(plan.folders)), live.model).merge(plan.recipe)
    return live


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())
