"""Search spaces over the layers of two small parts, and paths in few words."""

from __future__ import annotations

from typing import Any

from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.recipe import Input, Recipe
from suite.spaces.path_space import PathSpace

PARTS = {"a": 3, "b": 3}
BOUNDS = {"low": 0.4, "high": 1.5}
MERGE = Recipe("linear", (Input("x", {"weight": 1.0}), Input("y", {"weight": 3.0})))


def slots(scales: str = "none", **options: Any) -> PathSpace:
    options = {"repeats": 2, "scale": None if scales == "none" else BOUNDS, **options}
    return PathSpace("slots", options.pop("parts", PARTS), scales=scales, **options)


def compact(scales: str = "none", **options: Any) -> PathSpace:
    options = {"scale": None if scales == "none" else BOUNDS, **options}
    return PathSpace("compact", options.pop("parts", PARTS), scales=scales, **options)


def path(text: str, *scales: float) -> LayerPath:
    """``path("a0 b1", 0.5)``: hops, and the scales of all but the first."""
    hops = [Hop(word[0], int(word[1:])) for word in text.split()]
    pairs = zip(hops, (1.0, *scales) if scales else (1.0,) * len(hops), strict=True)
    return LayerPath("a", tuple(Hop(hop.part, hop.layer, scale) for hop, scale in pairs))
