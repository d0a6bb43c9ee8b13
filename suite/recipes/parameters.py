"""Parameter values: scalars, gradients over the depth and filters; what each may be; where it holds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from suite.errors import BadInput

_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")

Scalar = float | int | bool | str
Gradient = tuple[float, ...]


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
        """`value` in its kind's one Python type, so that equal recipes are equal; None if bad."""
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


def checked(value: object, rule: Rule, where: str) -> Any:
    """`value` with each number in its kind's type; `BadInput`, naming `where`, if not allowed."""

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
        return Filtered(part.filter, checked(part.value, rule, where))

    if not isinstance(value, tuple):
        return next(each((value,), rule.normalised))
    if not value:
        raise refuse(value)
    if isinstance(value[0], Filtered) and rule.kind != "integer":
        return tuple(each(value, filtered))
    if rule.kind != "number":
        raise refuse(value)
    return tuple(each(value, rule.normalised))


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


def on_tensor(value: Value, tensor: str, layers: int) -> Scalar | None:
    """`value` on one tensor of a model with `layers` layers; None when no filter fits."""
    if not isinstance(value, tuple):
        return value
    for part in value:
        if not isinstance(part, Filtered):
            return interpolate(value, position(tensor, layers))  # type: ignore[arg-type]
        if part.fits(tensor):
            return on_tensor(part.value, tensor, layers)
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
