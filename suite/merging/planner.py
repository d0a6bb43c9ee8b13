"""From a recipe to plans: parameters looked up, tables asked, coefficients computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.merging import masks, methods, rowwise
from suite.merging.plan import Edges, Plan, Whole
from suite.merging.tables import Tables
from suite.recipes.recipe import Recipe

Array = NDArray[Any]


class Columns:
    """A recipe's parameters on the tensors at `places`, as arrays."""

    def __init__(self, recipe: Recipe, tables: Tables, places: Array) -> None:
        self.recipe, self.tables, self.places = recipe, tables, places
        segments = [tables.layout.segments[place] for place in places]
        self.names = [segment.name for segment in segments]
        self.sizes = tables.sizes[places]
        self.models = tuple(entry.model for entry in recipe.inputs)
        self.base = recipe.base

    def shared(self, name: str) -> Array:
        """One value per tensor, (S,)."""
        return np.array(self.recipe.column(name, self.names, self.tables.layout.layers))

    def own(self, name: str) -> Array:
        """One value per tensor and model, (S, K)."""
        layers = self.tables.layout.layers
        columns = [self.recipe.column(name, self.names, layers, i) for i in self.recipe.inputs]
        return np.array(columns, dtype=float).T.reshape(len(self.names), len(self.models))

    def gram(self, base: str | None) -> Array:
        return self.tables.gram(self.models, base)[self.places]

    def width(self) -> Array:
        """Elements per row, (S, 1); a vector is one row."""
        segments = (self.tables.layout.segments[place] for place in self.places)
        return np.array([s.shape[-1] if s.shape else 1 for s in segments])[:, None]

    def only(self, chosen: Array) -> Columns:
        return Columns(self.recipe, self.tables, self.places[chosen])

    def plan(
        self, weights: Array, base: str | None, scale: Array | None = None, **more: Any
    ) -> Plan:
        ones = np.ones(len(self.places))
        scale = ones if scale is None else scale
        return Plan(self.places, base, self.models, weights, scale, **more)


def plans(recipe: Recipe, tables: Tables) -> Iterator[Plan | Whole]:
    """What to do on every tensor of the sources' layout; each tensor is in one plan.

    `BadInput` when a parameter has no value on a tensor, or DELLA's density ± epsilon leaves (0, 1).
    """
    on = np.array([recipe.method_on(segment.name) for segment in tables.layout.segments])
    for method in recipe.methods:
        places = np.flatnonzero(on == method)
        if len(places):
            yield from _PLANNERS[method](Columns(recipe, tables, places))


def _linear(c: Columns) -> Iterator[Plan]:
    yield c.plan(methods.linear(c.own("weight"), c.shared("normalize")), None)


def _passthrough(c: Columns) -> Iterator[Plan]:
    yield c.plan(c.own("scale"), None)


def _slerp(c: Columns) -> Iterator[Plan]:
    coefficients = methods.slerp(_cosine(c.gram(None)), c.shared("t").astype(float))
    yield c.plan(coefficients if c.models[0] == c.base else coefficients[:, ::-1], None)


def _nuslerp(c: Columns) -> Iterator[Plan | Whole]:
    flatten = c.shared("nuslerp_flatten").astype(bool)
    if flatten.any():
        some = c.only(flatten)
        cosine = _cosine(some.gram(some.base), 1e-7, 1e-7)
        yield some.plan(methods.nuslerp(cosine, some.own("weight")), some.base)
    if not flatten.all():
        some = c.only(~flatten)
        by = np.where(some.shared("nuslerp_row_wise"), "first", "last")
        pairs = zip(some.own("weight").tolist(), by, strict=True)
        formulas = [partial(rowwise.nuslerp, weights=weights, by=axis) for weights, axis in pairs]
        yield Whole(some.places, some.base, some.models, formulas)


def _model_stock(c: Columns) -> Iterator[Plan | Whole]:
    by_row = c.shared("filter_wise").astype(bool)
    if not by_row.all():
        some = c.only(~by_row)
        yield some.plan(methods.model_stock(some.gram(some.base)), some.base)
    if by_row.any():
        some = c.only(by_row)
        formulas: list[Any] = [rowwise.model_stock] * len(some.places)
        yield Whole(some.places, some.base, some.models, formulas)


def _karcher(c: Columns) -> Iterator[Plan]:
    limits = np.stack([c.shared("max_iter"), c.shared("tol")], 1)
    gram, weights = c.gram(None), np.zeros((len(c.places), len(c.models)))
    for most, tolerance in np.unique(limits, axis=0):
        same = (limits == (most, tolerance)).all(1)
        weights[same] = methods.karcher(gram[same], int(most), float(tolerance))
    yield c.plan(weights, None)


def _sce(c: Columns) -> Iterator[Plan]:
    topk = c.shared("select_topk").astype(float)
    zeros = np.zeros((len(c.places), len(c.models)))
    some = c.only(topk >= 1)
    if len(some.places):
        squares = np.diagonal(some.gram(some.base), axis1=1, axis2=2)
        weights = methods.sce(squares / np.maximum(some.sizes, 1)[:, None])
        yield some.plan(weights, some.base, elect="plain", divide="clamped")
    some = c.only(topk < 1)
    if len(some.places):
        low = c.tables.most_varied(str(c.base), c.models, topk[topk < 1], some.places)
        low = Edges(low.cut[:, None], low.before[:, None], low.after[:, None])
        more: dict[str, Any] = {"mask": "variance", "low": low, "measure": "squares"}
        yield some.plan(zeros[topk < 1], some.base, elect="plain", divide="clamped", **more)


def _task_vectors(
    c: Columns, mask: Callable[[Columns], dict[str, Any]], elect: bool
) -> Iterator[Plan]:
    """The family b + λ · election of w_i · mask(d_i), a plan for each way to finish it."""
    normalize, rescale = c.shared("normalize").astype(bool), _rescales(c)
    for chosen in sorted(set(zip(normalize.tolist(), rescale.tolist(), strict=True))):
        some = c.only((normalize == chosen[0]) & (rescale == chosen[1]))
        weight, scale = some.own("weight"), some.shared("lambda").astype(float)
        more: dict[str, Any] = mask(some)
        if chosen[1] == "l1" and more:
            norms = [c.tables.l1_norms(str(c.base), m)[some.places] for m in c.models]
            more |= {"measure": "l1", "whole": np.stack(norms, 1)}
        if elect:
            more |= {"elect": "weighted", "divide": "kept" if chosen[0] else "no"}
            more["shares"] = weight
        else:
            weight = methods.task_arithmetic(weight, scale, some.shared("normalize").astype(bool))
            scale = np.ones(len(weight))
        if chosen[1] == "inverse_density" and more.get("mask") == "random":
            density = some.own("density")
            weight = weight / np.where((density > 0) & (density < 1), density, 1.0)
        more["inverse"] = chosen[1] == "inverse_density" and more.get("mask") == "ranked"
        yield some.plan(weight, some.base, scale, **more)


def _rescales(c: Columns) -> Array:
    if "task_arithmetic" in {c.recipe.method_on(name) for name in c.names}:
        return np.full(len(c.names), "none")
    return c.shared("rescale")


def _unmasked(c: Columns) -> dict[str, Any]:
    return {}


def _trimmed(c: Columns) -> dict[str, Any]:
    kept = methods.ties_kept(c.own("density"), c.sizes[:, None])
    pairs = zip(c.models, kept.T, strict=True)
    low = [c.tables.smallest(str(c.base), model, k, c.places) for model, k in pairs]
    return {"mask": "window", "low": _beside(low)}


def _without_outliers(c: Columns) -> dict[str, Any]:
    window = methods.breadcrumbs_kept(c.own("density"), c.own("gamma"), c.sizes[:, None])
    low, high = (
        _beside(
            [
                c.tables.from_rank(str(c.base), model, ranks[:, i], c.places)
                for i, model in enumerate(c.models)
            ]
        )
        for ranks in window
    )
    return {"mask": "window", "low": low, "high": high}


def _keys(c: Columns) -> Array:
    seeds = c.shared("seed")
    pairs = zip(c.names, seeds, strict=True)
    keys = [[masks.keys(int(seed), name, model) for model in c.models] for name, seed in pairs]
    return np.array(keys, dtype=np.uint32)


def _dropped(c: Columns) -> dict[str, Any]:
    return {"mask": "random", "keys": _keys(c), "bounds": masks.bounds(c.own("density"))}


def _dropped_by_rank(c: Columns) -> dict[str, Any]:
    density, epsilon = c.own("density"), c.own("epsilon")
    _check_della(c, density, epsilon)
    chance, slope = methods.della_chances(density, epsilon, c.width())
    return {"mask": "ranked", "keys": _keys(c), "chance": chance, "slope": slope}


def _check_della(c: Columns, density: Array, epsilon: Array) -> None:
    from suite.errors import BadInput

    outside = (density > 0) & (density < 1) & ((density + epsilon >= 1) | (density <= epsilon))
    if outside.any():
        row, model = np.argwhere(outside)[0]
        raise BadInput(
            f"{c.recipe.title}: density {density[row, model]:g} ± epsilon {epsilon[row, model]:g}"
            f" of model {c.models[model]!r} must lie inside (0, 1)"
        )


def _cosine(gram: Array, least: float = 1e-8, silent: float = 1.0) -> Array:
    """Cosine of two models, (S,); norms up to `least` count as `silent`, as in mergekit."""
    norms = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    cosine: Array = gram[:, 0, 1] / np.where(norms > least, norms, silent).prod(1)
    return np.clip(cosine, -1.0, 1.0)


def _beside(edges: list[Edges]) -> Edges:
    """Edges (S,) of each model as edges (S, K)."""
    return Edges(*(np.stack([getattr(e, f) for e in edges], 1) for f in ("cut", "before", "after")))


_PLANNERS: dict[str, Callable[[Columns], Iterator[Plan | Whole]]] = {
    "linear": _linear,
    "slerp": _slerp,
    "nuslerp": _nuslerp,
    "task_arithmetic": partial(_task_vectors, mask=_unmasked, elect=False),
    "ties": partial(_task_vectors, mask=_trimmed, elect=True),
    "dare_linear": partial(_task_vectors, mask=_dropped, elect=False),
    "dare_ties": partial(_task_vectors, mask=_dropped, elect=True),
    "breadcrumbs": partial(_task_vectors, mask=_without_outliers, elect=False),
    "breadcrumbs_ties": partial(_task_vectors, mask=_without_outliers, elect=True),
    "della": partial(_task_vectors, mask=_dropped_by_rank, elect=True),
    "della_linear": partial(_task_vectors, mask=_dropped_by_rank, elect=False),
    "model_stock": _model_stock,
    "karcher": _karcher,
    "sce": _sce,
    "passthrough": _passthrough,
}
