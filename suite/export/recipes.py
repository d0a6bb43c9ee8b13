"""Recipes in files: what `suite merge` is given, a merge or a layer path."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from suite import mergekit
from suite.errors import BadInput
from suite.layer_path import LayerPath, read_json
from suite.recipe import Recipe

Read = tuple[Recipe | LayerPath, dict[str, str]]


def read(path: Path, layers: Callable[[str], int]) -> Read:
    """The recipe in a recipe.json or in a mergekit file, whose slices may be a layer path.

    With it, for a recipe.json, the Hub id or folder of each model; in mergekit files the names are
    those. `layers` counts the layers of a model. `BadInput` says what cannot be read.
    """
    if path.suffix != ".json":
        return mergekit.read(path, layers=layers), {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        models = {name: str(entry["model"]) for name, entry in data.get("models", {}).items()}
        return read_json(data), models
    except BadInput as error:
        raise BadInput(f"{path.name}: {error}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name}: cannot be read ({error})") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path.name}: not a recipe ({error!r})") from None


def base(recipe: Recipe | LayerPath) -> str:
    """The model whose config and tokenizer a recipe without a task keeps."""
    if isinstance(recipe, LayerPath):
        frame = recipe.merges.get(recipe.frame)
        return recipe.frame if frame is None else base(frame)
    return recipe.base or recipe.inputs[0].model


def title(recipe: Recipe | LayerPath) -> str:
    """What it is and of what, in a few words."""
    if isinstance(recipe, LayerPath):
        return recipe.title
    return f"{recipe.title} of {', '.join(entry.model for entry in recipe.inputs)}"
