"""What a task searches, as configuration says it: the keys ``merge`` and ``path`` of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suite.assembly.fields import Fields
from suite.errors import BadInput

_OPTIONS = {"repeats", "scales", "rank", "scale", "max_hops", "fixed_ends"}


@dataclass(frozen=True)
class MergeSpec:
    """A space of merges: the arguments of `suite.spaces.merge_space.MergeSpace` that are chosen.

    No `sources` are all models but the base.
    """

    method: str
    searched: Mapping[str, Any]
    fixed: Mapping[str, Any]
    sources: tuple[str, ...]
    groups: int | None

    @classmethod
    def parse(cls, given: Mapping[str, Any], models: Mapping[str, str]) -> MergeSpec:
        """`given` as under ``merge``; `BadInput` for sources that are none of `models`."""
        keys = Fields(given, "merge.")
        sources = keys.texts("sources")
        if unknown := [name for name in sources if name not in models]:
            raise BadInput(
                f"merge: sources {unknown} are not models of the task: {', '.join(models)}"
            )
        searched, fixed = keys.mapping("searched") or {}, keys.mapping("fixed") or {}
        return cls(
            keys.text("method"), searched, fixed, sources, keys.maybe_whole("groups", least=1)
        )


@dataclass(frozen=True)
class Part:
    """Where the layers of a path's part come from.

    `recipe` is a merge as JSON, `run` a folder to `pick` one from. With neither, the part is the
    model of its name, or the merge that is searched.
    """

    recipe: Mapping[str, Any] | None = None
    run: str | None = None
    pick: int | str = "knee"

    @classmethod
    def parse(cls, given: Any, name: str) -> Part:
        """`given` as configuration has it; `BadInput` where it is nothing that a part can be."""
        if given is None:
            return cls()
        keys = set(given) if isinstance(given, Mapping) else set()
        if keys == {"recipe"} and isinstance(given["recipe"], Mapping):
            return cls(recipe=given["recipe"])
        if "run" in keys and keys <= {"run", "pick"} and given["run"]:
            pick = given.get("pick", cls.pick)
            if isinstance(given["run"], str) and type(pick) in (int, str):
                return cls(run=given["run"], pick=pick)
        raise BadInput(
            f"path: part {name!r} is {given!r}; allowed are null and {{run: folder, pick: …}}"
        )


@dataclass(frozen=True)
class PathSpec:
    """A space of layer paths: its kind, its parts by name, the frame first, and its other options."""

    kind: str
    parts: Mapping[str, Part]
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> PathSpec:
        """`given` as under ``path``; ``parts`` may be a list of names."""
        known = {"kind", "parts", *_OPTIONS}
        if unknown := sorted(map(str, set(given) - known)):
            raise BadInput(
                f"path: unknown key {unknown[0]!r}; there are {', '.join(sorted(known))}"
            )
        parts = given.get("parts")
        named = dict.fromkeys(parts) if isinstance(parts, list) else parts
        if not isinstance(named, Mapping) or not named:
            raise BadInput("path: parts must name the parts, the frame first")
        if given.get("kind") is None:
            raise BadInput("path: no kind; allowed are slots and compact")
        return cls(
            kind=str(given["kind"]),
            parts={name: Part.parse(part, name) for name, part in named.items()},
            options={key: value for key, value in given.items() if key in _OPTIONS},
        )
