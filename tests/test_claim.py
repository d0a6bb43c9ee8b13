"""Claims: their form, the seeds they need, and what the seeds say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from suite import claim
from suite.claim import Claim
from suite.errors import BadInput
from suite.statistics import seeds


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
        pairs = (rng.normal((effect, 0), 1, (n, 2)).T for _ in range(150))
        return sum(seeds.paired_seeds(a, b) < 0.05 for a, b in pairs)

    n = claim.seeds_needed(effect)
    assert scipy_stats.binomtest(found(n), 150, 0.8, alternative="less").pvalue > 0.01
    assert scipy_stats.binomtest(found(n - 3), 150, 0.8, alternative="greater").pvalue > 0.01


def test_a_larger_effect_needs_fewer_seeds_but_never_too_few_for_the_test() -> None:
    needed = [claim.seeds_needed(effect) for effect in (0.5, 1, 2, 4, 100)]
    assert needed == sorted(needed, reverse=True)
    assert needed[-1] == claim.fewest_seeds() == 6
    ones = np.ones(6) + np.arange(6) / 10
    assert seeds.paired_seeds(ones, 0 * ones) < 0.05
    assert seeds.paired_seeds(ones[:5], 0 * ones[:5]) > 0.05


@pytest.mark.parametrize("given", [(0.0,), (-1.0,), (math.nan,), (1.0, 0.01), (1.0, 1.0), (1e-6,)])
def test_impossible_plans_are_refused(given: tuple[float, ...]) -> None:
    with pytest.raises(BadInput, match="effect="):
        claim.seeds_needed(*given)


VALUES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=6, max_size=7)


@settings(max_examples=20)
@given(VALUES)
def test_the_other_way_round_is_the_mirror_image(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    there, back = claim.answer(a, b), claim.answer(b, a)
    assert (there.p, there.difference, there.deviation) == (
        back.p,
        -back.difference,
        back.deviation,
    )
    turned = {"supported": "refuted", "refuted": "supported", "undecided": "undecided"}
    assert back.verdict == turned[there.verdict]
    assert there.low == pytest.approx(-back.high, abs=1e-3)


@settings(max_examples=20)
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
    a, b = rng.normal(1, 1, 40), rng.normal(0, 1, 40)
    expected = scipy_stats.ttest_rel(a, b).confidence_interval()
    found = claim.answer(a, b)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06)
