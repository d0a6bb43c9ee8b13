"""Recipes, shapes and types for the GPU's kernel, and what it gives beside an eager merge."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import pytest
import torch

from suite.merging import planner
from suite.merging.plan import Plan
from suite.merging.sources import Sources
from suite.merging.tables import Tables
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed"
)
SHAPES = {  # around the borders of units of 16 and of tiles, and of several tiles
    **{f"layers.{i}.w": (n,) for i, n in enumerate([1, 15, 16, 17, 63, 64, 65, 128, 129])},
    "layers.3.z": (0,),
    "layers.9.w": (5, 31),
    "layers.10.w": (9, 16),
}
TYPES = {  # of the sources, of the live model
    "float32": (torch.float32, torch.float32),
    "bfloat16": (torch.bfloat16, torch.bfloat16),
    "float16": (torch.bfloat16, torch.float16),
}


def inputs(models: str = "abc", **more: Any) -> tuple[Input, ...]:
    each = ((0.2, -0.4, 0.9), (Filtered("layers.1", 0.0), Filtered(None, 0.7)), 0.3, -0.1)
    return tuple(
        Input(m, {"weight": w, **more}) for m, w in zip(models, each[: len(models)], strict=True)
    )


DENSE: dict[str, Any] = {"density": (Filtered("layers.1", 0.3), Filtered(None, (0.9, 0.1, 0.6)))}
PAIR = (Input("a"), Input("b"))
RANDOM: dict[str, Any] = {"rescale": "none", "seed": 3}
RECIPES = {
    "linear": Recipe("linear", inputs("abcd")),
    "passthrough": Recipe("passthrough", (Input("b", {"scale": 0.7}),)),
    "slerp": Recipe("slerp", PAIR, "a", {"t": 0.3}),
    "nuslerp": Recipe("nuslerp", inputs("ab"), "base"),
    "task arithmetic": Recipe("task_arithmetic", inputs(), "base", {"lambda": (0.4, 1.0)}),
    "model stock": Recipe("model_stock", tuple(Input(m) for m in "abc"), "base"),
    "karcher": Recipe("karcher", tuple(Input(m) for m in "abc")),
    "ties": Recipe("ties", inputs(**DENSE), "base", {"lambda": 0.7}),
    "ties sum": Recipe("ties", inputs("ab", density=0.2), "base", {"normalize": False}),
    "breadcrumbs": Recipe("breadcrumbs", inputs(**DENSE), "base"),
    "breadcrumbs ties": Recipe("breadcrumbs_ties", inputs(density=0.4, gamma=0.1), "base"),
    "dare linear": Recipe("dare_linear", inputs(**DENSE), "base", RANDOM),
    "dare all": Recipe("dare_linear", inputs(density=1.0), "base", RANDOM),
    "dare nothing": Recipe("dare_ties", inputs(density=0.0), "base", RANDOM),
    "dare paper": Recipe(
        "dare_ties", inputs(density=0.6), "base", {"rescale": "inverse_density", "seed": 1}
    ),
    "della": Recipe("della", inputs(density=0.5), "base", RANDOM),
    "della paper": Recipe(
        "della_linear", inputs(density=0.4), "base", {"rescale": "inverse_density"}
    ),
    "sce all": Recipe("sce", tuple(Input(m) for m in "abc"), "base"),
    "dare l1": Recipe("dare_ties", inputs(**DENSE), "base", {"rescale": "l1"}),
    "dare linear l1": Recipe("dare_linear", inputs("abcd", density=0.6), "base"),
    "della l1": Recipe("della", inputs(density=0.5), "base", {"rescale": "l1"}),
    "sce": Recipe("sce", tuple(Input(m) for m in "abc"), "base", {"select_topk": 0.3}),
}
MEASURED = ("dare l1", "dare linear l1", "della l1", "sce")


def merged(
    make: Callable[[Tables, torch.Tensor], Any], recipe: Recipe, sources: Sources, dtype: Any
) -> torch.Tensor:
    live = torch.zeros(sources.layout.size, dtype=dtype, device=sources.device)
    tables = Tables(sources)
    runner = make(tables, live)
    for plan in planner.plans(recipe, tables):
        assert isinstance(plan, Plan)
        runner.run(plan)
    return live.cpu()


def made(weights: Any, numbers: Any, device: str, streamed: bool = False) -> Sources:
    models = {m: {n: t.to(numbers) for n, t in ts.items()} for m, ts in weights.items()}
    return Sources.from_tensors(models, device, streamed)


def check(found: torch.Tensor, want: torch.Tensor, measured: bool) -> None:
    assert bool(torch.isfinite(want).all()) and bool(want.any())
    if not measured:
        same = torch.int16 if want.dtype.itemsize == 2 else torch.int32
        assert torch.equal(found.view(same), want.view(same))
        return
    # weights of equal sums in another order: a few float32 roundings, then one of the live type's
    bound = 2e-6 + torch.finfo(want.dtype).eps * want.double().abs()
    assert bool(((found.double() - want.double()).abs() <= bound).all())
