"""The fields of a mergekit configuration: names, lists, mappings and a method's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from suite.errors import BadInput
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import Rule, Value, read_parameters

Resolve = Mapping[str, str] | Callable[[str], str]
RESCALE: Mapping[bool, str] = {True: "l1", False: "none"}
"""mergekit's ``rescale`` in a recipe's words."""
# int8_mask is the type mergekit keeps its masks in; task_arithmetic makes nothing sparse.
_WITHOUT_EFFECT = {"task_arithmetic": ("int8_mask", "density", "rescale")}
_MASKS = ("int8_mask",)
_SWITCHES = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}


def parameters(entry: Mapping[str, Any], method: str) -> dict[str, Value]:
    """An entry's parameters, those without effect dropped; unknown ones are refused.

    Their values are in the types of the method's rules where they can be; a recipe checks them.
    """
    plain = entry.get("parameters")
    given = mapping({} if plain is None else plain, "parameters")
    rules, dropped = METHODS[method].parameters, _WITHOUT_EFFECT.get(method, _MASKS)
    kept = {name: value for name, value in given.items() if name not in dropped}
    for name, value in kept.items():
        if name not in rules:
            raise BadInput(f"{method}: unknown parameter {name!r}; there are {', '.join(rules)}")
        mixed = isinstance(value, list) and len({isinstance(v, Mapping) for v in value}) != 1
        if mixed or value is None:
            raise BadInput(f"{name} is {value}; a list is of numbers or of filter and value")
    return read_parameters({name: _value(value, rules[name]) for name, value in kept.items()})


def _value(value: Any, rule: Rule) -> Any:
    """A setting with its scalars in the type of `rule`; a single filter becomes a list of one."""
    if isinstance(value, Mapping):
        return [_scalars(value, rule)]
    return _scalars(value, rule)


def _scalars(value: Any, rule: Rule) -> Any:
    if isinstance(value, list):
        return [_scalars(part, rule) for part in value]
    if isinstance(value, Mapping):
        return {k: part if k == "filter" else _scalars(part, rule) for k, part in value.items()}
    if rule.kind in ("switch", "choice"):
        # whatever mergekit takes for a switch: 1, 1.0 and "yes" are true
        word = str(int(value) if value in (0, 1) else value).lower()
        found = _SWITCHES.get(word, value)
        return RESCALE.get(found, found) if rule.kind == "choice" else found
    try:  # YAML 1.1 reads 1e-3 as text
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def name(name: Any, resolve: Resolve | None) -> str:
    """A model's name as `resolve` gives it; only whole models have one."""
    if not isinstance(name, str) or not name:
        raise BadInput(f"model {name!r} is not a name")
    if "+" in name:
        raise BadInput(f"model {name!r}: adapters are not supported, only whole models")
    if name.count("@") > 1:
        raise BadInput(f"model {name!r}: only one revision can follow an @")
    if resolve is None:
        return name
    if callable(resolve):
        return resolve(name)
    if name not in resolve:
        raise BadInput(f"model {name!r} is unknown; there are {', '.join(sorted(resolve))}")
    return resolve[name]


def mapping(data: Any, what: str) -> Mapping[str, Any]:
    """`data` if its keys are names."""
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise BadInput(f"{what} must be a mapping of names, not {type(data).__name__}")
    return data


def listed(data: Any, what: str, keys: set[str]) -> list[Mapping[str, Any]]:
    """`data` if it is a list of mappings, each with `keys` at most."""
    if not isinstance(data, list) or not data:
        raise BadInput(f"{what} must be a list that is not empty")
    return [only(mapping(entry, f"each of {what}"), keys, what) for entry in data]


def only(data: Mapping[str, Any], keys: set[str], what: str) -> Mapping[str, Any]:
    """`data` if its keys are `keys` at most, without what is null: mergekit's word for not given."""
    given = {key: value for key, value in data.items() if value is not None}
    unknown = sorted(set(given) - keys)
    if unknown:
        raise BadInput(
            f"{what}: {', '.join(unknown)} is not supported; known are {', '.join(sorted(keys))}"
        )
    return given
