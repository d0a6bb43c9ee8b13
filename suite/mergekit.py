"""mergekit YAML to recipes and back; what cannot be said on the other side is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from suite.errors import BadInput
from suite.recipe import Input, Recipe
from suite.rules import METHODS
from suite.values import Filtered, Value, plain_parameters, read_parameters

Resolve = Mapping[str, str] | Callable[[str], str]
_KEYS = {"models", "slices", "merge_method", "base_model", "parameters", "dtype"}
_RESCALE: dict[bool, str] = {True: "l1", False: "none"}
_WITHOUT_EFFECT = "int8_mask"  # the type mergekit keeps its masks in


def read(source: str | Path, resolve: Resolve | None = None, layers: int | None = None) -> Recipe:
    """The recipe of a mergekit configuration, given as text (`str`) or as a file (`Path`).

    `resolve` turns the file's model names into the recipe's. `layers` is the number of layers of
    the models; a configuration written as `slices` needs it to show that its slice is whole.
    DARE's ``rescale: true`` is mergekit 0.1.5's, which keeps the L1 norm; beyond mergekit,
    ``rescale`` may be a recipe's word for it and ``seed`` names the masks. `BadInput` names
    what is not supported.
    """
    where = source.name if isinstance(source, Path) else "mergekit configuration"
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        return _recipe(_mapping(yaml.safe_load(text), "the configuration"), resolve, layers)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{where}: cannot be read: {' '.join(str(error).split())}") from error


def write(recipe: Recipe) -> str:
    """mergekit YAML of `recipe`: ``read(write(recipe)) == recipe``.

    `BadInput` for DARE's ``inverse_density``, which mergekit 0.1.5 cannot express. `seed` is
    written too; mergekit ignores it.
    """
    data: dict[str, Any] = {
        "merge_method": recipe.method,
        "models": [
            {"model": i.model, **({"parameters": plain} if plain else {})}
            for i in recipe.inputs
            for plain in (plain_parameters(i.parameters),)
        ],
    }
    if recipe.base is not None:
        data["base_model"] = recipe.base
    parameters = plain_parameters(recipe.parameters)
    if "rescale" in parameters:
        parameters["rescale"] = _switch(parameters["rescale"])
    if parameters:
        data["parameters"] = parameters
    data["dtype"] = recipe.dtype
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _switch(value: Any) -> Any:
    if isinstance(value, list):
        return [{**part, "value": _switch(part["value"])} for part in value]
    for switch, word in _RESCALE.items():
        if word == value:
            return switch
    raise BadInput(
        f"rescale {value!r} cannot be said in mergekit, only {', '.join(_RESCALE.values())}"
    )


def _recipe(data: Mapping[str, Any], resolve: Resolve | None, layers: int | None) -> Recipe:
    _only(data, _KEYS, "the configuration")
    method = data.get("merge_method")
    if not isinstance(method, str) or method not in METHODS:
        raise BadInput(f"merge_method {method!r} is not supported; there are {', '.join(METHODS)}")
    if ("models" in data) == ("slices" in data):
        raise BadInput("there must be either models or slices")
    parameters = _parameters(data, method)
    if "slices" in data:
        entries, own = _whole_slice(data["slices"], layers)
        parameters = _stacked(_parameters(own, method), parameters)
    else:
        entries = _listed(data["models"], "models", {"model", "parameters"})
    base = data.get("base_model")
    if METHODS[method].base == "subtracted":  # mergekit skips a base listed among the models
        entries = [entry for entry in entries if entry.get("model") != base]
    elif base is not None and "models" in data and base not in [e.get("model") for e in entries]:
        entries = [*entries, {"model": base}]  # and adds one that is not listed
    inputs = tuple(
        Input(_name(entry.get("model"), resolve), _parameters(entry, method)) for entry in entries
    )
    resolved = None if base is None else _name(base, resolve)
    dtype = data.get("dtype")
    return Recipe(method, inputs, resolved, parameters, "float32" if dtype is None else dtype)


def _whole_slice(
    slices: Any, layers: int | None
) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
    """The sources of the only slice, which must take every layer, and the slice itself."""
    listed = _listed(slices, "slices", {"sources", "parameters"})
    if len(listed) != 1:
        raise BadInput(f"slices: {len(listed)} slices; only one slice of all layers is supported")
    sources = _listed(listed[0].get("sources"), "sources", {"model", "layer_range", "parameters"})
    if layers is None:
        raise BadInput("slices: the models' number of layers must be known; write models instead")
    for source in sources:
        if source.get("layer_range") != [0, layers]:
            raise BadInput(
                f"slices: layer_range {source.get('layer_range')} of {source.get('model')!r}:"
                f" only whole models, [0, {layers}], are supported"
            )
    return sources, listed[0]


def _stacked(upper: Mapping[str, Value], lower: Mapping[str, Value]) -> dict[str, Value]:
    """One level of parameters that reads like `upper` before `lower`, filter by filter."""
    stacked = {**lower, **upper}
    for name in upper.keys() & lower.keys():
        if _is_filters(upper[name]):
            stacked[name] = (*_as_filters(upper[name]), *_as_filters(lower[name]))
    return stacked


def _is_filters(value: Value) -> bool:
    return isinstance(value, tuple) and any(isinstance(part, Filtered) for part in value)


def _as_filters(value: Value) -> tuple[Filtered, ...]:
    return value if _is_filters(value) else (Filtered(None, value),)  # type: ignore[return-value,arg-type]


def _parameters(entry: Mapping[str, Any], method: str) -> dict[str, Value]:
    plain = entry.get("parameters")
    given = _mapping({} if plain is None else plain, "parameters")
    values = {name: _numbers(value) for name, value in given.items() if name != _WITHOUT_EFFECT}
    rescale = METHODS[method].parameters.get("rescale")
    if rescale is not None and "rescale" in values:
        values["rescale"] = _word(values["rescale"])
    return read_parameters(values)


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return _RESCALE[value]
    if isinstance(value, list):
        return [{**p, "value": _word(p.get("value"))} if isinstance(p, dict) else p for p in value]
    return value


def _numbers(value: Any) -> Any:
    """`value` with numbers such as 1e-3, which YAML 1.1 reads as text, made numbers."""
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    if isinstance(value, dict):
        return {key: part if key == "filter" else _numbers(part) for key, part in value.items()}
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _name(name: Any, resolve: Resolve | None) -> str:
    if not isinstance(name, str) or not name:
        raise BadInput(f"model {name!r} is not a name")
    if "+" in name:
        raise BadInput(f"model {name!r}: adapters are not supported, only whole models")
    if resolve is None:
        return name
    if callable(resolve):
        return resolve(name)
    if name not in resolve:
        raise BadInput(f"model {name!r} is unknown; there are {', '.join(sorted(resolve))}")
    return resolve[name]


def _mapping(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise BadInput(f"{what} must be a mapping of names, not {type(data).__name__}")
    return data


def _listed(data: Any, what: str, keys: set[str]) -> list[Mapping[str, Any]]:
    if not isinstance(data, list) or not data:
        raise BadInput(f"{what} must be a list that is not empty")
    for entry in data:
        _only(_mapping(entry, f"each of {what}"), keys, what)
    return data


def _only(data: Mapping[str, Any], keys: set[str], what: str) -> None:
    unknown = sorted(set(data) - keys)
    if unknown:
        raise BadInput(
            f"{what}: {', '.join(unknown)} is not supported; known are {', '.join(sorted(keys))}"
        )
