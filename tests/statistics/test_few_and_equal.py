"""Every test from one run on, with ties and constants: a p in (0, 1], and 1 where nothing differs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.statistics import betting, bootstrap, crossed, families, hierarchy, items, ranks
from suite.statistics.claim import answer
from suite.statistics.equivalence import equivalence
from suite.statistics.rank_sum import EXACT, mann_whitney, probability_of_improvement
from suite.statistics.sign_flip import MANY, shift_interval, sign_flip
from suite.statistics.signed_rank import EXACT as MOST_RANKS
from suite.statistics.signed_rank import wilcoxon

# Few distinct values, so that most examples have ties; 0.1 and 0.7 are no binary fractions.
value = st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0])
runs = st.lists(value, min_size=1, max_size=12)
paired = st.lists(st.tuples(value, value), min_size=1, max_size=12)
size = st.integers(1, 60)
quick = settings(max_examples=40, deadline=None)


@given(runs, runs)
@quick
def test_two_samples_of_any_sizes(a: list[float], b: list[float]) -> None:
    p = mann_whitney(a, b)
    assert 0 < p <= 1
    assert mann_whitney(b, a) == pytest.approx(p, rel=1e-12)
    effect = probability_of_improvement(a, b)
    assert effect + probability_of_improvement(b, a) == pytest.approx(1)
    assert bootstrap.improvement([a], [b], resamples=10).value == pytest.approx(effect)


@given(paired)
@quick
def test_paired_runs_of_any_number(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    for p, mirrored in (
        (wilcoxon(a - b), wilcoxon(b - a)),
        (sign_flip(a - b), sign_flip(b - a)),
        (items.paired(a, b).p, items.paired(b, a).p),
    ):
        assert 0 < p <= 1
        assert mirrored == pytest.approx(p, rel=1e-9)
    low, high = shift_interval(a, b)
    assert low - 1e-9 <= (a - b).mean() <= high + 1e-9
    assert betting.e_value(a - b) == pytest.approx(betting.e_value(b - a))
    found = answer(a, b, margin=0.5)
    assert found.verdict in ("supported", "refuted", "equivalent", "undecided")
    assert 0 <= found.improvement <= 1
    both = equivalence(a - b, 0.5)
    assert 0 < max(both.p_lower, both.p_upper) == both.p <= 1


@given(size, size, value)
@quick
def test_where_nothing_differs_p_is_one(n: int, k: int, constant: float) -> None:
    a, b = [constant] * n, [constant] * k
    assert mann_whitney(a, b) == 1
    assert bootstrap.improvement([a], [b], resamples=10).value == 0.5
    assert bootstrap.iqm([a, b], resamples=5).value == pytest.approx(constant)
    zeros = np.zeros(n)
    assert wilcoxon(zeros) == sign_flip(zeros) == items.paired(a, a).p == 1
    assert betting.e_value(zeros) == pytest.approx(1)
    assert answer(a, a).verdict == "undecided"
    over = crossed.difference(a, b, [crossed.NO_DRAWS] * n, [crossed.NO_DRAWS] * k)
    assert over.p == 1 or (min(n, k) == 1 and math.isnan(over.p))


@given(st.integers(2, 8), st.integers(1, 8), st.integers(1, 8), value)
@quick
def test_equal_draws_prove_nothing_whatever_their_sizes(
    draws: int, n: int, k: int, constant: float
) -> None:
    """Means of 3 and of 2 values of 0.1 are not the same float64; nothing differs all the same."""
    over = hierarchy.difference([[constant] * n] * draws, [[constant] * k] * draws, resamples=5)
    assert over.p == 1
    assert over.difference == pytest.approx(0)
    same = np.zeros((draws, n + 1))
    assert hierarchy.random_draws(same) == hierarchy.fixed_draws(same) == (0, 1)
    assert hierarchy.one_draw(same[0]) == (0, 1)
    assert hierarchy.components(same) == (0, 0, 0)


@pytest.mark.parametrize("n", [MANY + 1, 1100, 3000])
def test_one_sign_throughout_has_a_p_above_zero(n: int) -> None:
    """2 / 2ⁿ is no float64 above 1074 differences."""
    for d in (np.ones(n), np.arange(1.0, n + 1)):
        assert 0 < sign_flip(d) < 1e-50
        assert 0 < sign_flip(d, "greater") <= sign_flip(d)


@pytest.mark.parametrize("n", [3, 60, 250])
@pytest.mark.parametrize("power", [-1000, -40, 40, 1000])
def test_the_scale_of_differences_changes_no_p(n: int, power: int) -> None:
    d = np.random.default_rng(n).normal(0.1, 1, n)
    assert sign_flip(np.ldexp(d, power)) == sign_flip(d)


def test_beyond_the_exact_sizes_equal_values_prove_nothing_too() -> None:
    many = [0.1] * (EXACT + 1)
    assert mann_whitney(many, [0.1]) == mann_whitney(many, many) == 1
    assert wilcoxon(np.zeros(MOST_RANKS + 1)) == 1
    assert wilcoxon([*np.zeros(MOST_RANKS), 1.0]) > 0.3


@given(st.lists(st.lists(value, min_size=3, max_size=3), min_size=1, max_size=12))
@quick
def test_instances_of_any_number_with_ties(scores: list[list[float]]) -> None:
    names = ["a", "b", "c"]
    rows = ranks.compared(names, scores, families.extended((), names, {"c"}, "report"))
    assert len(rows) == 3
    assert all(0 < row.p <= row.p_holm <= 1 for row in rows)
    if len(scores) < ranks.FEWEST_INSTANCES:
        assert ranks.refusal(len(scores), 3)
        return
    mean = ranks.ranking(names, scores, ())
    assert 0 <= mean.p <= 1
    assert sum(mean.ranks) == pytest.approx(6)


def test_no_instance_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no task instance"):
        ranks.compared(["a", "b"], np.empty((0, 2)), ())


@given(st.lists(st.floats(0, 1), max_size=12))
@quick
def test_holm_keeps_the_order_and_lowers_nothing(p: list[float]) -> None:
    adjusted = families.holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
