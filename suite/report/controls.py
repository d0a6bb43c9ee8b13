"""The controls that a comparison is read against, and which of them are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from suite import pareto
from suite.report.results import Judged, Results

RANDOM = "random"  # the optimizer
CONTROLS = (RANDOM, "random_sources", "lambda_grid")  # what every strategy is compared with first
UNIFORM, DONOR = "uniform", "random_donor"  # how the baselines' names begin
MISSING = "not there"


@dataclass(frozen=True)
class ControlRow:
    """One control: what it is, under which names it is there, and its hypervolume.

    Of a model it is that of its own point on the report items, of several that of all together, of
    random search the median final one on the search items. NaN where there is none.
    """

    control: str
    names: tuple[str, ...]
    measured: str
    hypervolume: float

    @property
    def there(self) -> bool:
        return bool(self.names)


def control_rows(results: Results) -> list[ControlRow]:
    """Random search; and, unless the task has no models, the models and merges without a search."""
    runs = [*results.final.get(RANDOM, {}).values()]
    rows = [
        ControlRow(
            "random search",
            (RANDOM,) if runs else (),
            "search items, median of seeds" if runs else MISSING,
            median(runs) if runs else math.nan,
        )
    ]
    if results.problem:
        return rows
    merges = [b for b in results.baselines if not b.unmerged]
    return [
        *rows,
        _row("single models", [b for b in results.baselines if b.unmerged]),
        _row("uniform merge", [b for b in merges if b.name.startswith(UNIFORM)]),
        _row("hand-tuned merges", [b for b in merges if not b.name.startswith((UNIFORM, DONOR))]),
        _row("random donor", [b for b in merges if b.name.startswith(DONOR)]),
    ]


def _row(control: str, models: list[Judged]) -> ControlRow:
    if not models:
        return ControlRow(control, (), MISSING, math.nan)
    share = pareto.hypervolume([model.losses for model in models])
    return ControlRow(control, tuple(model.name for model in models), "report items", share)
