"""Recipes: the complete description of one merge, and the value of each parameter on each tensor."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Literal

from suite.errors import BadInput

Scalar = float | int | bool | str
Gradient = tuple[float, ...]
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Filtered:
    """`value` for the tensors whose name contains `filter`; None and ``*`` stand for all."""

    filter: str | None
    value: Scalar | Gradient

    def fits(self, tensor: str) -> bool:
        return self.filter is None or self.filter == "*" or self.filter in tensor


Value = Scalar | Gradient | tuple[Filtered, ...]


@dataclass(frozen=True)
class Rule:
    """What a method allows for one parameter.

    `per_input` parameters stand at an input or at the top level (then for every input), the
    others at the top level only. A `default` of None means that the value must be given.
    """

    kind: Literal["number", "integer", "switch", "choice"] = "number"
    per_input: bool = False
    default: Scalar | None = None
    low: float = -math.inf
    high: float = math.inf
    options: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        if self.kind == "switch":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.options)
        bounds = "" if math.isinf(self.low) else f" in [{self.low:g}, {self.high:g}]"
        return ("a whole number" if self.kind == "integer" else "a finite number") + bounds

    def normalised(self, value: object) -> Scalar | None:
        """`value` in the kind's one Python type, so that equal recipes compare equal; None if bad."""
        if self.kind == "switch":
            return value if isinstance(value, bool) else None
        if self.kind == "choice":
            return value if isinstance(value, str) and value in self.options else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not (math.isfinite(value) and self.low <= value <= self.high):
            return None
        if self.kind == "integer":
            return int(value) if value == int(value) else None
        return float(value)


@dataclass(frozen=True)
class Method:
    """A merge method as recipes see it.

    `base` says what the base is: ``subtracted`` (task vectors are taken from it; it is no input),
    ``input`` (it is one of the inputs), or ``optional`` (only names whose tokenizer is kept).
    """

    parameters: Mapping[str, Rule]
    base: Literal["subtracted", "input", "optional"] = "subtracted"
    inputs: int | None = None  # exact number, None for one or more


def _task_vectors(normalize: bool, **more: Rule) -> Method:
    weight, scale = Rule(per_input=True), Rule(default=1.0)
    switch = Rule("switch", default=normalize)
    return Method({"weight": weight, "lambda": scale, "normalize": switch, **more})


_DENSITY = Rule(per_input=True, default=1.0, low=0.0, high=1.0)
_DARE = {
    "density": _DENSITY,
    # l1: mergekit since 2025-02; inverse_density: Yu et al. 2024, eq. 3.
    "rescale": Rule("choice", default="l1", options=("l1", "inverse_density", "none")),
    "seed": Rule("integer", default=0, low=0, high=2**63 - 1),
}
METHODS: Mapping[str, Method] = {
    "linear": Method(
        {"weight": Rule(per_input=True), "normalize": Rule("switch", default=True)}, "optional"
    ),
    "slerp": Method({"t": Rule(low=0.0, high=1.0)}, "input", 2),
    "task_arithmetic": _task_vectors(False),
    "ties": _task_vectors(True, density=_DENSITY),
    "dare_linear": _task_vectors(False, **_DARE),
    "dare_ties": _task_vectors(False, **_DARE),
}
"""Every method with mergekit's defaults; `seed` exists here only."""

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
        checked = _checked(self.method, self.parameters, None)
        object.__setattr__(self, "parameters", _frozen(checked))
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
    return {name: _normalised(v, rules[name], where + name) for name, v in parameters.items()}


def _normalised(value: object, rule: Rule, where: str) -> Any:
    def refuse(what: object) -> BadInput:
        return BadInput(f"{where} is {what!r}; allowed is {rule.allowed}")

    def each(parts: tuple[object, ...], check: Callable[[object], Any]) -> Iterator[Any]:
        for part in parts:
            good = check(part)
            if good is None:
                raise refuse(part)
            yield good

    def filtered(part: object) -> Filtered | None:
        fits = isinstance(part, Filtered) and isinstance(part.filter, str | None)
        if not (fits and isinstance(part, Filtered)):
            return None
        if isinstance(part.value, tuple) and any(isinstance(p, Filtered) for p in part.value):
            raise BadInput(f"{where}: a filter inside a filter")
        return Filtered(part.filter, _normalised(part.value, rule, where))

    if not isinstance(value, tuple):
        return next(each((value,), rule.normalised))
    if not value:
        raise refuse(value)
    if isinstance(value[0], Filtered) and rule.kind != "integer":
        return tuple(each(value, filtered))
    if rule.kind != "number":
        raise refuse(value)
    return tuple(each(value, rule.normalised))


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
