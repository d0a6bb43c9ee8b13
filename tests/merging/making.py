"""What the tests of the merge engine share: models to write to, sources, recipes of every method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from suite.merging import Merger, Sources
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe

Weights = dict[str, torch.Tensor]
MODELS = "abc"


def live_model(weights: Mapping[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> Any:
    """A module whose parameters have the names and shapes of `weights` and hold zeros."""
    root = torch.nn.Module()
    for name, tensor in weights.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, torch.nn.Module())
            module = module.get_submodule(part)
        empty = torch.nn.Parameter(torch.zeros(tensor.shape, dtype=dtype), requires_grad=False)
        module.register_parameter(last, empty)
    return root


def merged(
    models: Mapping[str, Weights],
    recipe: Recipe,
    mode: Any = "eager",
    dtype: torch.dtype = torch.float32,
    streamed: bool = False,
    cache: Path | None = None,
) -> Weights:
    """The tensors of one merge into a live model of `dtype`."""
    live = live_model(next(iter(models.values())), dtype)
    Merger(Sources.from_tensors(models, streamed=streamed), live, mode, cache).merge(recipe)
    return {name: parameter.clone() for name, parameter in live.named_parameters()}


def snapshot(tensors: Any) -> bytes:
    """The bytes of all tensors of a model or a dictionary, in order."""
    if isinstance(tensors, torch.nn.Module):
        tensors = dict(tensors.named_parameters())
    found: Iterable[torch.Tensor] = tensors.values()
    return b"".join(t.detach().reshape(-1).view(torch.uint8).numpy().tobytes() for t in found)


def family(
    shapes: Mapping[str, tuple[int, ...]],
    names: Iterable[str] = ("base", *MODELS),
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    spread: float = 0.05,
) -> dict[str, Weights]:
    """Models of normal numbers, the first one's plus `spread` times others."""
    rng = torch.Generator().manual_seed(seed)

    def random() -> Weights:
        return {n: torch.randn(shape, generator=rng) for n, shape in shapes.items()}

    first, *others = names
    base = random()
    near = {o: {n: base[n] + spread * t for n, t in random().items()} for o in others}
    return {m: {n: t.to(dtype) for n, t in w.items()} for m, w in {first: base, **near}.items()}


_WEIGHTS: tuple[Any, ...] = (
    (0.2, -0.4, 0.9),
    (Filtered("mlp", (0.7, 0.2)), Filtered("self_attn", 0.0), Filtered(None, 0.5)),
    0.3,
)
PAIR = (Input("a"), Input("b"))
HALF: tuple[Any, ...] = (Filtered("mlp", (0.1, 0.6)), Filtered(None, 0.5))


def inputs(count: int = 3, **more: Any) -> tuple[Input, ...]:
    """Inputs whose weights differ by layer and by part of the model."""
    pairs = zip(MODELS[:count], _WEIGHTS[:count], strict=True)
    return tuple(Input(model, {"weight": weight, **more}) for model, weight in pairs)


def _plain(**more: Any) -> tuple[Input, ...]:
    return tuple(Input(model, dict(more)) for model in MODELS)


def _sce(topk: float) -> Recipe:
    return Recipe("sce", _plain(), "base", {"select_topk": topk})


def _rule(method: str, options: Mapping[str, Any], **more: Any) -> Recipe:
    return Recipe(method, inputs(**more), "base", options)


_L1, _INVERSE, _RAW = ({"rescale": how} for how in ("l1", "inverse_density", "none"))
_TWO = inputs(2)
RECIPES: dict[str, Recipe] = {
    "linear": Recipe("linear", inputs()),
    "linear sum": Recipe("linear", inputs(), None, {"normalize": False}),
    "slerp": Recipe("slerp", PAIR, "a", {"t": 0.3}),
    "slerp swapped": Recipe(
        "slerp", PAIR, "b", {"t": (Filtered("self_attn", (0.0, 0.5, 1.0)), Filtered(None, 0.5))}
    ),
    "nuslerp": Recipe("nuslerp", _TWO),
    "nuslerp base": Recipe("nuslerp", _TWO, "base"),
    "nuslerp rows": Recipe("nuslerp", _TWO, "base", {"nuslerp_flatten": False}),
    "nuslerp columns": Recipe(
        "nuslerp", _TWO, None, {"nuslerp_flatten": False, "nuslerp_row_wise": True}
    ),
    "task arithmetic": _rule("task_arithmetic", {"lambda": (0.4, 1.0)}),
    "task arithmetic mean": _rule("task_arithmetic", {"normalize": True}),
    "other base": Recipe("task_arithmetic", inputs()[1:], "a"),
    "ties": _rule("ties", {"lambda": 0.7}, density=HALF),
    "ties sum": _rule("ties", {"normalize": False}, density=0.2),
    "ties l1": _rule("ties", _L1, density=0.3),
    "ties least": _rule("ties", {}, density=1e-9),
    "ties none": _rule("ties", {}, density=0.0),
    "ties all": _rule("ties", {}, density=1.0),
    "breadcrumbs": _rule("breadcrumbs", {}, density=HALF, gamma=0.05),
    "breadcrumbs l1": _rule("breadcrumbs", {**_L1, "normalize": True}, density=0.9, gamma=0.3),
    "breadcrumbs ties": _rule("breadcrumbs_ties", {"lambda": -0.5}, density=HALF),
    "dare linear": _rule("dare_linear", {"seed": 3}, density=HALF),
    "dare paper": _rule("dare_linear", _INVERSE, density=0.3),
    "dare mean": _rule("dare_linear", {"normalize": True}, density=0.3),
    "dare ties": _rule("dare_ties", {"lambda": 0.5}, density=0.53),
    "dare ties mean": _rule("dare_ties", {"normalize": True}, density=HALF),
    "dare ties paper": _rule("dare_ties", {**_INVERSE, "normalize": True}, density=HALF),
    "dare ties raw": _rule("dare_ties", {**_RAW, "normalize": True}, density=HALF),
    "dare nothing": _rule("dare_ties", {}, density=0.0),
    "dare all": _rule("dare_linear", {}, density=1.0),
    "della": _rule("della", {"seed": 1}, density=0.5),
    "della paper": _rule("della", _INVERSE, density=0.8, epsilon=0.1),
    "della linear": _rule("della_linear", _RAW, density=HALF, epsilon=0.05),
    "model stock": Recipe("model_stock", _plain(), "base"),
    "model stock rows": Recipe("model_stock", _plain(), "base", {"filter_wise": True}),
    "karcher": Recipe("karcher", _plain()),
    "sce": _sce(1.0),
    "sce topk": _sce(0.3),
    "passthrough": Recipe("passthrough", (Input("a", {"scale": (0.5, 2.0)}),)),
    "by part": Recipe(
        (
            Filtered("mlp", "ties"),
            Filtered("self_attn", "dare_linear"),
            Filtered("norm", "model_stock"),
            Filtered(None, "linear"),
        ),
        inputs(density=0.5),
        "base",
    ),
}
MEASURED = {
    name
    for name, recipe in RECIPES.items()
    if name == "sce topk"
    or name == "by part"
    or any(
        recipe.value("rescale", "model.norm.weight", 3) == "l1"
        for method in recipe.methods
        if method.startswith(("ties", "bread", "dare", "della"))
    )
}
"""Recipes whose weights follow from an L1 norm or from squares of what a mask leaves."""
