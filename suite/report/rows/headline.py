"""The headline: what searches chose against what hand tuning by rule chose, on the report items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from suite.objective import Objective
from suite.report.load.results import Judged, Results, Run
from suite.statistics import bootstrap, choice, crossed, items, pareto
from suite.statistics.families import holm_known

NOTHING = crossed.OverItems(*[math.nan] * 6)


@dataclass(frozen=True)
class ChosenRow:
    """One run's chosen merge on one objective against the hand-tuned one: a line of ``chosen.csv``.

    All on report items, in the objective's natural unit.

    Attributes
    ----------
    optimizer : str
    seed : int
    rule : str
        Chose both merges.
    at_cost : bool
        Whether the searched one was chosen after as many trials as the hand tuning tried merges.
    trials : int
        Among how many trials it was chosen: all of the run's, or, `at_cost`, so many.
    objective : str
    trial : int or None
        The merge's number.
    score, stderr : float
    baseline : str
        The hand-tuned merge; empty without one.
    baseline_score : float
        NaN without one.
    difference, low, high, p : float
        Paired over items (`suite.statistics.items`): score − baseline, its 95 % interval and two-sided p.
        NaN without per-item outcomes or baseline, but for the difference of an exact figure, such as
        depth, which needs no test.
    p_holm : float
        Adjusted over the runs.
    relation : str
        dominates, dominated or incomparable; empty without a baseline.
    resolved : bool
        Whether the relation is significant.
    """

    optimizer: str
    seed: int
    rule: str
    at_cost: bool
    trials: int
    objective: str
    trial: int | None
    score: float
    stderr: float
    baseline: str
    baseline_score: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    relation: str
    resolved: bool


@dataclass(frozen=True)
class SummaryRow:
    """One optimizer's chosen merges by one rule on one objective: a line of ``summary.csv``.

    Over its seeds, on report items, in the objective's natural unit.

    Attributes
    ----------
    optimizer, rule : str
    at_cost : bool
    trials : int
        As in `ChosenRow`; of several runs the most.
    objective : str
    seeds : int
        Runs with a chosen merge.
    median, low, high : float
        Of their scores, with the 95 % bootstrap interval over seeds; NaN for fewer than 5.
    values : tuple of float
        Their scores, by seed.
    baseline : str
        The hand-tuned merge.
    gain, gain_low, gain_high, gain_p, gain_p_holm : float
        Mean over seeds of score minus that of `baseline`, its 95 % interval and two-sided p over seeds and
        report items (`suite.statistics.crossed`), and p Holm-adjusted over the optimizers; NaN for one
        seed, of which nothing can be said over seeds.
    better, worse : int
        Runs that dominate that merge or are dominated by it, resolved.
    """

    optimizer: str
    rule: str
    at_cost: bool
    trials: int
    objective: str
    seeds: int
    median: float
    low: float
    high: float
    values: tuple[float, ...]
    baseline: str
    gain: float
    gain_low: float
    gain_high: float
    gain_p: float
    gain_p_holm: float
    better: int
    worse: int


def baselines_by_rule(results: Results) -> Mapping[str, Judged]:
    """Find the merge that searches are compared with, by rule: that of the hand tuning.

    Parameters
    ----------
    results : Results

    Returns
    -------
    mapping of str to Judged
        While a task is not tuned by rule, the best of its baselines on the report items, which favours
        the baseline; empty without any merge among them.
    """
    if results.tuned:
        return results.tuned.chosen
    names = [objective.name for objective in results.objectives]
    merges = [b for b in results.baselines if not b.unmerged]
    if not merges:
        return {}
    return {
        rule: min(merges, key=lambda b: (choice.loss(rule, b.losses, names), b.name))
        for rule in choice.rules(names)
    }


def best_baseline(results: Results) -> Judged | None:
    """Find the hand-tuned merge that is best in the first objective.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Judged or None
        No single model; None where no merge is judged.
    """
    return next(iter(baselines_by_rule(results).values()), None)


def chosen_rows(results: Results) -> list[ChosenRow]:
    """List what the runs chose as they ended, then at the hand tuning's cost.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of ChosenRow
        One per rule, budget, run and objective.
    """
    tuned = baselines_by_rule(results)
    rows = []
    for rule in choice.rules([objective.name for objective in results.objectives]):
        full = [(r, c, len(r.trials)) for r in results.runs if (c := r.chosen.get(rule))]
        cost = results.tuned.candidates if results.tuned else 0
        cut = [(r, c, cost) for r in results.runs if (c := r.at_cost.get(rule))]
        for taken in (full, cut):
            rows += _compared(results.objectives, rule, taken, tuned.get(rule), taken is cut)
    return rows


def _compared(
    objectives: Sequence[Objective],
    rule: str,
    taken: Sequence[tuple[Run, Judged, int]],
    best: Judged | None,
    at_cost: bool,
) -> list[ChosenRow]:
    """List the rows of one rule and budget.

    The relation is called resolved by the same Holm-adjusted p values that stand in the row.
    """
    tests = [[_paired(o, chosen, best) for o in objectives] for _, chosen, _ in taken]
    adjusted = np.array([holm_known([row[k].p for row in tests]) for k in range(len(objectives))])
    rows = []
    for i, (run, chosen, trials) in enumerate(taken):
        relation = best and items.relation(
            chosen.losses, best.losses, _sure(objectives, chosen, best, adjusted[:, i])
        )
        for k, objective in enumerate(objectives):
            score, test = chosen.scores[objective.metric], tests[i][k]
            rows.append(
                ChosenRow(
                    optimizer=run.optimizer,
                    seed=run.seed,
                    rule=rule,
                    at_cost=at_cost,
                    trials=trials,
                    objective=objective.name,
                    trial=chosen.number,
                    score=score.value,
                    stderr=score.stderr,
                    baseline=best.name if best else "",
                    baseline_score=best.scores[objective.metric].value if best else math.nan,
                    difference=test.difference,
                    low=test.low,
                    high=test.high,
                    p=test.p,
                    p_holm=float(adjusted[k][i]),
                    relation=relation.kind if relation else "",
                    resolved=bool(relation and relation.resolved),
                )
            )
    return rows


def _paired(objective: Objective, chosen: Judged, best: Judged | None) -> items.Paired:
    outcomes = chosen.scores[objective.metric].items
    other = best.scores[objective.metric].items if best else ()
    if best and _exact(objective, chosen) and _exact(objective, best):
        gap = chosen.scores[objective.metric].value - best.scores[objective.metric].value
        return items.Paired(gap, math.nan, math.nan, math.nan)
    if not outcomes or not other:
        return items.Paired(math.nan, math.nan, math.nan, math.nan)
    return items.paired(outcomes, other)


def _exact(objective: Objective, model: Judged) -> bool:
    """Whether a figure is one of the model itself, without a sample of items or passes."""
    score = model.scores[objective.metric]
    return score.n == 1 and not score.items and score.stderr == 0


def _sure(
    objectives: Sequence[Objective], chosen: Judged, best: Judged, p: NDArray[np.float64]
) -> list[float]:
    """List the p values (m,) that a relation rests on: 0 where both figures are exact."""
    return [
        0.0 if _exact(objective, chosen) and _exact(objective, best) else float(value)
        for objective, value in zip(objectives, p, strict=True)
    ]


def summary_rows(results: Results, rows: Sequence[ChosenRow]) -> list[SummaryRow]:
    """Sum up over seeds.

    Parameters
    ----------
    results : Results
    rows : sequence of ChosenRow
        Those of `chosen_rows`.

    Returns
    -------
    list of SummaryRow
        One per rule, budget, optimizer and objective, in their order.
    """
    groups: dict[tuple[str, bool, str], list[ChosenRow]] = {}
    for row in rows:
        groups.setdefault((row.rule, row.at_cost, row.objective), []).append(row)
    summaries = []
    for (rule, cut, name), own in groups.items():
        objective = next(o for o in results.objectives if o.name == name)
        by_optimizer: dict[str, list[ChosenRow]] = {}
        for row in own:
            by_optimizer.setdefault(row.optimizer, []).append(row)
        best = baselines_by_rule(results).get(rule)
        gains = [_gain(results, o, rule, cut, objective, best) for o in by_optimizer]
        adjusted = holm_known([gain.p for gain in gains])
        for (optimizer, of), gain, p in zip(by_optimizer.items(), gains, adjusted, strict=True):
            summaries.append(_summary(optimizer, of, gain, float(p)))
    return summaries


def _gain(
    results: Results,
    optimizer: str,
    rule: str,
    cut: bool,
    objective: Objective,
    best: Judged | None,
) -> crossed.OverItems:
    """Mean over an optimizer's runs of chosen minus hand-tuned, over seeds and items."""
    runs = results.of(optimizer)
    merges = [c for run in runs if (c := (run.at_cost if cut else run.chosen).get(rule))]
    if best is None or len(merges) < 2:
        return NOTHING
    scores = [merge.scores[objective.metric] for merge in merges]
    other = best.scores[objective.metric]
    sizes = {len(score.items) for score in (*scores, other)}
    if len(sizes) == 1 and sizes != {0}:
        return crossed.of_outcomes([score.items for score in scores], [other.items], fixed=True)
    nothing = [crossed.NO_DRAWS] * len(scores)
    values = [score.value for score in scores]
    return crossed.difference(values, [other.value], nothing, nothing[:1], fixed=True)


def _summary(
    optimizer: str, rows: Sequence[ChosenRow], gain: crossed.OverItems, p_holm: float
) -> SummaryRow:
    values = tuple(row.score for row in rows)
    low, high = bootstrap.bootstrap_median(values) or (math.nan, math.nan)
    sure = [row.relation for row in rows if row.resolved]
    return SummaryRow(
        optimizer=optimizer,
        rule=rows[0].rule,
        at_cost=rows[0].at_cost,
        trials=max(row.trials for row in rows),
        objective=rows[0].objective,
        seeds=len(values),
        median=median(values),
        low=low,
        high=high,
        values=values,
        baseline=rows[0].baseline,
        gain=gain.difference,
        gain_low=gain.low,
        gain_high=gain.high,
        gain_p=gain.p,
        gain_p_holm=p_holm,
        better=sure.count("dominates"),
        worse=sure.count("dominated"),
    )


def baseline_hypervolume(results: Results) -> float:
    """Compute the hypervolume of the hand tuning's front on the report items.

    Parameters
    ----------
    results : Results

    Returns
    -------
    float
        In [0, 1]; without a hand tuning of all merges among the baselines.
    """
    if results.tuned:
        return pareto.hypervolume([merge.losses for merge in results.tuned.front])
    merges = [baseline.losses for baseline in results.baselines if not baseline.unmerged]
    return pareto.hypervolume(merges) if merges else 0.0
