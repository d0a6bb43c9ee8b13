"""Search spaces over recipes: which knobs of a merge are searched, and how finely.

A knob is a parameter of the merge method (``weight``, ``density``, ``t``, ``lambda``, ``gamma``,
``epsilon``, ``select_topk``, ``max_iter`` ...) with bounds, or with `options` to choose from, and
a *scope*:

========  =====================================================
global    one value for the whole merge
source    one per source model
group     one per source model and group of consecutive layers
layer     one per source model and layer
========  =====================================================

Groups and layers always add one value for the embeddings and one for the head (final norm and
output projection). What belongs to the merge rather than to a source (SLERP's ``t``, ``lambda``)
counts no sources. Whole numbers are searched for the whole merge only.

The knob ``method`` chooses the merge method itself, with scope global, group or layer. Knobs may
then belong to some of the methods only; where another one is chosen they do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations
from typing import Any

from suite.errors import BadInput
from suite.recipes.coefficients import multiplier
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import Filtered, Rule, Scalar
from suite.recipes.recipe import Input, Recipe
from suite.spaces import layer_groups
from suite.spaces.space import Parameter, SearchSpace, Setting, Vector

SCOPES = ("global", "source", "group", "layer")


class MergeSpace:
    """Candidates to recipes over `sources`, and hand-tuned recipes to candidates.

    `searched` maps a knob to ``{low, high, scope, kind?}`` or ``{options, scope}``; `fixed` holds
    other parameters of the method; `layers` is the models' number of layers and `groups` how many
    groups they form. Where the method is searched, `method` is what stands for one that is none
    of its options.
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
        self.method, self.sources, self.base = method, tuple(sources), base
        self.layers, self.groups = layers, groups
        self.methods = tuple(searched.get("method", {}).get("options", [method]))
        self._fixed = dict(fixed)
        self._check(searched)
        self._knobs = {knob: self._places(knob, options) for knob, options in searched.items()}
        self.space = SearchSpace(
            [
                self._parameter(name, knob, options)
                for knob, options in searched.items()
                for name in self._knobs[knob].values()
            ]
        )
        for corner in (0.0, 1.0):  # refuses bounds and methods that do not go together
            settings = {p.name: p.decode(corner) for p in self.space.parameters}
            for chosen in self._choices():
                self.recipe({**settings, **chosen})

    @property
    def title(self) -> str:
        """The methods in words."""
        return " or ".join(self.methods)

    def recipe(self, settings: Mapping[str, Setting]) -> Recipe:
        """The merge with these settings (all of `space`'s names)."""
        method = self._chosen(settings)
        names = {method} if isinstance(method, str) else {str(part.value) for part in method}
        known = {parameter for name in names for parameter in METHODS[name].parameters}
        shared: dict[str, Any] = {k: value for k, value in self._fixed.items() if k in known}
        own: dict[str, dict[str, Any]] = {source: {} for source in self.sources}
        for knob, places in self._knobs.items():
            for source in {source for source, _ in places} if knob in known else ():
                values = {part: settings[name] for (s, part), name in places.items() if s == source}
                value = values[None] if None in values else layer_groups.filters(values)
                (shared if source is None else own[source])[knob] = value
        inputs = tuple(Input(source, own[source]) for source in self.sources)
        return Recipe(method, inputs, _base(names, self.sources, self.base), shared)

    def settings(self, recipe: Recipe) -> dict[str, Setting]:
        """The point of this space nearest in meaning to `recipe`, to start a search from.

        Weights are read as multipliers of each source's task vector (`suite.recipes.coefficients`, which
        says where that is exact); λ is folded in unless it is searched itself. Other parameters
        are read where the recipe's method has them, else they are the default. A weight for all
        sources is the mean of theirs. Values outside the bounds are moved to the nearest bound.
        """
        bounds = {parameter.name: parameter for parameter in self.space.parameters}
        return {
            name: self._nearest(
                bounds[name], knob, self._read(recipe, knob, source, layer_groups.tensor(part))
            )
            for knob, places in self._knobs.items()
            for (source, part), name in places.items()
        }

    def encode(self, recipe: Recipe) -> Vector:
        """`settings` as a candidate, shape (d,)."""
        return self.space.encode(self.settings(recipe))

    def _check(self, searched: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse methods that are unknown, and parameters that none of the methods has."""
        for name in (self.method, *self.methods):
            if not isinstance(name, str) or name not in METHODS:
                raise BadInput(f"merge method {name!r} is unknown; there are {', '.join(METHODS)}")
        if self.method not in self.methods:
            raise BadInput(
                f"merge: method {self.method!r} is not one of its options {', '.join(self.methods)}"
            )
        if "method" in searched and "options" not in searched["method"]:
            raise BadInput("merge: method needs options, the merge methods to choose from")
        known = dict.fromkeys(p for name in self.methods for p in METHODS[name].parameters)
        for name in (*searched, *self._fixed):
            if name not in known and name != "method":
                raise BadInput(
                    f"merge: {', '.join(self.methods)}: unknown parameter {name!r};"
                    f" there are {', '.join(known)}"
                )

    def _rule(self, knob: str) -> Rule:
        return next(
            METHODS[name].parameters[knob]
            for name in self.methods
            if knob in METHODS[name].parameters
        )

    def _parameter(self, name: str, knob: str, options: Mapping[str, Any]) -> Parameter:
        if "options" in options:
            return Parameter(name, "choice", options=tuple(options["options"]))
        rule = self._rule(knob)
        kind = options.get("kind", "int" if rule.kind == "integer" else "float")
        return Parameter(name, kind, *_bounds(knob, options))

    def _choices(self) -> Iterator[dict[str, Setting]]:
        """Settings of the method knob that together meet every pair of its options."""
        names = list(self._knobs.get("method", {}).values())
        for method in self.methods:
            yield dict.fromkeys(names, method)
        for one, other in combinations(self.methods, 2):
            if len(names) > 1:
                yield {**dict.fromkeys(names, other), names[0]: one}

    def _chosen(self, settings: Mapping[str, Setting]) -> str | tuple[Filtered, ...]:
        places = self._knobs.get("method", {})
        values = {part: settings[name] for (_, part), name in places.items()}
        if len(set(values.values())) > 1:
            return layer_groups.filters(values)
        return str(next(iter(values.values()), self.method))

    def _places(
        self, knob: str, options: Mapping[str, Any]
    ) -> dict[tuple[str | None, str | None], str]:
        """(source, part) -> parameter name for every value of a knob."""
        scope = options.get("scope", "global" if knob == "method" else "source")
        rule = None if knob == "method" else self._rule(knob)
        allowed = [s for s in SCOPES if s != "source" or rule is not None]
        if rule is not None and rule.kind == "integer":
            allowed = ["global"]
            scope = "global" if scope == "source" else scope
        if scope not in allowed:
            raise BadInput(f"merge: {knob} has scope {scope!r}; allowed: {', '.join(allowed)}")
        count = {"layer": self.layers, "group": self.groups}.get(scope)
        whole = scope in ("global", "source")
        parts: list[str | None] = [None] if whole else [*layer_groups.parts(self.layers, count)]
        sources: list[str | None] = [*self.sources]
        if scope == "global" or rule is None or not rule.per_input:
            sources = [None]
        return {
            (source, part): ".".join(word for word in (knob, source, part) if word is not None)
            for source in sources
            for part in parts
        }

    def _read(self, recipe: Recipe, knob: str, source: str | None, tensor: str) -> Scalar | None:
        """What `recipe` has for a knob on one tensor; None when its method knows no such thing."""
        if knob == "method":
            return recipe.method_on(tensor)
        inputs = {entry.model: entry for entry in recipe.inputs}
        if knob == "weight":
            named = [inputs.get(name) for name in (self.sources if source is None else [source])]
            fold = "lambda" not in self._knobs
            return sum(
                multiplier(recipe, own, tensor, self.layers, fold)
                for own in named
                if own is not None
            ) / len(named)
        own = None if source is None else inputs.get(source)
        if knob not in METHODS[recipe.method_on(tensor)].parameters:
            return None
        return recipe.value(knob, tensor, self.layers, own)

    def _nearest(self, parameter: Parameter, knob: str, value: Scalar | None) -> Setting:
        """The setting of `parameter` nearest to `value`, which may be None."""
        if value is None:
            default = self._rule(knob).default
            value = 0.5 if default is None else default
        if parameter.kind == "choice":
            rest = [self.method, *parameter.options] if knob == "method" else parameter.options
            return value if value in parameter.options else rest[0]
        bounded = min(max(float(value), parameter.low), parameter.high)
        return round(bounded) if parameter.kind == "int" else bounded


def _base(methods: Set[str], sources: Sequence[str], base: str | None) -> str | None:
    """The base as the methods see it: subtracted from the sources, one of them, or none."""
    roles = {METHODS[name].base for name in methods}
    if roles & {"subtracted", "if_given"}:
        return base
    return sources[0] if "input" in roles else None


def _bounds(knob: str, options: Mapping[str, Any]) -> tuple[float, float]:
    try:
        return float(options["low"]), float(options["high"])
    except (KeyError, TypeError, ValueError):
        raise BadInput(f"merge: {knob} needs numbers low and high, not {dict(options)}") from None
