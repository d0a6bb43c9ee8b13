"""Recipes: the complete description of one merge, with the value of a parameter on a tensor."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from suite.errors import BadInput
from suite.rules import METHODS, Filtered, Gradient, Scalar, Value, checked

DTYPES = ("float32", "bfloat16", "float16")
_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")


@lru_cache(maxsize=65536)
def layer_of(tensor: str) -> int | None:
    """Index of the layer a tensor belongs to; None for embeddings, final norm and head."""
    match = _LAYER.search(tensor)
    return int(match[1]) if match else None


def position(tensor: str, layers: int) -> float:
    """Depth t in [0, 1] of a tensor: layer / (layers − 1), and 0 outside the layers.

    A model of one layer has it at t = 1, as in mergekit.
    """
    layer = layer_of(tensor)
    if layer is None:
        return 0.0
    return min(layer / (layers - 1), 1.0) if layers > 1 else 1.0


def interpolate(gradient: Gradient, t: float) -> float:
    """The piecewise linear function through n equidistant anchors, at t in [0, 1]."""
    s = t * (len(gradient) - 1)
    i = int(s)
    following = gradient[min(i + 1, len(gradient) - 1)]
    return (1 - (s - i)) * gradient[i] + (s - i) * following


def _frozen(parameters: Mapping[str, Value]) -> Mapping[str, Value]:
    return MappingProxyType(dict(parameters))


@dataclass(frozen=True)
class Input:
    """One model of a merge, ``name`` or ``name@revision``, with the parameters of its own."""

    model: str
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _frozen(self.parameters))

    def __reduce__(self) -> tuple[Any, ...]:
        return Input, (self.model, dict(self.parameters))


@dataclass(frozen=True)
class Recipe:
    """One merge, checked when it is made (`BadInput` says what, where and what is allowed).

    A value is a scalar, a gradient (anchors over the depth of the model) or a tuple of `Filtered`.
    Arithmetic is in float32; the result is rounded to `dtype`.

    >>> Recipe("linear", (Input("a", {"weight": 1}), Input("b", {"weight": 3}))).method
    'linear'
    """

    method: str
    inputs: tuple[Input, ...]
    base: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadInput(
                f"merge method {self.method!r} is unknown; there are {', '.join(METHODS)}"
            )
        if self.dtype not in DTYPES:
            raise BadInput(
                f"{self.method}: dtype {self.dtype!r} is unknown; there are {', '.join(DTYPES)}"
            )
        inputs = tuple(
            Input(i.model, _checked(self.method, i.parameters, i.model)) for i in self.inputs
        )
        object.__setattr__(self, "inputs", inputs)
        own = _checked(self.method, self.parameters, None)
        object.__setattr__(self, "parameters", _frozen(own))
        _check_models(self)
        _check_given(self)

    def value(
        self,
        name: str,
        tensor: str,
        layers: int,
        input: Input | None = None,
        default: Scalar | None = None,
    ) -> Scalar:
        """The value of parameter `name` on one tensor of a model with `layers` layers.

        The input's own goes before the top level's; a list of filters of which none fits gives way
        to the next level, then to `default`, then to the method's. `BadInput` if nothing is left.
        """
        for level in (self.parameters,) if input is None else (input.parameters, self.parameters):
            if name in level:
                found = _on_tensor(level[name], tensor, layers)
                if found is not None:
                    return found
        rule = METHODS[self.method].parameters.get(name)
        fallback = rule.default if default is None and rule else default
        if fallback is None:
            whose = f" of model {input.model!r}" if input else ""
            raise BadInput(f"{self.method}: {name}{whose} has no value for tensor {tensor!r}")
        return fallback

    @cached_property
    def digest(self) -> str:
        """Name of the recipe: sha256 of its canonical JSON, 64 hex digits."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Recipe.from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Plain types; `from_json` gives the same recipe back."""
        return {
            "method": self.method,
            "inputs": [
                {"model": i.model, "parameters": plain_parameters(i.parameters)}
                for i in self.inputs
            ],
            "base": self.base,
            "parameters": plain_parameters(self.parameters),
            "dtype": self.dtype,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """The recipe of `to_json`; `BadInput` when `data` is not one."""
        try:
            inputs = tuple(
                Input(i["model"], read_parameters(i["parameters"])) for i in data["inputs"]
            )
            parameters = read_parameters(data["parameters"])
            return cls(data["method"], inputs, data["base"], parameters, data["dtype"])
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"not a recipe: {error!r}") from error


def _on_tensor(value: Value, tensor: str, layers: int) -> Scalar | None:
    if not isinstance(value, tuple):
        return value
    for part in value:
        if not isinstance(part, Filtered):
            return interpolate(value, position(tensor, layers))  # type: ignore[arg-type]
        if part.fits(tensor):
            return _on_tensor(part.value, tensor, layers)
    return None


def plain_parameters(parameters: Mapping[str, Value]) -> dict[str, Any]:
    """Parameters as scalars, lists of numbers and lists of ``{filter, value}``."""

    def plain(value: Value) -> Any:
        if not isinstance(value, tuple):
            return value
        return [
            {"filter": part.filter, "value": plain(part.value)}
            if isinstance(part, Filtered)
            else part
            for part in value
        ]

    return {name: plain(value) for name, value in parameters.items()}


def read_parameters(data: Mapping[str, Any]) -> dict[str, Value]:
    """The inverse of `plain_parameters`; values are checked when a recipe is made of them."""

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(read(part) for part in value)
        if isinstance(value, Mapping):
            if set(value) - {"filter"} != {"value"}:
                raise BadInput(f"a filter has the keys filter and value, not {sorted(value)}")
            return Filtered(value.get("filter"), read(value["value"]))
        return value

    return {str(name): read(value) for name, value in data.items()}


def _checked(method: str, parameters: Mapping[str, Value], model: str | None) -> dict[str, Value]:
    rules = METHODS[method].parameters
    where = f"{method}: " + (f"model {model!r}: " if model is not None else "")
    for name in parameters:
        if name not in rules:
            raise BadInput(f"{where}unknown parameter {name!r}; there are {', '.join(rules)}")
        if model is not None and not rules[name].per_input:
            raise BadInput(f"{where}{name} belongs at the top level, not at a model")
    return {name: checked(v, rules[name], where + name) for name, v in parameters.items()}


def _check_models(recipe: Recipe) -> None:
    method, models = METHODS[recipe.method], [i.model for i in recipe.inputs]
    for model in [*models, *([] if recipe.base is None else [recipe.base])]:
        if not isinstance(model, str) or not model:
            raise BadInput(f"{recipe.method}: {model!r} is not the name of a model")
    repeated = sorted({model for model in models if models.count(model) > 1})
    if repeated:
        raise BadInput(f"{recipe.method}: models named twice: {', '.join(repeated)}")
    wanted = "at least one model" if method.inputs is None else f"exactly {method.inputs} models"
    if not models or (method.inputs is not None and len(models) != method.inputs):
        raise BadInput(f"{recipe.method} merges {wanted}, not {len(models)}")
    if method.base != "optional" and recipe.base is None:
        raise BadInput(f"{recipe.method} needs a base model")
    if method.base == "subtracted" and recipe.base in models:
        raise BadInput(f"{recipe.method}: the base {recipe.base!r} cannot be merged into itself")
    if method.base != "subtracted" and recipe.base is not None and recipe.base not in models:
        raise BadInput(
            f"{recipe.method}: the base {recipe.base!r} must be one of {', '.join(models)}"
        )


def _check_given(recipe: Recipe) -> None:
    for name, rule in METHODS[recipe.method].parameters.items():
        if rule.default is not None or name in recipe.parameters:
            continue
        if not rule.per_input:
            raise BadInput(f"{recipe.method}: parameter {name} is missing")
        for given in recipe.inputs:
            if name not in given.parameters:
                raise BadInput(f"{recipe.method}: model {given.model!r} has no {name}")
