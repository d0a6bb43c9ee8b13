"""The hybrid space: a merge and the path over its layers, searched at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath, whole
from suite.recipes.recipe import Recipe
from suite.spaces.merge_space import MergeSpace
from suite.spaces.path_space import PathSpace
from suite.spaces.space import SearchSpace, Setting, Vector

_MERGE, _PATH = "merge.", "path."


class HybridSpace:
    """Candidates to layer paths of which `part` is a merge that is searched too.

    The variables are those of `merges`, as ``merge.…``, and then those of `paths`, as ``path.…``;
    their kinds stay what they are. `part` is a part of `paths` that has no merge yet.
    """

    def __init__(self, merges: MergeSpace, paths: PathSpace, part: str) -> None:
        self.merges, self.paths, self.part = merges, paths, part
        if part not in paths.parts:
            raise BadInput(f"path: {part!r} is to be a merge; parts are {', '.join(paths.parts)}")
        if part in paths.merges:
            raise BadInput(f"path: part {part!r} is a merge already; it cannot be searched too")
        if paths.parts[part] != merges.layers:
            raise BadInput(
                f"path: part {part!r} has {paths.parts[part]} layers, its merge {merges.layers}"
            )
        self.space = SearchSpace(
            [
                replace(parameter, name=prefix + parameter.name)
                for prefix, space in ((_MERGE, merges.space), (_PATH, paths.space))
                for parameter in space.parameters
            ]
        )

    @property
    def title(self) -> str:
        """The space in a few words."""
        return f"{self.paths.title}, where {self.part} is a merge: {self.merges.title}"

    def recipe(self, settings: Mapping[str, Setting]) -> LayerPath:
        """The path with these settings (all of `space`'s names)."""
        path = self.paths.recipe(_below(_PATH, settings))
        if self.part not in path.parts:
            return path
        merge = self.merges.recipe(_below(_MERGE, settings))
        return LayerPath(path.frame, path.hops, {**path.merges, self.part: merge})

    def settings(self, recipe: Recipe | LayerPath) -> dict[str, Setting]:
        """The point of this space nearest to `recipe`, to start a search from.

        A merge means the whole path over it. The merge is read as `MergeSpace.settings` does, the
        path as `PathSpace.settings`; `BadInput` for a path without a merge as `part`.
        """
        path = recipe
        if isinstance(path, Recipe):
            path = whole(self.part, self.merges.layers, {self.part: path})
        if self.part not in path.merges:
            raise BadInput(
                f"path: {path.title}: a path of this search space has a merge as part {self.part!r}"
            )
        others = {name: merge for name, merge in path.merges.items() if name != self.part}
        alone = LayerPath(path.frame, path.hops, others)
        merge: dict[str, Any] = self.merges.settings(path.merges[self.part])
        return {
            **{_MERGE + name: setting for name, setting in merge.items()},
            **{_PATH + name: setting for name, setting in self.paths.settings(alone).items()},
        }

    def encode(self, recipe: Recipe | LayerPath) -> Vector:
        """`settings` as a candidate, shape (d,)."""
        return self.space.encode(self.settings(recipe))


def _below(prefix: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    return {
        name.removeprefix(prefix): setting
        for name, setting in settings.items()
        if name.startswith(prefix)
    }
