"""What each merge method takes: parameters with mergekit's defaults, values, base and inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from suite.errors import BadInput

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
