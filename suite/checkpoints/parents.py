"""The models a merge was made of: where they lie, and under which licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from suite.checkpoints import compatibility, hub, metadata
from suite.recipes.layer_path import LayerPath
from suite.recipes.parameters import layer_of
from suite.recipes.recipe import Recipe


@dataclass(frozen=True)
class Parent:
    """One source model.

    `name` stands in the recipe; `where` is what a user writes to get it: ``org/name@revision`` of
    the Hub (then `repo` and `revision` are its parts), or the path as configured. `licence` is an
    identifier of the Hub's, None when the model does not say. `eyes` counts the parameters of a
    vision-language model outside its language tower.
    """

    name: str
    where: str
    folder: Path
    repo: str | None = None
    revision: str | None = None
    licence: str | None = None
    eyes: int = 0


def find(
    models: Mapping[str, str],
    base: str,
    vocabulary: str = "refuse",
    device: str = "cpu",
    vlm: str | None = None,
) -> dict[str, Parent]:
    """The parents by their names in the recipe, from names to Hub ids or paths.

    Nothing large is downloaded before their metadata fit each other and this machine; `base`,
    `vocabulary`, `device` and `vlm` are `fit.check`'s. `BadInput` when one does not, or cannot be had.
    """
    headers = [metadata.read(name, where) for name, where in models.items()]
    compatibility.check(headers, base, vocabulary, device, vlm=vlm)
    return {each.name: _parent(each, models[each.name]) for each in headers}


def layers(name: str) -> int:
    """Number of layers of the model with this Hub id or path, by its tensors' names."""
    found = [layer_of(tensor) for tensor in metadata.read(name, name).shapes]
    return 1 + max((layer for layer in found if layer is not None), default=-1)


def used(recipe: Recipe | LayerPath, base: str, vlm: str | None = None) -> list[str]:
    """Names of the models an export reads, each once: `base`, the recipe's, `vlm` if there is one."""
    return list(dict.fromkeys([base, *recipe.models, *([] if vlm is None else [vlm])]))


def shared_licence(parents: Mapping[str, Parent]) -> str | None:
    """The licence that all parents have; None when they differ or one does not say."""
    licences = {parent.licence for parent in parents.values()}
    return licences.pop() if len(licences) == 1 else None


def _parent(known: metadata.Header, where: str) -> Parent:
    found = hub.locate(where)
    if found.repo is not None:
        where = f"{found.repo}@{found.revision}"
    return Parent(
        known.name, where, found.folder, found.repo, found.revision, known.licence, known.eyes
    )
