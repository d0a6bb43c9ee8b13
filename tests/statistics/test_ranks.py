"""Ranks, Friedman's test and the pairs over instances, against scipy and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, friedmanchisquare, rankdata, wilcoxon

from suite.statistics import families, ranks
from suite.statistics.families import Family
from suite.statistics.multiple import holm


def test_mean_ranks_and_friedman() -> None:
    scores = np.random.default_rng(1).random((12, 4))
    found = ranks.ranking(["a", "b", "c", "d"], scores, ())
    mean = dict(zip("abcd", rankdata(-scores, axis=1).mean(axis=0), strict=True))
    assert found.p == pytest.approx(friedmanchisquare(*scores.T).pvalue)
    assert found.names == tuple(sorted(mean, key=lambda name: mean[name]))
    assert found.ranks == pytest.approx([mean[name] for name in found.names])
    assert found.instances == 12


def every_pair(names: str) -> tuple[Family, ...]:
    return families.extended((), names, (), "hypervolume")


def test_groups_hold_no_pair_that_is_resolved_and_every_neighbour_that_is_not() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(14, 6)) + np.array([0, 0.3, 1.5, 1.7, 4, 4.1])
    rows = ranks.compared("uvwxyz", scores, every_pair("uvwxyz"))
    resolved = {frozenset((row.a, row.b)) for row in rows if row.better}
    found = ranks.ranking("uvwxyz", scores, resolved)
    for group in found.groups:
        assert not any(frozenset(pair) in resolved for pair in itertools.combinations(group, 2))
    for a, b in itertools.pairwise(found.names):
        together = any({a, b} <= {*group} for group in found.groups)
        assert together == (frozenset((a, b)) not in resolved)
    assert 1 < len(found.groups) < 6


def test_pairs_are_wilcoxons_with_holm_within_the_family() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(15, 4)) + np.array([0, 0.2, 0.9, 2.0])
    made = families.extended((), "abcd", {"a"}, "hypervolume")
    rows = ranks.compared("abcd", scores, made)
    for family in made:
        own = [row for row in rows if row.family == family.name]
        p = []
        for row in own:
            gap = scores[:, "abcd".index(row.a)] - scores[:, "abcd".index(row.b)]
            p.append(wilcoxon(gap, method="exact").pvalue)
            assert (row.wins_a, row.wins_b) == ((gap > 0).sum(), (gap < 0).sum())
            assert row.difference == pytest.approx(np.median(gap))
            assert row.better in ("", row.a if np.median(gap) > 0 else row.b)
            assert bool(row.better) == (row.p_holm < 0.05)
        assert [row.p for row in own] == pytest.approx(p)
        assert [row.p_holm for row in own] == pytest.approx(holm(p))
    assert any(row.better for row in rows)


def test_whether_a_pair_differs_does_not_hang_on_who_else_is_there() -> None:
    scores = np.random.default_rng(4).normal(size=(12, 5))
    few = ranks.compared("ab", scores[:, :2], every_pair("ab"))[0]
    many = ranks.compared("abcde", scores, every_pair("abcde"))[0]
    assert (few.a, few.b, few.p, few.difference) == (many.a, many.b, many.p, many.difference)


def test_one_strategy_under_two_labels_does_not_differ_over_instances() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(400):
        scores = rng.normal(size=(12, 1)) + 0.1 * rng.normal(size=(12, 2))
        wrong += bool(ranks.compared("ab", scores, every_pair("ab"))[0].better)
    assert 1 <= wrong <= binom.ppf(0.999, 400, 0.05)


def test_a_planted_winner_is_found_over_instances() -> None:
    rng = np.random.default_rng(6)
    found = []
    for _ in range(200):
        scores = rng.normal(size=(15, 1)) + 0.1 * rng.normal(size=(15, 4))
        scores[:, 3] += 0.2
        rows = ranks.compared("abcd", scores, every_pair("abcd"))
        found.append(all(row.better == "d" for row in rows if "d" in (row.a, row.b)))
        assert not any(row.better and row.better != "d" for row in rows if "d" in (row.a, row.b))
    assert np.mean(found) > 0.8


def test_too_few_instances_are_refused_with_the_reason() -> None:
    reason = ranks.refusal(2, 4)
    assert "needs 10 or more" in reason and "is 0.5, before Holm over up to 6 pairs" in reason
    assert ranks.refusal(9, 3) and ranks.refusal(30, 2)
    assert ranks.refusal(10, 3) == ""
    with pytest.raises(ValueError, match="10 or more"):
        ranks.ranking(list("abc"), np.ones((9, 3)), ())


def test_equal_scores_share_ranks_and_prove_nothing() -> None:
    found = ranks.ranking(list("abc"), np.ones((10, 3)), ())
    assert found.ranks == (2.0, 2.0, 2.0)
    assert found.p == 1.0
    assert found.groups == (("a", "b", "c"),)


def test_a_name_that_differs_from_all_others_is_in_no_group() -> None:
    scores = np.tile([3.0, 2.0, 1.0], (10, 1))
    alone = {frozenset("ab"), frozenset("ac")}
    assert ranks.ranking(list("abc"), scores, alone).groups == (("b", "c"),)
    assert ranks.ranking(list("abc"), scores, {*alone, frozenset("bc")}).groups == ()


def test_a_missing_score_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        ranks.ranking(list("abc"), np.full((10, 3), np.nan), ())
