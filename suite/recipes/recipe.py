"""Recipes: the complete description of one merge, with the value of a parameter on a tensor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from suite.errors import BadInput
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import (
    Filtered,
    Scalar,
    Value,
    checked,
    on_tensor,
    plain_parameters,
    read_parameters,
)

DTYPES = ("float32", "bfloat16", "float16")


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
    So is the method: a tuple of `Filtered` gives each part of the model its own, the first filter
    that fits deciding; every tensor must have one. Arithmetic is in float32; the result is
    rounded to `dtype`.

    >>> Recipe("linear", (Input("a", {"weight": 1}), Input("b", {"weight": 3}))).method
    'linear'
    """

    method: str | tuple[Filtered, ...]
    inputs: tuple[Input, ...]
    base: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _check_method(self.method)
        if self.dtype not in DTYPES:
            raise BadInput(
                f"{self.title}: dtype {self.dtype!r} is unknown; there are {', '.join(DTYPES)}"
            )
        inputs = tuple(Input(i.model, _checked(self, i.parameters, i.model)) for i in self.inputs)
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "parameters", _frozen(_checked(self, self.parameters, None)))
        for method in self.methods:
            _check_models(self, method)
            _check_given(self, method)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The names of the merge methods it uses, each once."""
        if isinstance(self.method, str):
            return (self.method,)
        return tuple(dict.fromkeys(str(part.value) for part in self.method))

    @property
    def title(self) -> str:
        """The methods in words, ``ties`` or ``ties + dare_ties``."""
        return " + ".join(self.methods)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the source models it reads, the base first if there is one, each once."""
        base = [] if self.base is None else [self.base]
        return tuple(dict.fromkeys([*base, *(entry.model for entry in self.inputs)]))

    def method_on(self, tensor: str) -> str:
        """The method of one tensor; `BadInput` when no filter fits it."""
        if isinstance(self.method, str):
            return self.method
        for part in self.method:
            if part.fits(tensor):
                return str(part.value)
        raise BadInput(f"{self.title}: no method for tensor {tensor!r}; add one without a filter")

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
                found = on_tensor(level[name], tensor, layers)
                if found is not None:
                    return found
        if default is not None:
            return default
        rule = METHODS[self.method_on(tensor)].parameters.get(name)
        if rule is None or rule.default is None:
            whose = f" of model {input.model!r}" if input else ""
            raise BadInput(f"{self.title}: {name}{whose} has no value for tensor {tensor!r}")
        return rule.default

    def column(
        self, name: str, tensors: Sequence[str], layers: int, input: Input | None = None
    ) -> list[Scalar]:
        """`value` on each of `tensors`; quick where one scalar holds for all."""
        found = (input.parameters if input else {}).get(name, self.parameters.get(name))
        if found is not None and not isinstance(found, tuple):
            return [found] * len(tensors)
        return [self.value(name, tensor, layers, input) for tensor in tensors]

    @cached_property
    def digest(self) -> str:
        """Name of the recipe: sha256 of its canonical JSON, 64 hex digits."""
        return digest_of(self.to_json())

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Recipe.from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Plain types; `from_json` gives the same recipe back."""
        return {
            "method": self.method
            if isinstance(self.method, str)
            else [{"filter": part.filter, "value": part.value} for part in self.method],
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
            method = read_parameters({"method": data["method"]})["method"]
            return cls(method, inputs, data["base"], parameters, data["dtype"])  # type: ignore[arg-type]
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"not a recipe: {error!r}") from error


def digest_of(plain: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of plain types, 64 hex digits."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_method(method: object) -> None:
    listed = method if isinstance(method, tuple) and method else (method,)
    for part in listed:
        name = part.value if isinstance(part, Filtered) else part
        if not isinstance(name, str) or name not in METHODS:
            raise BadInput(f"merge method {name!r} is unknown; there are {', '.join(METHODS)}")
        if isinstance(method, tuple) and not isinstance(part, Filtered):
            raise BadInput("merge method: a list must consist of entries with filter and value")


def _checked(
    recipe: Recipe, parameters: Mapping[str, Value], model: str | None
) -> dict[str, Value]:
    """Parameters as their rules want them; every method that knows one must allow its value."""
    where = f"{recipe.title}: " + (f"model {model!r}: " if model is not None else "")
    found = {}
    for name, value in parameters.items():
        rules = [
            METHODS[m].parameters[name] for m in recipe.methods if name in METHODS[m].parameters
        ]
        if not rules:
            known = dict.fromkeys(
                p for method in recipe.methods for p in METHODS[method].parameters
            )
            raise BadInput(f"{where}unknown parameter {name!r}; there are {', '.join(known)}")
        if model is not None and not any(rule.per_input for rule in rules):
            raise BadInput(f"{where}{name} belongs at the top level, not at a model")
        for rule in rules:
            found[name] = checked(value, rule, where + name)
    return found


def _check_models(recipe: Recipe, name: str) -> None:
    method, models, base = METHODS[name], [i.model for i in recipe.inputs], recipe.base
    for model in [*models, *([] if base is None else [base])]:
        if not isinstance(model, str) or not model:
            raise BadInput(f"{name}: {model!r} is not the name of a model")
    repeated = sorted({model for model in models if models.count(model) > 1})
    if repeated:
        raise BadInput(f"{name}: models named twice: {', '.join(repeated)}")
    if not models or not method.allows(len(models)):
        raise BadInput(f"{name} merges {method.wanted}, not {len(models)}")
    if method.base in ("subtracted", "input") and base is None:
        raise BadInput(f"{name} needs a base model")
    if method.base in ("subtracted", "if_given") and base in models:
        raise BadInput(f"{name}: the base {base!r} cannot be merged into itself")
    # beside a method that subtracts the base, the others leave it aside
    alone = all(METHODS[other].base in ("input", "optional") for other in recipe.methods)
    listed = base is None or base in models
    if not listed and (method.base == "input" or (method.base == "optional" and alone)):
        raise BadInput(f"{name}: the base {base!r} must be one of {', '.join(models)}")


def _check_given(recipe: Recipe, method: str) -> None:
    for name, rule in METHODS[method].parameters.items():
        if rule.default is not None or name in recipe.parameters:
            continue
        if not rule.per_input:
            raise BadInput(f"{method}: parameter {name} is missing")
        for given in recipe.inputs:
            if name not in given.parameters:
                raise BadInput(f"{method}: model {given.model!r} has no {name}")
