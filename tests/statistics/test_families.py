"""Families: every pair once, frozen ones for good, adjusted by themselves."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.statistics import families

CONTROLS = {"random", "lambda_grid"}
names = st.lists(
    st.sampled_from(["a", "b", "c", "d", "e", "random", "lambda_grid"]), unique=True, min_size=2
)


@given(names, st.integers(0, 7))
def test_every_pair_is_in_one_family_and_frozen_ones_stay(found: list[str], first: int) -> None:
    old = families.extended((), found[:first], CONTROLS, "report")
    new = families.extended(old, found, CONTROLS, "report")
    assert new[: len(old)] == old
    pairs = [frozenset(pair) for family in new for pair in family.pairs]
    assert sorted(map(sorted, pairs)) == sorted(
        sorted(pair) for pair in itertools.combinations(found, 2)
    )
    assert all(family.pairs for family in new)
    assert len({family.name for family in new}) == len(new)
    for family in new:
        planned = family.name.startswith(families.PLANNED)
        assert all((a not in CONTROLS and b in CONTROLS) == planned for a, b in family.pairs)


def test_a_newcomer_opens_families_of_its_own() -> None:
    old = families.extended((), ["a", "b", "random"], CONTROLS, "report")
    old = tuple(replace(family, date="2026-11-29") for family in old)
    new = families.extended(old, ["a", "b", "n", "random"], CONTROLS, "report")
    assert [(f.name, f.frozen, f.pairs) for f in new[2:]] == [
        ("controls-2", False, (("n", "random"),)),
        ("pairs-2", False, (("a", "n"), ("b", "n"))),
    ]
    third = families.extended(new, ["a", "b", "lambda_grid", "n", "random"], CONTROLS, "report")
    assert [(f.name, f.pairs) for f in third[4:]] == [
        ("controls-3", (("a", "lambda_grid"), ("b", "lambda_grid"), ("n", "lambda_grid"))),
        ("pairs-3", (("lambda_grid", "random"),)),
    ]


def test_holm_is_within_the_family_and_missing_figures_count() -> None:
    family = families.Family("pairs", "", "report", (("a", "b"), ("a", "c"), ("b", "c")))
    p = {("a", "b"): 0.01, ("a", "c"): 0.04, ("b", "c"): 0.03, ("x", "y"): 0.001}
    expected = families.holm([0.01, 0.04, 0.03])
    assert list(families.adjusted(family, p).values()) == pytest.approx(expected)
    del p["b", "c"]
    found = families.adjusted(family, p)
    assert found["a", "b"] == pytest.approx(0.03)
    assert math.isnan(found["b", "c"])


def test_holm_worked_by_hand() -> None:
    assert families.holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert families.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert families.holm([]).size == 0
    with pytest.raises(ValueError, match="p values"):
        families.holm([math.nan])
