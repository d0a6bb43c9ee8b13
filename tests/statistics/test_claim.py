"""Claims: their form, the seeds they need, and what the seeds say."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from suite.errors import BadInput
from suite.statistics import claim
from suite.statistics.betting import e_value
from suite.statistics.claim import Claim
from suite.statistics.equivalence import equivalence
from suite.statistics.sign_flip import sign_flip


def test_a_claim_reads_as_it_is_written() -> None:
    found = Claim.parse(" nsga2>random  on ja_math_micro ")
    assert found == Claim("nsga2", "random", "ja_math_micro")
    assert Claim.parse(str(found)) == found


@pytest.mark.parametrize(
    "text", ["", "nsga2 > random", "a < b on t", "a > b on t u", "a > ../b on t"]
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write it as 'nsga2 > random on ja_math_micro'"):
        Claim.parse(text)


def test_a_strategy_is_not_compared_with_itself() -> None:
    with pytest.raises(BadInput, match="compares tpe with itself"):
        Claim.parse("tpe > tpe on zdt1")


@pytest.mark.parametrize("effect", [1.0, 1.5])
def test_the_seeds_have_the_promised_power(effect: float) -> None:
    """Simulated with the test that is used, not the one that is planned by; and no seed too many."""
    rng = np.random.default_rng(1)

    def found(n: int) -> int:
        pairs = (rng.normal((effect, 0), 1, (n, 2)).T for _ in range(400))
        return sum(sign_flip(a - b) < 0.04 for a, b in pairs)

    n = claim.seeds_needed(effect)
    assert scipy_stats.binomtest(found(n), 400, 0.8, alternative="less").pvalue > 0.01
    assert scipy_stats.binomtest(found(n - 3), 400, 0.8, alternative="greater").pvalue > 0.01


def test_a_larger_effect_needs_fewer_seeds_but_never_too_few_for_the_test() -> None:
    needed = [claim.seeds_needed(effect) for effect in (0.5, 1, 2, 4, 100)]
    assert needed == sorted(needed, reverse=True)
    assert needed[-1] == claim.fewest_seeds() == 6
    ones = 1 + np.arange(6) / 10
    assert claim.decide(ones).verdict == "supported"
    assert claim.decide(ones[:5]).verdict == "undecided"


@pytest.mark.parametrize("given", [(0.0,), (-1.0,), (math.nan,), (1.0, 0.01), (1.0, 1.0), (1e-6,)])
def test_impossible_plans_are_refused(given: tuple[float, ...]) -> None:
    with pytest.raises(BadInput, match="effect="):
        claim.seeds_needed(*given)


VALUES = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda v: (round(v[0], 4), round(v[1], 4))),
    min_size=6,
    max_size=8,
)
LOOKS = st.sampled_from([None, 4])


@settings(max_examples=20, deadline=None)
@given(VALUES, LOOKS)
def test_the_other_way_round_is_the_mirror_image(
    pairs: list[tuple[float, float]], first: int | None
) -> None:
    a, b = np.array(pairs).T
    there, back = claim.answer(a, b, first), claim.answer(b, a, first)
    assert (there.p, there.difference, there.deviation) == (
        back.p,
        -back.difference,
        back.deviation,
    )
    assert (there.e is None) == (back.e is None) == (first is None)
    assert first is None or there.e == pytest.approx(back.e, rel=1e-9)
    assert there.improvement == pytest.approx(1 - back.improvement)
    assert back.verdict == claim.TURNED[there.verdict]
    assert there.low == pytest.approx(-back.high, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(VALUES)
def test_the_interval_and_the_test_agree(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    found = claim.answer(a, b)
    assert found.low <= found.difference <= found.high
    margin = 2e-4 * float(np.ptp(a - b)) + 1e-9
    if found.verdict == "supported":
        assert found.low > -margin
    if found.low > margin:
        assert found.verdict == "supported"


def test_the_interval_is_that_of_the_t_test_where_values_are_normal() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 38), rng.normal(0, 1, 38)
    expected = scipy_stats.ttest_rel(a, b).confidence_interval(0.96)
    found = claim.answer(a, b)
    assert found.confidence == pytest.approx(0.96)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06)


def test_a_further_look_spends_only_what_the_first_left() -> None:
    """With 0.8 α gone, betting must reach 1 / 0.2 α = 100; a p that α would do for is not enough."""
    d = np.random.default_rng(4).normal(0.55, 1, 40)
    assert sign_flip(d[:19]) > 0.04 > sign_flip(d)
    assert e_value(d) < 100
    found = claim.answer(d, 0 * d, first=19)
    assert (found.verdict, found.spent, found.p) == ("undecided", 0.05, sign_flip(d[:19]))
    assert found.low < 0 < found.high
    assert found.e == e_value(d)


def test_a_further_look_decides_when_the_wealth_is_enough() -> None:
    d = np.concatenate([np.array([1.0, -1.0] * 5), np.random.default_rng(5).normal(1, 0.5, 40)])
    found = claim.answer(d, 0 * d, first=10)
    assert found.verdict == "supported"
    assert found.e is not None
    assert found.e >= 100
    assert found.low > 0
    assert claim.answer(-d, 0 * d, first=10).verdict == "refuted"


def test_equivalence_is_concluded_within_the_margin_and_only_there() -> None:
    d = np.random.default_rng(6).normal(0, 1, 20)
    assert equivalence(d, 1.0).p < 0.04 < sign_flip(d)
    assert claim.answer(d, 0 * d, margin=1.0).verdict == "equivalent"
    assert claim.answer(d, 0 * d, margin=0.1).verdict == "undecided"
    assert claim.answer(d, 0 * d).within_margin is None
    larger = claim.answer(d + 2, 0 * d, margin=1.0)
    assert larger.verdict == "supported"
    assert larger.within_margin is False
    small = claim.answer(d / 10 + 0.5, 0 * d, margin=1.0)
    assert small.verdict == "supported"
    assert small.within_margin is True


def test_asked_after_every_seed_an_a_a_claim_errs_no_more_often_than_alpha() -> None:
    """One strategy under two names, looked at again with every further seed up to 60."""
    rng = np.random.default_rng(7)
    runs, wrong = 1000, 0
    for _ in range(runs):
        d = np.subtract(*rng.beta(4, 2, (2, 60)))
        wrong += claim.decide(d[:10]).verdict != "undecided"
        # Betting is by the largest wealth so far: the last look knows of all those before it.
        wrong += claim.decide(d[:10]).verdict == "undecided" != claim.decide(d, 10).verdict
    assert scipy_stats.binomtest(wrong, runs, 0.05, alternative="greater").pvalue > 0.001
    assert wrong > 15  # a procedure that never claims anything would pass the bound


def test_the_last_look_knows_of_those_before_it() -> None:
    d = np.random.default_rng(8).normal(0.8, 1, 50)
    values = [claim.decide(d[:n], 10).e for n in range(11, 51)]
    assert values == sorted(values)  # type: ignore[type-var]


@pytest.mark.parametrize("first", [0, 8])
def test_a_first_look_that_is_none_of_the_pairs_is_refused(first: int) -> None:
    with pytest.raises(BadInput, match="between 1 and the 7 pairs"):
        claim.decide(np.ones(7), first)


def test_the_examples_run() -> None:
    assert doctest.testmod(claim).failed == 0
