"""The controls that a comparison is read against, and which of them are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from suite.report.load.results import Judged, Results
from suite.statistics import pareto

RANDOM = "random"  # the optimizer
SOURCES = "random_sources"  # the same over one number per source
CONTROLS = (RANDOM, SOURCES, "lambda_grid")  # what every strategy is compared with first
UNIFORM, DONOR = "uniform", "random_donor"  # how the baselines' names begin
MISSING = "not there"


@dataclass(frozen=True)
class ControlRow:
    """One control: a line of ``controls.csv``.

    Attributes
    ----------
    control : str
        What it is.
    names : tuple of str
        Under which names it is there; empty where it is missing.
    measured : str
        On which items, in words.
    hypervolume : float
        Of a model that of its own point on the report items, of several that of all together, of random
        search the median final one on the search items; in [0, 1], NaN where there is none.
    """

    control: str
    names: tuple[str, ...]
    measured: str
    hypervolume: float

    @property
    def there(self) -> bool:
        """Whether something of this kind is there."""
        return bool(self.names)


def control_rows(results: Results) -> list[ControlRow]:
    """List random search and, unless the task has no models, the models and merges without a search.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of ControlRow
        Those that are missing among them.
    """
    searched = _searched(results, "random search", RANDOM)
    if results.problem:
        return [searched]
    merges = [b for b in results.baselines if not b.unmerged]
    return [
        searched,
        _searched(results, "random search over sources", SOURCES),
        _row("single models", [b for b in results.baselines if b.unmerged]),
        _row("uniform merge", [b for b in merges if b.name.startswith(UNIFORM)]),
        _row("baselines", [b for b in merges if not b.name.startswith((UNIFORM, DONOR))]),
        _tuned(results),
        _row("random donor", [b for b in merges if b.name.startswith(DONOR)]),
    ]


def _searched(results: Results, control: str, optimizer: str) -> ControlRow:
    runs = [*results.final.get(optimizer, {}).values()]
    if not runs:
        return ControlRow(control, (), MISSING, math.nan)
    return ControlRow(control, (optimizer,), "search items, median of seeds", median(runs))


def _tuned(results: Results) -> ControlRow:
    """Describe the front of the hand tuning by rule."""
    tuned = results.tuned
    if tuned is None:
        return ControlRow("hand tuning by rule", (), MISSING, math.nan)
    share = pareto.hypervolume([merge.losses for merge in tuned.front])
    about = f"report items, front of {tuned.candidates} candidates"
    return ControlRow("hand tuning by rule", tuple(m.name for m in tuned.front), about, share)


def _row(control: str, models: list[Judged]) -> ControlRow:
    if not models:
        return ControlRow(control, (), MISSING, math.nan)
    share = pareto.hypervolume([model.losses for model in models])
    return ControlRow(control, tuple(model.name for model in models), "report items", share)
