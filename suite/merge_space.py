"""Search spaces over recipes: which knobs of a merge are searched, and how finely.

A knob (``weight``, ``density``, ``t``, ``lambda``) has bounds and a *scope*:

========  =====================================================
global    one value for the whole merge
source    one per source model
group     one per source model and group of consecutive layers
layer     one per source model and layer
========  =====================================================

Groups and layers always add one value for the embeddings and one for the head (final norm and
output projection). For SLERP, ``t`` belongs to the pair, so its scopes count no sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from suite.errors import BadInput
from suite.recipe import Input, Recipe
from suite.rules import METHODS
from suite.space import Parameter, SearchSpace, Setting, Vector
from suite.values import Filtered

SCOPES = ("global", "source", "group", "layer")
EMBEDDINGS, HEAD = "embeddings", "head"


class MergeSpace:
    """Candidates to recipes of one merge method over `sources`, and hand-tuned recipes to candidates.

    `searched` maps a knob to ``{low, high, scope, kind?}``; `fixed` holds the method's other
    parameters; `layers` is the models' number of layers and `groups` how many groups they form.
    """

    def __init__(
        self,
        method: str,
        sources: Sequence[str],
        base: str | None,
        searched: Mapping[str, Mapping[str, Any]],
        fixed: Mapping[str, Any],
        layers: int,
        groups: int | None = None,
    ) -> None:
        self.method, self.sources = method, tuple(sources)
        self.base = _base(method, self.sources, base)
        self.layers, self.groups = layers, groups
        self._fixed = dict(fixed)
        self._knobs = {knob: self._places(knob, options) for knob, options in searched.items()}
        self.space = SearchSpace(
            [
                Parameter(name, options.get("kind", "float"), *_bounds(knob, options))
                for knob, options in searched.items()
                for name in self._knobs[knob].values()
            ]
        )
        for corner in (0.0, 1.0):  # refuses knobs and bounds that the method does not know
            self.recipe({p.name: p.decode(corner) for p in self.space.parameters})

    def recipe(self, settings: Mapping[str, Setting]) -> Recipe:
        """The merge with these settings (all of `space`'s names)."""
        shared: dict[str, Any] = dict(self._fixed)
        own: dict[str, dict[str, Any]] = {source: {} for source in self.sources}
        for knob, places in self._knobs.items():
            for source in {source for source, _ in places}:
                values = {part: settings[name] for (s, part), name in places.items() if s == source}
                value = values[None] if None in values else self._filters(values)
                (shared if source is None else own[source])[knob] = value
        inputs = tuple(Input(source, own[source]) for source in self.sources)
        return Recipe(self.method, inputs, self.base, shared)

    def settings(self, recipe: Recipe) -> dict[str, Setting]:
        """The point of this space nearest in meaning to `recipe`, to start a search from.

        Weights are read as multipliers of each source's task vector: λ and normalisation are
        folded in, and SLERP's t becomes the weights 1 − t and t. Exact for linear and
        task-arithmetic recipes; for other methods only the weights carry over. Values outside the
        bounds are moved to the nearest bound.
        """
        found: dict[str, Setting] = {}
        bounds = {parameter.name: parameter for parameter in self.space.parameters}
        for knob, places in self._knobs.items():
            for (source, part), name in places.items():
                tensor = self._tensor(part)
                value = self._read(recipe, knob, source, tensor)
                found[name] = min(max(value, bounds[name].low), bounds[name].high)
        return found

    def encode(self, recipe: Recipe) -> Vector:
        """`settings` as a candidate, shape (d,)."""
        return self.space.encode(self.settings(recipe))

    def _places(
        self, knob: str, options: Mapping[str, Any]
    ) -> dict[tuple[str | None, str | None], str]:
        """(source, part) -> parameter name for every value of a knob."""
        scope = options.get("scope", "source")
        if scope not in SCOPES:
            raise BadInput(f"merge: {knob} has scope {scope!r}; allowed: {', '.join(SCOPES)}")
        parts: list[str | None] = [None] if scope in ("global", "source") else [*self._parts(scope)]
        sources: list[str | None] = [*self.sources]
        if scope == "global" or knob in ("t", "lambda"):
            sources = [None]
        return {
            (source, part): ".".join(word for word in (knob, source, part) if word is not None)
            for source in sources
            for part in parts
        }

    def _parts(self, scope: str) -> list[str]:
        count = self.layers if scope == "layer" else self.groups
        if not count or not 1 <= count <= self.layers:
            raise BadInput(f"merge: groups is {self.groups}; allowed: 1 to {self.layers} layers")
        edges = [round(index * self.layers / count) for index in range(count + 1)]
        spans = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(edges)]
        return [EMBEDDINGS, *(f"layers.{span}" for span in spans), HEAD]

    def _filters(self, values: Mapping[Any, Setting]) -> tuple[Filtered, ...]:
        """Values per part as mergekit filters: substrings of tensor names, first match wins."""
        return tuple(
            Filtered(text, value) for part, value in values.items() for text in _names(part)
        )

    def _tensor(self, part: str | None) -> str:
        """A tensor that stands for a part of the model."""
        if part in (None, EMBEDDINGS):
            return "model.embed_tokens.weight"
        if part == HEAD:
            return "lm_head.weight"
        return f"model.layers.{_span(part)[0]}.mlp.down_proj.weight"

    def _read(self, recipe: Recipe, knob: str, source: str | None, tensor: str) -> float:
        def value(name: str, of: Input | None, default: float) -> float:
            return float(recipe.value(name, tensor, self.layers, of, default))

        if knob == "weight":
            factor = value("lambda", None, 1.0)
            if recipe.method == "linear" and value("normalize", None, 1.0):
                factor /= sum(value("weight", of, 1.0) for of in recipe.inputs) or 1.0
            own = next((entry for entry in recipe.inputs if entry.model == source), None)
            if own is None:
                return 0.0
            if recipe.method == "slerp":
                t = value("t", None, 0.5)
                return 1 - t if own.model == recipe.base else t
            return factor * value("weight", own, 1.0)
        default = {"t": 0.5, "lambda": 1.0}.get(knob, 1.0)
        of = next((entry for entry in recipe.inputs if entry.model == source), None)
        return value(knob, of, default)


def _base(method: str, sources: Sequence[str], base: str | None) -> str | None:
    """The base as the method sees it: subtracted from the sources, one of them, or none."""
    role = METHODS[method].base if method in METHODS else "subtracted"
    return {"subtracted": base, "input": sources[0], "optional": None}[role]


def _span(part: str | None) -> range:
    """The layer numbers of ``layers.3`` or ``layers.2-3``."""
    first, _, last = str(part).removeprefix("layers.").partition("-")
    return range(int(first), int(last or first) + 1)


def _names(part: str) -> list[str]:
    """The substrings by which a part's tensors are known."""
    if part == EMBEDDINGS:
        return ["embed_tokens"]
    if part == HEAD:
        return ["lm_head", "model.norm"]
    return [f"layers.{index}." for index in _span(part)]


def _bounds(knob: str, options: Mapping[str, Any]) -> tuple[float, float]:
    try:
        return float(options["low"]), float(options["high"])
    except (KeyError, TypeError, ValueError):
        raise BadInput(f"merge: {knob} needs numbers low and high, not {dict(options)}") from None
