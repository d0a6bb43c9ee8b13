"""The layer paths that the report shows: which trials, and their hops as a table. No layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from suite.recipes.layer_path import METHOD, LayerPath
from suite.records.trial import Score, Trial
from suite.report.load.results import Judged, Results, Run


@dataclass(frozen=True)
class Shown:
    """One trial that is a layer path.

    Attributes
    ----------
    optimizer : str
    seed, trial : int
    marks : tuple of str
        Why it is shown.
    path : LayerPath
    scores : mapping of str to Score
        On one split, by metric.
    """

    optimizer: str
    seed: int
    trial: int
    marks: tuple[str, ...]
    path: LayerPath
    scores: Mapping[str, Score]

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from other trials."""
        return self.optimizer, self.seed, self.trial


@dataclass(frozen=True)
class HopRow:
    """One hop of one trial: a line of ``hops.csv``.

    Attributes
    ----------
    optimizer : str
    seed, trial : int
    hop : int
        From 0.
    part : str
        The model or merge that the layer is of.
    layer : int
        Its number there, from 0.
    scale : float
        What its input is multiplied by.
    """

    optimizer: str
    seed: int
    trial: int
    hop: int
    part: str
    layer: int
    scale: float


def shown(results: Results) -> list[Shown]:
    """Find the paths to show: each optimizer's first chosen one, then the best per objective.

    On report items; while no run is judged, the best on the search items alone.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Shown
        One trial comes once, with all its marks. Empty where trials are merges.
    """
    chosen = [
        replace(path, marks=(f"chosen, seed {run.seed}",))
        for optimizer in results.optimizers
        for run, path in [each for each in _chosen(results) if each[0].optimizer == optimizer][:1]
    ]
    return _once([*chosen, *_best(results)])


def hop_rows(results: Results) -> list[HopRow]:
    """List the hops of every run's chosen path and of all that is `shown`.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of HopRow
        In the runs' order.
    """
    listed = _once([*(path for _, path in _chosen(results)), *shown(results)])
    order = {(run.optimizer, run.seed): place for place, run in enumerate(results.runs)}
    listed.sort(key=lambda each: (order[each.optimizer, each.seed], each.trial))
    return [
        HopRow(*each.key, place, hop.part, hop.layer, hop.scale)
        for each in listed
        for place, hop in enumerate(each.path.hops)
    ]


def _chosen(results: Results) -> Iterator[tuple[Run, Shown]]:
    for run in results.runs:
        if run.first and (path := _path(run, run.first)):
            yield run, path


def _best(results: Results) -> list[Shown]:
    """Find the path with the least loss per objective, seeds and optimizers pooled."""
    members = [
        (member.losses, path)
        for run in results.runs
        for member in (run.reported if results.judged else run.front(len(results.objectives)))
        if (path := _path(run, member))
    ]
    best_paths = []
    for k, objective in enumerate(results.objectives):
        # of equally good ones the least sum, which no other dominates
        best = min(members, key=lambda m: (m[0][k], sum(m[0]), m[1].key), default=None)
        if best:
            best_paths.append(replace(best[1], marks=(f"best {objective.name}",)))
    return best_paths


def _path(run: Run, model: Judged | Trial) -> Shown | None:
    """`model`, of `run`, if it is a layer path; unmarked."""
    recipe: Mapping[str, Any] = model.recipe
    if recipe.get("method") != METHOD or model.number is None:
        return None
    path = LayerPath.from_json(recipe)
    return Shown(run.optimizer, run.seed, model.number, (), path, model.scores)


def _once(paths: list[Shown]) -> list[Shown]:
    """Each trial once, at its first place, with the marks of all its places."""
    by_key: dict[tuple[str, int, int], Shown] = {}
    for path in paths:
        first = by_key.get(path.key, path)
        marks = tuple(dict.fromkeys([*first.marks, *path.marks]))
        by_key[path.key] = replace(first, marks=marks)
    return list(by_key.values())
