"""The layer paths that the report shows: which trials, and their hops as a table. No layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from suite.recipes.layer_path import METHOD, LayerPath
from suite.records.trial import Score, Trial
from suite.report.load.results import Judged, Results, Run
from suite.statistics import pareto


@dataclass(frozen=True)
class Shown:
    """One trial that is a layer path; `marks` says why it is shown, `scores` are of one split."""

    optimizer: str
    seed: int
    trial: int
    marks: tuple[str, ...]
    path: LayerPath
    scores: Mapping[str, Score]

    @property
    def key(self) -> tuple[str, int, int]:
        return self.optimizer, self.seed, self.trial


@dataclass(frozen=True)
class HopRow:
    """Hop `hop`, from 0, of one trial: `layer` of `part`, its input multiplied by `scale`."""

    optimizer: str
    seed: int
    trial: int
    hop: int
    part: str
    layer: int
    scale: float


def shown(results: Results) -> list[Shown]:
    """The chosen path of each optimizer's first seed, then the best of all runs per objective.

    On report items; while no run is judged, the best on the search items alone. One trial comes
    once, with all its marks. Empty where trials are merges.
    """
    found = [
        replace(path, marks=(f"chosen, seed {run.seed}",))
        for optimizer in results.optimizers
        for run, path in [each for each in _chosen(results) if each[0].optimizer == optimizer][:1]
    ]
    return _once([*found, *_best(results)])


def hop_rows(results: Results) -> list[HopRow]:
    """The hops of every run's chosen path and of all that is `shown`, in the runs' order."""
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
    """The path with the least loss per objective, seeds and optimizers pooled."""
    members = [
        (member.losses, path)
        for run in results.runs
        for member in (run.reported if results.judged else _front(run, len(results.objectives)))
        if (path := _path(run, member))
    ]
    found = []
    for k, objective in enumerate(results.objectives):
        # of equally good ones the least sum, which no other dominates
        best = min(members, key=lambda m: (m[0][k], sum(m[0]), m[1].key), default=None)
        if best:
            found.append(replace(best[1], marks=(f"best {objective.name}",)))
    return found


def _front(run: Run, m: int) -> list[Trial]:
    return [run.trials[index] for index in pareto.front(run.losses(m))]


def _path(run: Run, model: Judged | Trial) -> Shown | None:
    """`model`, of `run`, if it is a layer path; unmarked."""
    recipe: Mapping[str, Any] = model.recipe
    if recipe.get("method") != METHOD or model.number is None:
        return None
    path = LayerPath.from_json(recipe)
    return Shown(run.optimizer, run.seed, model.number, (), path, model.scores)


def _once(paths: list[Shown]) -> list[Shown]:
    """Each trial once, at its first place, with the marks of all its places."""
    found: dict[tuple[str, int, int], Shown] = {}
    for path in paths:
        first = found.get(path.key, path)
        marks = tuple(dict.fromkeys([*first.marks, *path.marks]))
        found[path.key] = replace(first, marks=marks)
    return list(found.values())
