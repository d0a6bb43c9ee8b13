"""Recipes carried out: sources in, the parameters of one live model rewritten."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

import torch

from suite.errors import BadInput
from suite.merging import masks, methods
from suite.merging.layout import Segment
from suite.merging.sources import Sources
from suite.recipe import Input, Recipe

Key = TypeVar("Key")
_CHUNK = {"cpu": 1 << 18, "cuda": 1 << 26}  # elements; a CPU's cache, a GPU's launch overhead


class MergeFailure(ValueError):
    """A merge whose result is not finite; says which tensor."""


class Merger:
    """Merges `sources` into the parameters of `model`, again and again.

    The parameters become views of one flat buffer on the sources' device, in the model's own
    floating type; arithmetic is float32. `BadInput` when the model's parameters are not the
    sources' tensors. A tensor tied to a parameter (a head to its embedding) follows it.
    """

    def __init__(self, sources: Sources, model: torch.nn.Module) -> None:
        self.sources = sources
        self.layout = sources.layout
        parameters = dict(model.named_parameters())
        types = {parameter.dtype for parameter in parameters.values()}
        if len(types) != 1:
            raise BadInput(f"the live model mixes floating types: {sorted(map(str, types))}")
        _check_fit(sources, model, parameters)
        self._live = torch.zeros(self.layout.size, dtype=types.pop(), device=sources.device)
        for segment in self.layout.segments:
            if segment.name in parameters:
                place = self.layout.view(self._live, segment)
                parameters[segment.name].data = place.copy_(parameters[segment.name].data)
        self._chunk = _CHUNK.get(sources.device.type, _CHUNK["cpu"])

    @torch.no_grad()
    def merge(self, recipe: Recipe) -> None:
        """Carry out `recipe` in place; the same recipe gives the same bytes.

        `BadInput` when it names models that are no sources, before anything is written;
        `MergeFailure` when a result is NaN or infinite (the model then holds it until the next
        merge, which writes every parameter).
        """
        for name in (*(i.model for i in recipe.inputs), *([recipe.base] if recipe.base else [])):
            self.sources.flat(name)
        _MERGES[recipe.method](self, recipe)
        if recipe.dtype != "float32":
            self._live.copy_(self._live.to(getattr(torch, recipe.dtype)))
        self._check_finite()

    def _linear(self, recipe: Recipe) -> None:
        def weights(index: int, segment: Segment) -> tuple[float, ...]:
            given = [self._number(recipe, "weight", segment, i) for i in recipe.inputs]
            return tuple(methods.linear_weights(given, self._switch(recipe, segment)))

        flats = [self.sources.flat(i.model) for i in recipe.inputs]
        for part, weight in self._stretches(weights):
            self._live[part] = methods.weighted_sum([f[part] for f in flats], weight)

    def _slerp(self, recipe: Recipe) -> None:
        base, other = sorted((i.model for i in recipe.inputs), key=lambda m: m != recipe.base)
        cosines = self.sources.cosines(base, other)

        def weights(index: int, segment: Segment) -> tuple[float, ...]:
            return methods.slerp_weights(cosines[index], self._number(recipe, "t", segment))

        flats = [self.sources.flat(base), self.sources.flat(other)]
        for part, weight in self._stretches(weights):
            self._live[part] = methods.weighted_sum([f[part] for f in flats], weight)

    def _task_arithmetic(self, recipe: Recipe) -> None:
        def weights(index: int, segment: Segment) -> tuple[float, ...]:
            given = [self._number(recipe, "weight", segment, i) for i in recipe.inputs]
            scale = self._number(recipe, "lambda", segment)
            return tuple(methods.task_weights(given, scale, self._switch(recipe, segment)))

        base, vectors = self._task_vectors(recipe)
        for part, weight in self._stretches(weights):
            self._live[part] = methods.task_arithmetic(
                base[part], [v[part] for v in vectors], weight
            )

    def _ties(self, recipe: Recipe) -> None:
        base, vectors = self._task_vectors(recipe)
        ranks = [self.sources.ranks(str(recipe.base), i.model) for i in recipe.inputs]
        for segment in self.layout.segments:
            keep = [
                methods.kept(self._number(recipe, "density", segment, i), segment.size)
                for i in recipe.inputs
            ]

            def trimmed(i: int, part: slice, keep: list[int] = keep) -> torch.Tensor:
                return methods.masked(vectors[i][part], ranks[i][part], keep[i])

            self._combine(recipe, segment, base, trimmed, elected=True)

    def _dare(self, recipe: Recipe, elected: bool) -> None:
        base, vectors = self._task_vectors(recipe)
        seed = int(recipe.value("seed", "", self.layout.layers))
        bits = [self.sources.random_bits(seed, i.model) for i in recipe.inputs]
        norms = [self.sources.l1_norms(str(recipe.base), i.model) for i in recipe.inputs]
        for index, segment in enumerate(self.layout.segments):
            whole = slice(segment.start, segment.stop)
            sparse = [
                self._dropped(recipe, segment, i, v[whole], b[whole], n[index])
                for i, v, b, n in zip(recipe.inputs, vectors, bits, norms, strict=True)
            ]

            def dropped(
                i: int,
                part: slice,
                sparse: list[torch.Tensor] = sparse,
                start: int = segment.start,
            ) -> torch.Tensor:
                return sparse[i][part.start - start : part.stop - start]

            self._combine(recipe, segment, base, dropped, elected)

    def _dropped(
        self,
        recipe: Recipe,
        segment: Segment,
        source: Input,
        vector: torch.Tensor,
        bits: torch.Tensor,
        norm: float,
    ) -> torch.Tensor:
        """One tensor of a task vector after DARE's drop and rescale (Yu et al. 2024, alg. 1)."""
        density = self._number(recipe, "density", segment, source)
        if density >= 1:
            return vector
        dropped = methods.masked(vector, bits, masks.bound(density))
        rescale = str(recipe.value("rescale", segment.name, self.layout.layers))
        return dropped.mul_(methods.dare_scale(rescale, density, norm, dropped))

    def _combine(
        self,
        recipe: Recipe,
        segment: Segment,
        base: torch.Tensor,
        vector: Callable[[int, slice], torch.Tensor],
        elected: bool,
    ) -> None:
        """b + λ (sum or elected sum of w_i d_i) on one tensor; `vector(i, part)` gives the d_i."""
        weights = [self._number(recipe, "weight", segment, i) for i in recipe.inputs]
        scale, normalize = self._number(recipe, "lambda", segment), self._switch(recipe, segment)
        for part in self._chunks(segment.start, segment.stop):
            parts = [vector(i, part) for i in range(len(weights))]
            if elected:
                weighted = torch.stack([p * w for p, w in zip(parts, weights, strict=True)])
                total = methods.elect(weighted, weights if normalize else None).mul_(scale)
                self._live[part] = total.add_(base[part])
            else:
                scaled = methods.task_weights(weights, scale, normalize)
                self._live[part] = methods.task_arithmetic(base[part], parts, scaled)

    def _task_vectors(self, recipe: Recipe) -> tuple[torch.Tensor, list[torch.Tensor]]:
        base = str(recipe.base)
        vectors = [self.sources.task_vector(base, i.model) for i in recipe.inputs]
        return self.sources.flat(base), vectors

    def _number(
        self, recipe: Recipe, name: str, segment: Segment, source: Input | None = None
    ) -> float:
        return float(recipe.value(name, segment.name, self.layout.layers, source))

    def _switch(self, recipe: Recipe, segment: Segment) -> bool:
        return bool(recipe.value("normalize", segment.name, self.layout.layers))

    def _stretches(self, key: Callable[[int, Segment], Key]) -> Iterator[tuple[slice, Key]]:
        """Chunks of neighbouring tensors with the same key: few, large operations."""
        keyed = [(key(index, s), s) for index, s in enumerate(self.layout.segments)]
        for shared, group in groupby(keyed, key=lambda pair: pair[0]):
            members = [segment for _, segment in group]
            for part in self._chunks(members[0].start, members[-1].stop):
                yield part, shared

    def _chunks(self, start: int, stop: int) -> Iterator[slice]:
        for begin in range(start, stop, self._chunk):
            yield slice(begin, min(begin + self._chunk, stop))

    def _check_finite(self) -> None:
        # one pass: NaN spreads to both extremes, infinities are extremes
        low, high = torch.aminmax(self._live)
        if math.isfinite(float(low)) and math.isfinite(float(high)):
            return
        for segment in self.layout.segments:
            if not bool(torch.isfinite(self._live[segment.start : segment.stop]).all()):
                raise MergeFailure(f"merged tensor {segment.name!r} holds NaN or infinity")


_MERGES: dict[str, Callable[[Merger, Recipe], None]] = {
    "linear": Merger._linear,
    "slerp": Merger._slerp,
    "task_arithmetic": Merger._task_arithmetic,
    "ties": Merger._ties,
    "dare_linear": lambda merger, recipe: merger._dare(recipe, elected=False),
    "dare_ties": lambda merger, recipe: merger._dare(recipe, elected=True),
}


def _check_fit(
    sources: Sources, model: torch.nn.Module, parameters: dict[str, torch.nn.Parameter]
) -> None:
    segments = {segment.name: segment for segment in sources.layout.segments}
    tied = {name for name, _ in model.named_parameters(remove_duplicate=False)} - set(parameters)
    for name, parameter in parameters.items():
        if name not in segments:
            raise BadInput(f"the live model's tensor {name!r} is in no source")
        if segments[name].shape != tuple(parameter.shape):
            raise BadInput(
                f"tensor {name!r} has shape {list(parameter.shape)} in the live model and"
                f" {list(segments[name].shape)} in the sources"
            )
    unknown: Sequence[str] = sorted(set(segments) - set(parameters) - tied)
    if unknown:
        raise BadInput(f"the sources' tensor {unknown[0]!r} is no parameter of the live model")
