"""Ranks, Friedman's test and the critical difference against published figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from suite.statistics import ranks


@pytest.mark.parametrize(
    ("strategies", "q"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (8, 3.031), (10, 3.164)],
)
def test_the_critical_difference_is_that_of_the_printed_table(strategies: int, q: float) -> None:
    # Demšar 2006, table 5 (a), alpha 0.05
    expected = q * np.sqrt(strategies * (strategies + 1) / (6 * 14))
    assert ranks.critical_difference(strategies, 14) == pytest.approx(expected, abs=0.001)


def test_mean_ranks_and_friedman() -> None:
    scores = np.random.default_rng(1).random((12, 4))
    found = ranks.ranking(["a", "b", "c", "d"], scores)
    mean = dict(zip("abcd", rankdata(-scores, axis=1).mean(axis=0), strict=True))
    assert found.p == pytest.approx(friedmanchisquare(*scores.T).pvalue)
    assert found.names == tuple(sorted(mean, key=lambda name: mean[name]))
    assert found.ranks == pytest.approx([mean[name] for name in found.names])
    assert found.instances == 12


def test_groups_hold_exactly_the_pairs_that_do_not_differ() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(14, 6)) + np.array([0, 0.3, 1.5, 1.7, 4, 4.1])
    found = ranks.ranking(list("uvwxyz"), scores)
    at = dict(zip(found.names, found.ranks, strict=True))
    for a in found.names:
        for b in found.names:
            close = abs(at[a] - at[b]) <= found.critical
            assert close == (a == b or any({a, b} <= set(group) for group in found.groups))
    assert 1 < len(found.groups) < 6


def test_too_few_instances_are_refused_with_the_reason() -> None:
    reason = ranks.refusal(2, 4)
    assert "needs 10 or more" in reason and "3.32" in reason and "of the 3 there can be" in reason
    assert ranks.refusal(9, 3) and ranks.refusal(30, 2)
    assert ranks.refusal(10, 3) == ""
    with pytest.raises(ValueError, match="10 or more"):
        ranks.ranking(list("abc"), np.ones((9, 3)))


def test_equal_scores_share_ranks_and_prove_nothing() -> None:
    found = ranks.ranking(list("abc"), np.ones((10, 3)))
    assert found.ranks == (2.0, 2.0, 2.0)
    assert found.p == 1.0
    assert found.groups == (("a", "b", "c"),)


def test_a_missing_score_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        ranks.ranking(list("abc"), np.full((10, 3), np.nan))
