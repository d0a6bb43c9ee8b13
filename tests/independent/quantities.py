"""Figures that prose quotes, recomputed: each function returns numbers in the unit of the text."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np

from tests.independent import indicators, journals, published, statistics, study
from tests.independent.journals import Array
from tests.independent.study import Run

DOCS = study.ROOT / "docs"


def spread(values: list[float]) -> list[float]:
    """Median, least and greatest."""
    return [statistics.median(values), min(values), max(values)]


def baseline(task: str, name: str, *objectives: str) -> list[float]:
    """Report items: a baseline's scores by objective, in percent."""
    found = study.task(task)
    names = [o.name for o in found.objectives]
    merge = found.baselines[name]
    return [100 * merge.scores[names.index(o)] for o in objectives or names]


def metric(task: str, name: str, key: str) -> float:
    """Report items: another score of a baseline, as its line has it, in percent."""
    return 100 * study.task(task).baselines[name].metrics[key][0]


def tuned(task: str, rule: str, stage: str | None = None) -> list[float]:
    """Report items: what the hand tuning takes home by a rule after a stage, in percent."""
    found = study.task(task).tuned
    assert found is not None, f"{task} is not tuned by hand"
    return [100 * s for s in found.chosen(stage)[rule].scores]


def volume(task: str, strategy: str, split: str) -> float:
    """Median over seeds of the final hypervolume, on search or report items."""
    return statistics.median(list(published.volumes(study.task(task), split)[strategy].values()))


def best_of(task: str, strategy: str, objective: str, trials: int, seeds: int) -> list[float]:
    """Search items: the best of the first trials in percent, over the first seeds, as `spread`."""
    found = study.task(task)
    k = [o.name for o in found.objectives].index(objective)
    runs = [run for seed, run in found.runs[strategy].items() if seed < seeds]
    return spread([100 * best_score(run, k, trials) for run in runs])


def best_score(run: Run, k: int, trials: int) -> float:
    o = run.objectives[k]
    least = float(np.nanmin(run.losses[:trials, k]))
    return o.ideal - least * (o.ideal - o.reference)


def chosen(
    task: str, strategy: str, rule: str, objective: str, trials: int | None = None
) -> list[float]:
    """Report items: scores of the chosen merges in percent, by seed; after so many trials if given."""
    found = study.task(task)
    k = [o.name for o in found.objectives].index(objective)
    scores = []
    for run in found.runs[strategy].values():
        number, report = run.chosen(trials).get(rule), run.split("report")
        if number not in report and rule.startswith("best "):
            number = equal_and_judged(run, [o.name for o in found.objectives].index(rule[5:]))
        assert number in report, f"{run.folder}: not judged for {rule} after {trials} trials"
        scores.append(100 * report[number].scores[k])
    return scores


def equal_and_judged(run: Run, k: int) -> int | None:
    """Of equally good merges on select items that which is on report items: runs that were judged before
    ties went to the least mean loss have another one of the equals there.
    """
    select = {n: round(m.losses[k], 9) for n, m in run.split("select").items()}
    least = min(select.values())
    equals = [n for n, value in select.items() if value == least and n in run.split("report")]
    return min(equals, default=None)


def against_hand(task: str, rule: str, relation: str, at_cost: bool = False) -> tuple[int, int]:
    """How many chosen merges stand in that relation to the hand-tuned one, and of how many."""
    found = study.task(task)
    other, cost = found.compared(rule), found.tuned.cost if found.tuned else None
    assert other is not None
    picks = [published.picks(run, cost) for by in found.runs.values() for run in by.values()]
    there = [p[rule, at_cost][1] for p in picks if (rule, at_cost) in p]
    return sum(published.relation(m.losses, other.losses) == relation for m in there), len(there)


def trials(task: str) -> int:
    return sum(len(run.losses) for by in study.task(task).runs.values() for run in by.values())


def failures(task: str) -> int:
    return sum(run.failures for by in study.task(task).runs.values() for run in by.values())


# The box: the band in which some loss is above the untouched base's (docs/validity.md, section 7).


@cache
def base_losses(task: str) -> Array:
    """Search items: losses of the untouched base, the better of those above 1 counting as 1."""
    found = study.task(task)
    for line in journals.lines(found.folder / "baselines" / "search.jsonl"):
        if line["name"] == "base":
            values = [journals.score(line["scores"], o.metric) for o in found.objectives]
            pairs = zip(found.objectives, values, strict=True)
            return np.array([float(o.loss(v)) for o, v in pairs])
    raise AssertionError(f"{task}: no base in search.jsonl")


def band(task: str) -> float:
    """Share of the box in which some loss is above the base's, in percent."""
    return 100 * (1 - float(np.minimum(base_losses(task), 1).prod()))


def box(task: str, strategy: str) -> list[float]:
    """Hypervolume, its share in the band in percent, and with the base as reference: medians of runs."""
    corner = np.minimum(base_losses(task), 1)
    rows = []
    for run in study.task(task).runs[strategy].values():
        whole = indicators.hypervolume(run.losses)
        inner = indicators.hypervolume(run.losses / corner)
        rows.append([whole, 100 * (1 - inner * float(corner.prod()) / whole), inner])
    return [statistics.median([row[k] for row in rows]) for k in range(3)]


# Surrogates and functions: from the tables of runs, which are all that is kept of them.


@cache
def kept(folder: str, column: str = "hypervolume") -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for row in journals.table(DOCS / folder / "runs.csv"):
        found.setdefault(row["task"], {}).setdefault(row["optimizer"], []).append(
            float(row[column])
        )
    return found


@cache
def all_pairs(task: str, families: bool) -> dict[frozenset[str], float]:
    """Mann–Whitney p on a surrogate after Holm: over all pairs, or within the two families."""
    by = kept("tabular")[task]
    groups: dict[bool, dict[frozenset[str], float]] = {True: {}, False: {}}
    for a, b in itertools.combinations(sorted(by), 2):
        with_control = len({a, b} & {"random", "random_sources", "lambda_grid"}) == 1
        groups[families and with_control][frozenset((a, b))] = rank_sum(task, a, b)
    found = {}
    for group in groups.values():
        found |= dict(zip(group, statistics.holm(list(group.values())), strict=True))
    return found


@cache
def rank_sum(task: str, a: str, b: str) -> float:
    by = kept("tabular")[task]
    return statistics.mann_whitney(by[a], by[b])


def resolved_pairs(task: str) -> float:
    """How many pairs are resolved, Holm over all of them."""
    return sum(value < 0.05 for value in all_pairs(task, families=False).values())


def better_than(task: str, strategy: str) -> list[float]:
    """Median on a surrogate, and how many strategies are resolved to be better, in families."""
    by, p = kept("tabular")[task], all_pairs(task, families=True)
    mine = by[strategy]
    ahead = [
        name
        for name, values in by.items()
        if name != strategy
        and p[frozenset((name, strategy))] < 0.05
        and statistics.improvement(values, mine) > 0.5
    ]
    return [statistics.median(mine), len(ahead)]


@cache
def signed_ranks() -> dict[frozenset[str], float]:
    """Wilcoxon p over the functions' medians, after Holm in the families of pairs.csv."""
    families: dict[str, list[frozenset[str]]] = {}
    for row in journals.table(DOCS / "analytic" / "pairs.csv"):
        families.setdefault(row["family"], []).append(frozenset((row["a"], row["b"])))
    found = {}
    for pairs in families.values():
        p = statistics.holm([_signed_rank(*sorted(pair)) for pair in pairs])
        found |= dict(zip(pairs, p, strict=True))
    return found


def _signed_rank(a: str, b: str) -> float:
    by = kept("analytic").values()
    return statistics.signed_rank([statistics.median(t[a]) - statistics.median(t[b]) for t in by])


def share_of_front(strategy: str) -> float:
    """IQM over all runs on functions of the share of the front's hypervolume."""
    runs = kept("analytic", "share").values()
    return statistics.iqm([value for task in runs for value in task[strategy]])


def mean_rank(strategy: str, leave: Callable[[str], bool] = lambda task: False) -> float:
    """Mean over functions of the rank by the median."""
    places = []
    for name, by in kept("analytic").items():
        if not leave(name):
            mine = statistics.median(by[strategy])
            others = [statistics.median(values) for values in by.values()]
            above, equal = sum(o > mine for o in others), sum(o == mine for o in others)
            places.append(above + (equal + 1) / 2)
    return float(np.mean(places))
