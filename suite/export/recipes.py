"""Recipes in files: what `suite merge` is given, a merge, a layer path, or a model as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.recipes import mergekit
from suite.recipes.layer_path import LayerPath, read_json
from suite.recipes.point import Point
from suite.recipes.recipe import Input, Recipe


@dataclass(frozen=True)
class Read:
    """A recipe as a file has it.

    Attributes
    ----------
    recipe : Recipe or LayerPath
    models : mapping of str to str
        What the names of its models stand for where these are not Hub ids or folders.
    vlm : str or None
        The vision-language model whose language tower the merge becomes.
    vocabulary : str or None
        Whether rows beyond the base's are ``cut``, as in a task.
    seeing : mapping of str to object
        ``tiling`` and ``rope_theta`` of the vision-language model, as in a task.
    """

    recipe: Recipe | LayerPath
    models: Mapping[str, str] = field(default_factory=dict)
    vlm: str | None = None
    vocabulary: str | None = None
    seeing: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path, layers: Callable[[str], int]) -> Read:
    """Read a recipe.json or a mergekit file, whose slices may be a layer path.

    Parameters
    ----------
    path : Path
        A model's folder is the recipe of that model alone.
    layers : callable
        Counts the layers of a model, given its name.

    Returns
    -------
    Read

    Raises
    ------
    BadInput
        Says what cannot be read.
    """
    if path.is_dir():
        return Read(Recipe("linear", (Input(str(path), {"weight": 1.0}),)))
    if path.suffix != ".json":
        return Read(mergekit.read(path, layers=layers))
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        models = {name: str(entry["model"]) for name, entry in data.get("models", {}).items()}
        said = {key: str(data[key]) for key in ("vlm", "vocabulary") if key in data}
        seeing = {key: data[key] for key in ("tiling", "rope_theta") if key in data}
        recipe = read_json(data)
        if isinstance(recipe, Point):
            raise BadInput("a point of a task without models, not a merge")
        return Read(recipe, models, **said, seeing=seeing)
    except BadInput as error:
        raise BadInput(f"{path.name}: {error}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name}: cannot be read ({error})") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path.name}: not a recipe ({error!r})") from None


def base(recipe: Recipe | LayerPath) -> str:
    """Find the model whose config and tokenizer a recipe without a task keeps.

    Parameters
    ----------
    recipe : Recipe or LayerPath

    Returns
    -------
    str
    """
    if isinstance(recipe, LayerPath):
        frame = recipe.merges.get(recipe.frame)
        return recipe.frame if frame is None else base(frame)
    return recipe.base or recipe.inputs[0].model


def title(recipe: Recipe | LayerPath) -> str:
    """Say what a recipe is and of what, in a few words.

    Parameters
    ----------
    recipe : Recipe or LayerPath

    Returns
    -------
    str
    """
    if isinstance(recipe, LayerPath):
        return recipe.title
    return f"{recipe.title} of {', '.join(entry.model for entry in recipe.inputs)}"
