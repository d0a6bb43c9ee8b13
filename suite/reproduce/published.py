"""Published scores: which model had which figure, said by whom, and how far that can be compared.

A *row* is a mergekit YAML file with one more top-level key, which mergekit ignores::

    published:
      - metric: mgsm_ja.sakana-v1.acc_ja     # evaluator.figure, in the figure's own unit
        value: 0.300
        source: "SR: the published evaluation's README"
        protocol: MGSM-JA as published
        items: 250                           # how many it was measured on, if known
        sigma: 2                             # tolerance in standard errors (default 2)
        comparable: true                     # or the reason why not (default true)

In a task's folder of baselines such files are merges and sources of the task. In its sub-folder
``published`` they are models of their own, one ``linear`` input each; a file there with nothing
but ``published`` is a model that nobody can load, and says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from suite.errors import BadInput
from suite.recipes import mergekit
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Recipe

KEY = mergekit.PUBLISHED
SIGMA = 2.0
_FIELDS = ("metric", "value", "source", "protocol", "items", "sigma", "comparable")


@dataclass(frozen=True)
class Figure:
    """One published number, over `items` items if that is known.

    `why_not` is the reason why nothing here can be compared with it, `sigma` the tolerance.
    """

    metric: str
    value: float
    source: str
    protocol: str
    sigma: float = SIGMA
    why_not: str | None = None
    items: int | None = None


@dataclass(frozen=True)
class Row:
    """A model and its published figures.

    `model` is its name where it is one model as it is: a name of the task's if `own`, else one that
    `hub.locate` takes. It is None for merges, and for models that cannot be had (not `loadable`).
    """

    name: str
    file: Path
    figures: tuple[Figure, ...]
    own: bool
    loadable: bool
    model: str | None

    def recipe(self, layers: Callable[[str], int] | None = None) -> Recipe | LayerPath:
        """The merge; `layers` as in `mergekit.read`. `BadInput` for a row that is not `loadable`."""
        return mergekit.read(self.file, layers=layers)


def rows(folder: Path) -> dict[str, Row]:
    """The rows of a task whose baselines are in `folder`, by name; none without published scores.

    `BadInput` names a file whose ``published`` is not understood.
    """
    found = [_row(path, own=True) for path in sorted(folder.glob("*.yaml"))]
    found += [_row(path, own=False) for path in sorted((folder / KEY).glob("*.yaml"))]
    named: dict[str, Row] = {}
    for row in (row for row in found if row is not None):
        if row.name in named:
            raise BadInput(f"{row.file}: there is a published row {row.name!r} already")
        named[row.name] = row
    return named


def _row(path: Path, own: bool) -> Row | None:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(data, Mapping) or (own and KEY not in data):
        return None
    entries = data.get(KEY)
    if not isinstance(entries, list) or not entries:
        raise BadInput(f"{path}: {KEY} must be a list of figures that is not empty")
    figures = tuple(_figure(entry, f"{path}, {KEY} {n}") for n, entry in enumerate(entries, 1))
    loadable = set(data) != {KEY}
    if not loadable and any(figure.why_not is None for figure in figures):
        raise BadInput(f"{path}: no model, hence each figure must say why it is not comparable")
    row = Row(path.stem, path, figures, own, loadable, _single(path, data) if loadable else None)
    if loadable and not own and row.model is None:
        raise BadInput(f"{path}: must be one linear input of weight 1")
    return row


def _single(path: Path, data: Mapping[str, Any]) -> str | None:
    """The model of a configuration that is one model unchanged."""
    models = data.get("models")
    if data.get("merge_method") != "linear" or not isinstance(models, list) or len(models) != 1:
        return None
    recipe = mergekit.read(path)
    if isinstance(recipe, LayerPath) or recipe.inputs[0].parameters.get("weight") != 1:
        return None
    return recipe.inputs[0].model


def _figure(entry: Any, where: str) -> Figure:
    if not isinstance(entry, Mapping):
        raise BadInput(f"{where}: must be a mapping with {', '.join(_FIELDS)}")
    if unknown := sorted(set(map(str, entry)) - set(_FIELDS)):
        raise BadInput(f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(_FIELDS)}")
    texts = {key: entry.get(key) for key in ("metric", "source", "protocol")}
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise BadInput(f"{where}: {key} must be a text")
    value = _number(entry.get("value"), f"{where}: value")
    sigma = _number(entry.get("sigma", SIGMA), f"{where}: sigma")
    if sigma <= 0:
        raise BadInput(f"{where}: sigma {sigma:g} must be positive")
    comparable = entry.get("comparable", True)
    if comparable is not True and not (isinstance(comparable, str) and comparable.strip()):
        raise BadInput(f"{where}: comparable must be true or the reason why not")
    why_not = None if comparable is True else str(comparable)
    items = entry.get("items")
    if items is not None and (type(items) is not int or items < 1):
        raise BadInput(f"{where}: items {items!r} must be a whole number, 1 or more")
    said = [str(text) for text in texts.values()]
    return Figure(said[0], value, said[1], said[2], sigma, why_not, items)


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{what} {value!r} must be a number")
    return float(value)
