"""The search space of a task: over merges, over layer paths, or over both at once."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.errors import BadInput

Config = Mapping[str, Any]
_CHOICES = {"kind", "parts", "repeats", "scales", "rank", "scale", "max_hops", "fixed_ends"}


def build(spec: Config, layers: int) -> Any:
    """The recipe space of a task `spec` whose models have `layers` layers.

    ``merge`` alone gives a `MergeSpace`, ``path`` alone a `PathSpace`, both a `HybridSpace` whose
    first part is the searched merge. `BadInput` when neither is there or they do not fit.
    """
    merge, path = spec.get("merge"), spec.get("path")
    if merge is None and path is None:
        raise BadInput(
            f"task {spec['name']}: neither merge nor path; one must say what is searched"
        )
    merges = None if merge is None else _merges(spec, merge, layers)
    if path is None:
        return merges
    paths = _paths(spec, path, layers, hybrid=merges is not None)
    if merges is None:
        return paths
    from suite.spaces.hybrid_space import HybridSpace

    return HybridSpace(merges, paths, next(iter(paths.parts)))


def settled(config: dict[str, Any]) -> dict[str, Any]:
    """`config` with each path part that is picked from another run replaced by its recipe.

    A part ``{run: folder, pick: …}`` becomes ``{recipe: …}``, which is part of the run's identity:
    this run cannot be continued once the other is gone or another trial of it would be picked. In
    the folder ``{optimizer}`` and ``{seed}`` stand for this run's own.
    """
    path = config["task"].get("path")
    parts = (path or {}).get("parts")
    if not isinstance(parts, Mapping):
        return config
    found = {
        name: {"recipe": _picked(part, name, config)} if _is_pick(part, name) else part
        for name, part in parts.items()
    }
    return {**config, "task": {**config["task"], "path": {**path, "parts": found}}}


def shared(spec: Config) -> dict[str, Any]:
    """A task's configuration without the recipes of picked parts, which differ between its runs."""
    path = spec.get("path")
    if not isinstance(path, Mapping) or not isinstance(path.get("parts"), Mapping):
        return dict(spec)
    return {**spec, "path": {**path, "parts": dict.fromkeys(path["parts"])}}


def _merges(spec: Config, merge: Config, layers: int) -> Any:
    from suite.spaces.merge_space import MergeSpace

    models, base = spec["models"], spec["base"]
    searched = merge.get("sources") or [name for name in models if name != base]
    if unknown := [name for name in searched if name not in models]:
        raise BadInput(f"merge: sources {unknown} are not models of the task: {', '.join(models)}")
    return MergeSpace(
        method=merge["method"],
        sources=searched,
        base=base,
        searched=merge["searched"],
        fixed=merge["fixed"],
        layers=layers,
        groups=merge.get("groups"),
    )


def _paths(spec: Config, path: Config, layers: int, hybrid: bool) -> Any:
    from suite.recipes.recipe import Recipe
    from suite.spaces.path_space import PathSpace

    if unknown := sorted(set(path) - _CHOICES):
        raise BadInput(f"path: unknown key {unknown[0]!r}; there are {', '.join(sorted(_CHOICES))}")
    parts = path.get("parts")
    named = dict.fromkeys(parts) if isinstance(parts, list) else parts
    if not isinstance(named, Mapping) or not named:
        raise BadInput("path: parts must name the parts, the frame first")
    if path.get("kind") is None:
        raise BadInput("path: no kind; allowed are slots and compact")
    merges = {
        name: Recipe.from_json(part["recipe"])
        for name, part in named.items()
        if part is not None and not _is_pick(part, name)
    }
    searched = {next(iter(named))} if hybrid else set()
    for name in named:
        if name not in spec["models"] and name not in merges and name not in searched:
            raise BadInput(
                f"path: part {name!r} is no model of the task ({', '.join(spec['models'])});"
                " a merge needs {run: folder, pick: …}"
            )
    options = {key: value for key, value in path.items() if key not in ("kind", "parts")}
    return PathSpace(path["kind"], dict.fromkeys(named, layers), merges, **options)


def _is_pick(part: Any, name: str) -> bool:
    """Whether a part is to be picked from a run; `BadInput` where it is nothing that a part can be."""
    if part is None:
        return False
    keys = set(part) if isinstance(part, Mapping) else set()
    if keys == {"recipe"} or ("run" in keys and keys <= {"run", "pick"} and _text(part["run"])):
        return "run" in keys
    raise BadInput(
        f"path: part {name!r} is {part!r}; allowed are null and {{run: folder, pick: …}}"
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _picked(part: Config, name: str, config: Config) -> dict[str, Any]:
    """The recipe, as JSON, of the trial that a part of a path is picked as."""
    from suite.recipes.layer_path import read_json
    from suite.recipes.point import Point
    from suite.recipes.recipe import Recipe
    from suite.records import folder as folders
    from suite.records.journal import Journal
    from suite.search import pick

    same = {"{optimizer}": config["optimizer"], "{seed}": str(config["seed"])}
    folder = functools.reduce(lambda text, pair: text.replace(*pair), same.items(), part["run"])
    run, wanted = Path(folder).expanduser(), part.get("pick", "knee")
    made = folders.read_config(run)
    trials = Journal(run / "trials.jsonl").read()
    chosen = pick.by_words(wanted, run, made, trials, folders.read_judged(run, trials))
    recipe = read_json(chosen.trial.recipe)
    if not isinstance(recipe, Recipe):
        kind = "points" if isinstance(recipe, Point) else "layer paths"
        raise BadInput(f"path: part {name!r}: {run}: its trials are {kind}, not merges")
    return recipe.to_json()
