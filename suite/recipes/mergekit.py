"""mergekit YAML to recipes and back; what cannot be said on the other side is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from suite.errors import BadInput
from suite.recipes import mergekit_fields as fields
from suite.recipes import mergekit_path
from suite.recipes.layer_path import LayerPath
from suite.recipes.mergekit_slices import Slice, chooses, fold, ordered, stacked
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import Value, plain_parameters
from suite.recipes.recipe import Input, Recipe

Layers = int | Callable[[str], int]
_MERGE = {"models", "slices", "merge_method", "base_model", "parameters"}
_KEYS = _MERGE | {"dtype", "out_dtype", "tokenizer_source", "tokenizer"}
PUBLISHED = (
    "published"  # scores beside a merge (suite.reproduce.published); mergekit ignores unknown keys
)


def read(
    source: str | Path, resolve: fields.Resolve | None = None, layers: Layers | None = None
) -> Recipe | LayerPath:
    """The recipe of a mergekit configuration, given as text (`str`) or as a file (`Path`).

    A passthrough of slices other than one whole model is a layer path.

    `resolve` turns the file's model names into the recipe's. `layers` is the number of layers of
    the models, or gives it for a name of the recipe; `slices` and lists of switches need it.
    The recipe's dtype is `out_dtype`, else `dtype`, else float32: arithmetic is in float32 here,
    whatever `dtype` says. The tokenizer is the base's. ``rescale: true`` is mergekit 0.1.5's,
    which keeps the L1 norm; beyond mergekit, ``rescale`` may be a recipe's word for it, ``seed``
    names the masks and ``published`` is passed over. `BadInput` names what is not supported.
    """
    where = source.name if isinstance(source, Path) else "mergekit configuration"
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        loaded = fields.mapping(yaml.safe_load(text), "the configuration")
        data = {key: value for key, value in loaded.items() if key != PUBLISHED}
        if mergekit_path.is_path(data, layers, resolve):
            return mergekit_path.read(data, layers, resolve)
        return _recipe(data, resolve, layers)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{where}: cannot be read: {' '.join(str(error).split())}") from error


def write(recipe: Recipe | LayerPath, names: Mapping[str, str] | None = None) -> str:
    """mergekit YAML of `recipe`, computed in float32 there too: ``read(write(recipe)) == recipe``.

    `names` turns the recipe's model names into the file's, such as Hub ids or paths. `BadInput`
    for what mergekit 0.1.5 cannot express: a method per part, and DARE's ``inverse_density``.
    `seed` is written too; mergekit ignores it.
    """
    if isinstance(recipe, LayerPath):
        return mergekit_path.write(recipe, names)
    if not isinstance(recipe.method, str):
        raise BadInput(
            f"a method for each part of the model ({recipe.title}) cannot be said in mergekit,"
            " only one for all"
        )
    listed = [*(i.model for i in recipe.inputs), *([] if recipe.base is None else [recipe.base])]
    told = _told(listed, names)
    data: dict[str, Any] = {
        "merge_method": recipe.method,
        "models": [
            {"model": told[i.model], **({"parameters": plain} if plain else {})}
            for i in recipe.inputs
            for plain in (plain_parameters(i.parameters),)
        ],
    }
    if recipe.base is not None:
        data["base_model"] = told[recipe.base]
    parameters = plain_parameters(recipe.parameters)
    if "rescale" in parameters:
        parameters["rescale"] = _switch(parameters["rescale"])
    if parameters:
        data["parameters"] = parameters
    data["dtype"] = "float32"
    if recipe.dtype != "float32":
        data["out_dtype"] = recipe.dtype
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _told(models: Sequence[str], names: Mapping[str, str] | None) -> dict[str, str]:
    """The file's name of each model; each must be one that mergekit reads as a whole model."""
    told: dict[str, str] = {}
    for model in dict.fromkeys(models):
        if names is not None and model not in names:
            raise BadInput(f"model {model!r} has no name; there are {', '.join(sorted(names))}")
        name = model if names is None else names[model]
        if name in told.values():
            raise BadInput(f"model {model!r}: the name {name!r} stands for another model already")
        told[model] = fields.name(name, None)
    return told


def _switch(value: Any) -> Any:
    if isinstance(value, list):
        return [{**part, "value": _switch(part["value"])} for part in value]
    for switch, word in fields.RESCALE.items():
        if word == value:
            return switch
    raise BadInput(
        f"rescale {value!r} cannot be said in mergekit, only {', '.join(fields.RESCALE.values())}"
    )


def _recipe(
    data: Mapping[str, Any], resolve: fields.Resolve | None, layers: Layers | None
) -> Recipe:
    data = fields.only(data, _KEYS, "the configuration")
    _check_tokenizer(data)
    method = data.get("merge_method")
    if not isinstance(method, str) or method not in METHODS:
        raise BadInput(f"merge_method {method!r} is not supported; there are {', '.join(METHODS)}")
    if ("models" in data) == ("slices" in data):
        raise BadInput("there must be either models or slices")

    rules = METHODS[method].parameters
    base = _base(data)
    slices = _slices(data, method, base)
    if "slices" in data:
        ordered(slices, _count(layers, slices, resolve))
    elif chooses(slices[0], rules):
        slices = [replace(slices[0], layers=range(_count(layers, slices, resolve)))]
    own, shared = fold(slices, rules)
    return Recipe(
        method,
        tuple(Input(fields.name(model, resolve), values) for model, values in own.items()),
        None if base is None else fields.name(base, resolve),
        shared,
        str(data.get("out_dtype", data.get("dtype", "float32"))).removeprefix("torch."),
    )


def _count(layers: Layers | None, slices: Sequence[Slice], resolve: fields.Resolve | None) -> int:
    if layers is None:
        raise BadInput("slices and lists of switches need the models' number of layers")
    first = next(iter(slices[0].inputs), None)
    return layers(fields.name(first, resolve)) if callable(layers) else layers


def _check_tokenizer(data: Mapping[str, Any]) -> None:
    """The tokenizer is the base's: saying so is all that a configuration may do."""
    if "tokenizer" in data:
        fields.only(fields.mapping(data["tokenizer"], "tokenizer"), {"source"}, "tokenizer")
    for source in (
        data.get("tokenizer_source", "base"),
        data.get("tokenizer", {"source": "base"}).get("source", "union"),
    ):
        if source != "base":
            raise BadInput(f"tokenizer source {source!r} is not supported; only base is")


def _base(data: Mapping[str, Any]) -> str | None:
    """The base that the top level and the slices name; it must be one."""
    found = [data.get("base_model"), *(s.get("base_model") for s in _listed_slices(data))]
    named = list(dict.fromkeys(fields.name(base, None) for base in found if base is not None))
    unnamed = data.get("base_model") is None and None in found[1:]
    if len(named) > 1 or (named and unnamed):
        raise BadInput(
            f"slices: base_model is {', '.join(named)}{' or none' * unnamed};"
            " supported is one base for all slices"
        )
    return named[0] if named else None


def _listed_slices(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    known = {"sources", "base_model", "parameters"}
    return fields.listed(data["slices"], "slices", known) if "slices" in data else []


def _slices(data: Mapping[str, Any], method: str, base: str | None) -> list[Slice]:
    """The configuration's slices, or its models as one slice of all layers."""
    top, slices = fields.parameters(data, method), []
    for entry in _listed_slices(data):
        sources = fields.listed(
            entry.get("sources"), "sources", {"model", "layer_range", "parameters"}
        )
        inputs = _inputs(sources, method, base)
        slices.append(
            Slice(_layers(sources), inputs, stacked(fields.parameters(entry, method), top))
        )
    if "slices" in data:
        return slices
    models = fields.listed(data["models"], "models", {"model", "parameters"})
    if base is not None and base not in [entry.get("model") for entry in models]:
        models = [*models, {"model": base}]  # mergekit adds one that is not listed
    return [Slice(None, _inputs(models, method, base), top)]


def _inputs(
    entries: Sequence[Mapping[str, Any]], method: str, base: str | None
) -> dict[str, dict[str, Value]]:
    """Parameters by model; mergekit's task vectors leave a base out that is listed."""
    inputs: dict[str, dict[str, Value]] = {}
    for entry in entries:
        model = fields.name(entry.get("model"), None)
        if model in inputs:
            raise BadInput(f"model {model!r} is named twice")
        inputs[model] = fields.parameters(entry, method)
    if METHODS[method].base in ("subtracted", "if_given"):
        inputs.pop(str(base), None)
    return inputs


def _layers(sources: Sequence[Mapping[str, Any]]) -> range:
    """The layers that a slice takes, the same of all its sources."""
    first: Any = sources[0].get("layer_range")
    for source in sources:
        found: Any = source.get("layer_range")
        pair = isinstance(found, list) and len(found) == 2
        if not pair or not all(type(edge) is int for edge in found) or found != first:
            other = f", {first} of {sources[0].get('model')!r}" if pair and found != first else ""
            raise BadInput(
                f"slices: layer_range {found} of {source.get('model')!r}{other};"
                " allowed are two whole numbers, equal in all sources of a slice"
            )
    return range(*first)
