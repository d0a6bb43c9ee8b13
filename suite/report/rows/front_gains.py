"""What a search's front is worth beyond the front of the hand tuning, on the report items."""

from __future__ import annotations

from dataclasses import dataclass

from suite.report.load.results import Results
from suite.report.rows.item_draws import item_draws, measured_on
from suite.statistics import crossed, pareto
from suite.statistics.families import holm_known


@dataclass(frozen=True)
class FrontGainRow:
    """One optimizer's judged fronts against that of the hand tuning: a line of ``front_gains.csv``.

    By hypervolume on report items.

    Attributes
    ----------
    optimizer : str
    seeds : int
        Judged runs.
    baseline : float
        Hypervolume of the hand tuning's front, in [0, 1].
    gain : float
        Mean over seeds less `baseline`.
    low, high, p : float
        95 % interval and two-sided p over seeds and report items (`suite.statistics.crossed`); NaN for
        one seed.
    p_holm : float
        Adjusted over the optimizers.
    """

    optimizer: str
    seeds: int
    baseline: float
    gain: float
    low: float
    high: float
    p: float
    p_holm: float


def front_gains(results: Results) -> list[FrontGainRow]:
    """Compare the fronts of searches with the front of the hand tuning.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of FrontGainRow
        One per optimizer with judged runs, in their order; empty while the task is not tuned.
    """
    if results.tuned is None:
        return []
    front = results.tuned.front
    own = pareto.hypervolume([merge.losses for merge in front])
    measured = [measured_on(objective, front) for objective in results.objectives]
    sizes = {each.items: each.outcomes.shape[1] for each in measured if not each.fixed}
    again = crossed.volumes(measured, crossed.counts(sizes)) if sizes else crossed.NO_DRAWS
    volumes = item_draws(results).volumes
    gains = {}
    for optimizer, by_seed in results.reported.items():
        drawn = volumes.get(optimizer, {})
        known = again.size > 0 and by_seed.keys() == drawn.keys()
        sides = (
            ([drawn[seed] for seed in by_seed], [again])
            if known
            else ([crossed.NO_DRAWS] * len(by_seed), [crossed.NO_DRAWS])
        )
        if by_seed:
            values = [*by_seed.values()]
            gains[optimizer] = crossed.difference(values, [own], *sides, fixed=True)
    adjusted = holm_known([each.p for each in gains.values()])
    return [
        FrontGainRow(
            optimizer=optimizer,
            seeds=len(results.reported[optimizer]),
            baseline=own,
            gain=each.difference,
            low=each.low,
            high=each.high,
            p=each.p,
            p_holm=float(p),
        )
        for (optimizer, each), p in zip(gains.items(), adjusted, strict=True)
    ]
