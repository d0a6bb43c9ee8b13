"""Chosen merges against the hand tuning, and strategies against each other, in the published tables."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from tests.independent import indicators, journals, published, statistics
from tests.independent.test_published import (
    Source,
    check_median_interval,
    close,
    number,
    same,
    source,
)

__all__ = ["source"]  # the fixture
FLIPS = 20_000
CONTROLS = {"random", "random_sources", "lambda_grid"}


@pytest.fixture(scope="module")
def signs() -> dict[int, Any]:
    """Random signs (FLIPS, items) by the number of items, drawn once."""
    return {}


def flips(signs: dict[int, Any], items: int) -> Any:
    if items not in signs:
        draws = np.random.default_rng(5).integers(0, 2, (FLIPS, items), dtype=np.int8)
        signs[items] = (2 * draws - 1).astype(np.float32)
    return signs[items]


def test_chosen_merges(source: Source, signs: dict[int, Any]) -> None:
    task = source.task
    cost = task.tuned.cost if task.tuned else None
    names = [o.name for o in task.objectives]
    rows = source.rows("chosen")
    found = {
        (name, str(seed), rule, str(early)): (run, trials, merge)
        for name, by in task.runs.items()
        for seed, run in by.items()
        for (rule, early), (trials, merge) in published.picks(run, cost).items()
    }
    assert len(rows) == len(found) * len(names)
    for row in rows:
        _, trials, merge = found[row["optimizer"], row["seed"], row["rule"], row["at_cost"]]
        k = names.index(row["objective"])
        other = task.compared(row["rule"])
        assert other is not None
        assert (row["trial"], row["trials"]) == (str(merge.number), str(trials))
        assert row["baseline"] == other.name
        assert row["relation"] == published.relation(merge.losses, other.losses)
        a, b = merge.outcomes[k], other.outcomes[k]
        gap = merge.scores[k] - other.scores[k]
        close(row, score=merge.scores[k], baseline_score=other.scores[k], difference=gap)
        if not a.size:
            assert math.isnan(number(row["p"]))
            continue
        check_p(row, published.paired(a, b, flips(signs, a.size)), graded(a, b))
        check_interval(row, a - b)


def graded(a: Any, b: Any) -> bool:
    return not set(np.unique(a)) | set(np.unique(b)) <= {0.0, 1.0}


def check_p(row: dict[str, str], p: float, sampled: bool) -> None:
    if not sampled:
        close(row, p=p)
        return
    error = 5 * math.sqrt(max(p * (1 - p), 1 / FLIPS) / FLIPS)
    assert abs(float(row["p"]) - p) <= error, (row, p)


def check_interval(row: dict[str, str], d: Any) -> None:
    """A bootstrap interval of the mean is nearly the normal one where there are hundreds of items."""
    half = 1.96 * d.std() / math.sqrt(d.size)
    slack = 0.15 * half + 1.5 / d.size
    assert float(row["low"]) == pytest.approx(d.mean() - half, abs=slack), row
    assert float(row["high"]) == pytest.approx(d.mean() + half, abs=slack), row


def test_chosen_merges_are_resolved_within_their_families(source: Source) -> None:
    families = defaultdict(list)
    for row in source.rows("chosen"):
        families[row["rule"], row["at_cost"], row["objective"]].append(row)
    for family in families.values():
        adjusted = statistics.holm([number(row["p"]) for row in family])
        for row, p in zip(family, adjusted, strict=True):
            assert same(row["p_holm"], p), row


def test_summary(source: Source) -> None:
    task = source.task
    names = [o.name for o in task.objectives]
    cost = task.tuned.cost if task.tuned else None
    picks = {n: {s: published.picks(r, cost) for s, r in by.items()} for n, by in task.runs.items()}
    families = defaultdict(list)
    for row in source.rows("summary"):
        k, key = names.index(row["objective"]), (row["rule"], row["at_cost"] == "True")
        own = [by[key][1] for by in picks[row["optimizer"]].values() if key in by]
        values = [merge.scores[k] for merge in own]
        assert [float(v) for v in row["values"].split()] == pytest.approx(values, rel=1e-12)
        close(row, seeds=len(own), median=statistics.median(values))
        check_median_interval(row, values)
        families[(*key, row["objective"])].append(row)
        other = task.compared(row["rule"])
        assert other is not None and row["baseline"] == other.name
        if len(own) > 1 and own[0].outcomes[k].size:
            check_gain(row, *published.gain([m.outcomes[k] - other.outcomes[k] for m in own]))
    for family in families.values():
        for row, p in zip(
            family, statistics.holm([number(r["gain_p"]) for r in family]), strict=True
        ):
            assert same(row["gain_p_holm"], p), row


def check_gain(row: dict[str, str], mean: float, error: float) -> None:
    """The gain exactly; its error, of drawn items, nearly; p and interval exactly from that error."""
    seeds = int(row["seeds"])
    drawn = (float(row["gain_high"]) - float(row["gain_low"])) / 2 / published.quantile(seeds)
    assert drawn == pytest.approx(error, rel=0.12), row
    half = drawn * published.quantile(seeds)
    close(row, gain=mean, gain_low=mean - half, gain_high=mean + half)
    assert same(row["gain_p"], published.both(mean, drawn, seeds), 1e-6), row


def test_summary_counts_resolved_dominance(source: Source) -> None:
    chosen = source.rows("chosen")
    for row in source.rows("summary"):
        own = [
            c
            for c in chosen
            if all(c[k] == row[k] for k in ("optimizer", "rule", "at_cost", "objective"))
        ]
        for column, word in (("better", "dominates"), ("worse", "dominated")):
            n = sum(c["relation"] == word and c["resolved"] == "True" for c in own)
            assert int(row[column]) == n, row


def test_comparisons(source: Source) -> None:
    rows = source.rows("comparisons")
    volumes = {split: published.volumes(source.task, split) for split in ("search", "report")}
    check_pairs(source, rows)
    families = defaultdict(list)
    for row in rows:
        assert row["measure"] == "report_hypervolume"
        a, b = (volumes["report"][row[k]] for k in ("a", "b"))
        x, y = list(a.values()), list(b.values())
        common = sorted(set(a) & set(b))
        seeds = math.sqrt(np.var(x, ddof=1) / len(x) + np.var(y, ddof=1) / len(y))
        error = math.hypot(seeds, number(row["sd_items"]))
        mean, n = float(np.mean(x) - np.mean(y)), min(len(x), len(y))
        half = error * published.quantile(n)
        close(
            row,
            seeds_a=len(x), seeds_b=len(y),
            median_a=statistics.median(x), median_b=statistics.median(y),
            improvement=statistics.improvement(x, y),
            p=statistics.mann_whitney(x, y),
            p_paired=statistics.sign_flip([a[s] - b[s] for s in common]),
            difference=mean, difference_low=mean - half, difference_high=mean + half,
            sd_seeds=seeds, p_items=published.both(mean, error, n),
        )  # fmt: skip
        x, y = (list(volumes["search"][row[k]].values()) for k in ("a", "b"))
        close(
            row,
            search_median_a=statistics.median(x), search_median_b=statistics.median(y),
            search_improvement=statistics.improvement(x, y), search_p=statistics.mann_whitney(x, y),
        )  # fmt: skip
        families[row["family"]].append(row)
    for family in families.values():
        check_holm(source, family)


def check_pairs(source: Source, rows: list[dict[str, str]]) -> None:
    """Every pair once; controls are compared with everybody, in their own family."""
    names = list(published.volumes(source.task, "report"))
    pairs = [frozenset((row["a"], row["b"])) for row in rows]
    assert len(set(pairs)) == len(pairs) == math.comb(len(names), 2)
    frozen = source.task.folder / "families.json"
    if frozen.is_file():
        written = journals.document(frozen)["families"]
        said = {(f["name"], frozenset(pair)) for f in written for pair in f["pairs"]}
        assert {(r["family"], frozenset((r["a"], r["b"]))) for r in rows} <= said
        return
    for row in rows:
        one = len({row["a"], row["b"]} & CONTROLS) == 1
        assert row["family"] == ("controls" if one else "pairs"), row


def missing(source: Source, rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """The pairs of a frozen family that have no row: they count as tests all the same, with a p of 1."""
    frozen = source.task.folder / "families.json"
    if not frozen.is_file():
        return []
    written = journals.document(frozen)["families"]
    (pairs,) = (f["pairs"] for f in written if f["name"] == rows[0]["family"])
    known = {(row["a"], row["b"]) for row in rows}
    return [(a, b) for a, b in pairs if (a, b) not in known]


def check_holm(source: Source | None, family: list[dict[str, str]]) -> None:
    rest = missing(source, family) if source else []
    volumes = published.volumes(source.task, "search") if source and rest else {}
    searched = [
        statistics.mann_whitney([*volumes[a].values()], [*volumes[b].values()]) for a, b in rest
    ]
    for column in ("p", "p_paired", "p_items", "search_p"):
        more = searched if column == "search_p" else [1.0] * len(rest)
        adjusted = statistics.holm([*(number(row[column]) for row in family), *more])
        for row, p in zip(family, adjusted[: len(family)], strict=True):
            assert same(row[f"{column}_holm"], p), (column, row)
    for row in family:
        known = [number(row[k]) for k in ("p_holm", "p_items_holm") if row[k]]
        leader = row["a"] if float(row["improvement"]) > 0.5 else row["b"]
        assert row["better"] == (leader if max(known) < 0.05 else ""), row
        ahead = row["a"] if float(row["search_improvement"]) > 0.5 else row["b"]
        assert row["search_better"] == (ahead if float(row["search_p_holm"]) < 0.05 else ""), row


def test_which_strategy_finds_the_best_single_merge(source: Source) -> None:
    names = [o.name for o in source.task.objectives]
    losses: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for name, by in source.task.runs.items():
        for run in by.values():
            for (rule, early), (_, merge) in published.picks(run, None).items():
                if early:
                    continue
                if rule in ("knee", "utility"):
                    losses[rule][name].append(float(np.mean(merge.losses)))
                else:
                    losses[rule][name].append(merge.losses[names.index(rule[5:])])
    families = defaultdict(list)
    for row in source.rows("best_merges"):
        x, y = losses[row["rule"]][row["a"]], losses[row["rule"]][row["b"]]
        mean, n = float(np.mean(y) - np.mean(x)), min(len(x), len(y))
        half = (float(row["gain_high"]) - float(row["gain_low"])) / 2
        close(
            row,
            seeds_a=len(x), seeds_b=len(y), gain=mean, gain_low=mean - half, gain_high=mean + half,
            p=statistics.mann_whitney(x, y),
        )  # fmt: skip
        p = published.both(mean, half / published.quantile(n), n)
        assert same(row["p_items"], p, 1e-6), row
        families[row["rule"], row["family"]].append(row)
    for family in families.values():
        check_best(source, family)


def test_what_searched_fronts_add_to_the_hand_tunings(source: Source) -> None:
    tuned = source.task.tuned
    if tuned is None:
        assert not (source.folder / "front_gains.csv").exists()
        return
    front = indicators.hypervolume(np.array([m.losses for m in tuned.report.values()]))
    rows = source.rows("front_gains")
    judged = published.volumes(source.task, "report")
    assert {row["optimizer"] for row in rows} == set(judged)
    adjusted = statistics.holm([float(row["p"]) for row in rows])
    for row, p in zip(rows, adjusted, strict=True):
        gains = [volume - front for volume in judged[row["optimizer"]].values()]
        mean, half = float(np.mean(gains)), (float(row["high"]) - float(row["low"])) / 2
        close(row, seeds=len(gains), baseline=front, gain=mean, low=mean - half, high=mean + half)
        found = published.both(mean, half / published.quantile(len(gains)), len(gains))
        assert same(row["p"], found, 1e-6) and same(row["p_holm"], p), row


def check_best(source: Source, family: list[dict[str, str]]) -> None:
    rest = [1.0] * len(missing(source, family))
    for column in ("p", "p_items"):
        adjusted = statistics.holm([*(number(row[column]) for row in family), *rest])[: len(family)]
        assert all(same(r[f"{column}_holm"], p) for r, p in zip(family, adjusted, strict=True))
    for row in family:
        leader = row["a"] if float(row["gain"]) > 0 else row["b"]
        sure = max(float(row["p_holm"]), float(row["p_items_holm"])) < 0.05
        assert row["better"] == (leader if sure else ""), row


@pytest.mark.slow
def test_the_error_of_items_by_drawing_them_again(source: Source) -> None:
    draws = published.item_draws(source.task, 200)
    for row in source.rows("comparisons"):
        found = float((draws[row["a"]] - draws[row["b"]]).std(ddof=1))
        assert found == pytest.approx(float(row["sd_items"]), rel=0.3), row
