"""What the page says in sentences: of strategies, of searched merges and hand tuning, of seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from suite.objective import Objective
from suite.report.load.controls import RANDOM
from suite.report.load.results import REPORT, SEARCH, Judged, Results
from suite.report.rows.best_merges import BestRow
from suite.report.rows.comparisons import ALPHA, ComparisonRow, beaten, ordered
from suite.report.rows.formats import digits, fixed, pvalue, scale, score, signed
from suite.report.rows.headline import SummaryRow, baselines_by_rule
from suite.statistics import choice, pareto, rank_sum
from suite.statistics.families import Family

NAMED = 4  # optimizers named in a sentence


def verdict(results: Results, rows: Sequence[ComparisonRow]) -> list[str]:
    """Say which strategy is best by median, whom it is better than, and who is better than random search.

    Parameters
    ----------
    results : Results
    rows : sequence of ComparisonRow

    Returns
    -------
    list of str
        Sentences; the last says what they hold beyond.
    """
    if len(results.optimizers) < 2:
        return ["One optimizer: nothing to compare it with."]
    best, *behind = ordered(results)
    if not results.primary[best]:
        return ["No run has a trial: nothing to compare."]
    middle = median(results.primary[best].values())
    items = "report" if results.measure == REPORT else "search"
    where = "" if results.problem and items == "search" else f" on {items} items"
    first = f"{best} has the greatest hypervolume{where}: {fixed(middle, 3)} in the median of its seeds."
    won = beaten(rows, best)
    met = {name for row in rows for name in (row.a, row.b) if best in (row.a, row.b)}
    wins = [name for name in behind if name in won]
    others = [name for name in behind if name not in won and name in met]
    sentences = [first]
    if wins:
        sentences.append(f"It is better than {listed(wins)}: resolved.")
    if others:
        sentences.append(f"It is not told apart from {listed(others)}.")
    if best != RANDOM and any(RANDOM in (row.a, row.b) for row in rows):
        over = [n for n in ordered(results) if RANDOM in beaten(rows, n)]
        rest = [n for n in ordered(results) if n != RANDOM and n not in over]
        said = f"Better than random search, resolved: {listed(over)}" if over else ""
        said = said or "No strategy is resolved to be better than random search"
        sentences.append(f"{said}{f'; not: {listed(rest)}' if over and rest else ''}.")
    return [*sentences, generalised(results, rows)]


def sureness(results: Results, pairs: int) -> str:
    """Say what differences the number of seeds can tell apart.

    Parameters
    ----------
    results : Results
    pairs : int
        Size of the family.

    Returns
    -------
    str
        A sentence; empty where nothing is compared.
    """
    seeds = min((len(v) for v in results.primary.values() if v), default=0)
    if pairs == 0 or seeds == 0:
        return ""
    shift = rank_sum.detectable_shift(seeds, 0.05 / pairs)
    of = f"{seeds} seed{'s' if seeds != 1 else ''} per optimizer and a family of {pairs} pairs"
    of = of.removesuffix("s") if pairs == 1 else of
    if math.isinf(shift):
        return f"With {of} not even complete separation is resolved: more seeds are needed."
    return (
        f"With {of} a difference of {shift:.1f} standard deviations between runs is found four times"
        " in five where it is the only one; a smaller one may stay unresolved and yet be there."
    )


def listed(names: Sequence[str]) -> str:
    """List names in a sentence; of many the first ones, and how many more.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    str

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed([])
    ('a, b and c', 'none')
    """
    if len(names) > NAMED + 1:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "none"


def distinct_points(results: Results) -> str:
    """Say how many distinct non-dominated points were found on the report items.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        A sentence; empty while nothing is judged.
    """
    judged = {
        optimizer: [line.losses for run in results.of(optimizer) for line in run.reported]
        for optimizer in results.optimizers
    }
    together = [losses for rows in judged.values() for losses in rows]
    if not together:
        return ""
    counts = ", ".join(f"{name} {len(pareto.front(rows))}" for name, rows in judged.items() if rows)
    return (
        "Distinct non-dominated points on the report items, seeds pooled:"
        f" {counts}; all optimizers together {len(pareto.front(together))}."
    )


def separation(seeds: int, pairs: int) -> str:
    """Say what seeds can resolve at Holm's strictest step.

    Parameters
    ----------
    seeds : int
        Of each optimizer.
    pairs : int
        Size of the family.

    Returns
    -------
    str
        A sentence; empty where more than complete separation can be resolved.
    """
    least = rank_sum.smallest_p(seeds, seeds) * max(1, pairs)
    if least >= ALPHA:
        return "No difference, however large, can pass that correction."
    # The next smallest p, of one run out of place, is twice the smallest.
    if 2 * least >= ALPHA:
        return (
            "At the strictest step only complete separation can be resolved:"
            " every seed of one above every seed of the other."
        )
    return ""


def generalised(results: Results, rows: Sequence[ComparisonRow]) -> str:
    """Say what the verdicts hold beyond.

    Parameters
    ----------
    results : Results
    rows : sequence of ComparisonRow

    Returns
    -------
    str
        A sentence; empty where nothing is compared.
    """
    if not rows:
        return ""
    if results.measure == SEARCH:
        if results.problem:
            return "This holds over seeds."
        return "This holds over seeds, on the very items that the strategies were fitted to."
    if any(math.isnan(row.p_items) for row in rows):
        return (
            "This holds over seeds; where outcomes of report items are not known, the items are taken"
            " as they were. The search items were the same for all."
        )
    return "This holds over seeds and report items; the search items were the same for all."


def floors(families: Sequence[Family], seeds: int) -> list[str]:
    """Say what seeds can never resolve in each family, however far the sides are apart.

    Parameters
    ----------
    families : sequence of Family
    seeds : int
        Of either side.

    Returns
    -------
    list of str
        A sentence or two per family.
    """
    sentences = []
    for family in families:
        n = len(family.pairs)
        least = [rank_sum.smallest_p(seeds, seeds) * n, 2.0 ** (1 - seeds) * n]
        plain, paired = (pvalue(min(1.0, p)) for p in least)
        text = (
            f"{family.name}: {n} pair{'s' if n != 1 else ''},"
            f" {f'frozen on {family.date}' if family.frozen else 'not frozen'}; with {seeds} seeds"
            f" the smallest p after Holm is {plain} (Mann–Whitney) and {paired} (paired by seed)."
        )
        sentences.append(f"{text} {separation(seeds, n)}".strip())
    return sentences


def measured(families: Sequence[Family]) -> str:
    """Say by which hypervolume the pairs of some families are compared.

    Parameters
    ----------
    families : sequence of Family

    Returns
    -------
    str
        A clause.
    """
    kinds = {"report items" if family.measure == REPORT else "search items" for family in families}
    return " and ".join(sorted(kinds)) or "search items"


def conclusion(results: Results, rows: Sequence[SummaryRow]) -> list[str]:
    """Say how the searched and the hand-tuned merges compare that are best in the first objective.

    Parameters
    ----------
    results : Results
    rows : sequence of SummaryRow
        Those of `summary_rows`.

    Returns
    -------
    list of str
        Sentences; without rows, or without a merge to compare with, there is little to conclude.
    """
    first = results.objectives[0]
    rule = choice.rules([objective.name for objective in results.objectives])[0]
    own = [row for row in rows if row.rule == rule and row.objective == first.name]
    best = baselines_by_rule(results).get(rule)
    if not own:
        return []
    if best is None:
        return ["No hand-tuned merge is judged to compare the chosen merges with."]
    sentences = [_tuned(results, first, best)]
    for at_cost in (True, False):
        if some := [row for row in own if row.at_cost is at_cost]:
            sentences += _gains(first, some)
    return sentences


def best_merges(rows: Sequence[BestRow]) -> list[str]:
    """Say which strategies find better merges than others, resolved.

    Parameters
    ----------
    rows : sequence of BestRow

    Returns
    -------
    list of str
        A sentence per rule.
    """
    sentences = []
    for rule in dict.fromkeys(row.rule for row in rows):
        own = [row for row in rows if row.rule == rule]
        sure = [(row.better, row.a if row.better == row.b else row.b) for row in own if row.better]
        won = ", ".join(f"{better} over {other}" for better, other in sure)
        sentences.append(
            f"By {rule}, resolved {len(sure)} of {len(own)} pairs{f': {won}' if won else ''}."
        )
    return sentences


def _tuned(results: Results, objective: Objective, best: Judged) -> str:
    reached = score(objective, best.scores[objective.metric].value)
    if results.tuned:
        return (
            f"Hand tuning by rule tried {results.tuned.candidates} merges on the select items; for"
            f" {objective.name} it takes home {best.name}, {reached} on the report items."
        )
    return (
        f"Not tuned by hand by rule yet (suite tune task={results.task}): compared with {best.name},"
        f" {reached}, of the baselines the best on these very items."
    )


def _gains(objective: Objective, rows: Sequence[SummaryRow]) -> list[str]:
    """How far the means over seeds are from the hand-tuned merge, and for whom that is resolved."""
    after = f"After {max(row.trials for row in rows)} trials"
    after += ", as many candidates as the hand tuning" if rows[0].at_cost else ""
    known = [row for row in rows if not math.isnan(row.gain)]
    if not known:
        return [f"{after}: one run of each optimizer, of which nothing can be said over seeds."]
    sign = 1 if objective.direction == "maximize" else -1
    ordered = sorted(known, key=lambda row: -sign * row.gain)
    ends = [
        f"{signed(row.gain, digits(objective), scale(objective))} ({row.optimizer})"
        for row in (ordered[0], ordered[-1])
    ]
    spread = ends[0] if len(ordered) == 1 else f"between {ends[0]} and {ends[1]}"
    points = " points" if scale(objective) == 100.0 else f" {objective.unit}".rstrip()
    sure = [row for row in ordered if row.gain_p_holm < ALPHA]
    above = [row.optimizer for row in sure if sign * row.gain > 0]
    below = [row.optimizer for row in sure if sign * row.gain < 0]
    runs = sum(row.seeds for row in rows)
    return [
        f"{after} the chosen merges are {spread}{points} from it in the mean over seeds. Resolved over"
        f" seeds and report items, better: {', '.join(above) or 'none'}; worse:"
        f" {', '.join(below) or 'none'}. Over all objectives {sum(row.better for row in rows)} of {runs}"
        f" chosen merges dominate it, {sum(row.worse for row in rows)} are dominated by it, resolved."
    ]
