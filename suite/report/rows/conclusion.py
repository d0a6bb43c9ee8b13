"""What the page says of searched merges and hand tuning, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from suite.objective import Objective
from suite.report.load.results import Judged, Results
from suite.report.rows.best_merges import BestRow
from suite.report.rows.headline import SummaryRow, baselines_by_rule
from suite.report.rows.series import digits, scale
from suite.report.rows.words import ALPHA, score, signed
from suite.statistics import choice


def conclusion(results: Results, rows: Sequence[SummaryRow]) -> list[str]:
    """Sentences on the merges that are best in the first objective, searched and hand-tuned.

    `rows` are those of `summary_rows`; without any, or without a merge to compare with, there is
    little to conclude.
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
    """A sentence per rule: which strategies find better merges than others, resolved."""
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
