from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.merging import eager
from suite.merging.eager import elected
from tests.merging.making import RECIPES, family, merged, snapshot

LEVELS = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
WEIGHTS = st.sampled_from([-1.0, -0.25, 0.0, 0.25, 0.5, 1.0])  # their sums are exact


@st.composite
def stacks(draw: st.DrawFn) -> tuple[Any, list[float], list[float]]:
    """Task vectors (models, n), their weights and their shares."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    rows = draw(st.lists(st.lists(LEVELS, min_size=n, max_size=n), min_size=m, max_size=m))
    weights, shares = (draw(st.lists(WEIGHTS, min_size=m, max_size=m)) for _ in range(2))
    return np.array(rows), weights, shares


def by_element(rows: Any, weights: list[float], shares: list[float], plain: bool, how: str) -> Any:
    """Steps 2 and 3 of TIES, element by element in Python."""
    merged = []
    for column in rows.T.tolist():
        terms = [value * weight for value, weight in zip(column, weights, strict=True)]
        votes = column if plain else terms
        sign = 1.0 if sum(votes) >= 0 else -1.0
        agree = [i for i, vote in enumerate(votes) if vote * sign > 0]
        divisor = sum(shares[i] for i in agree)
        by = {"no": 1.0, "kept": divisor or 1.0, "clamped": max(divisor, 1e-6)}[how]
        merged.append(sum(terms[i] for i in agree) / by)
    return np.array(merged)


@settings(max_examples=200)
@given(stacks(), st.booleans(), st.sampled_from(["no", "kept", "clamped"]))
def test_elections(stack: tuple[Any, list[float], list[float]], plain: bool, how: str) -> None:
    rows, weights, shares = stack
    vectors = [torch.tensor(row, dtype=torch.float32) for row in rows]
    found = elected(vectors, weights, shares, plain, how)
    want = by_element(rows, weights, shares, plain, how)
    np.testing.assert_allclose(found.numpy(), want, rtol=1e-6)
    for vector, row in zip(vectors, rows, strict=True):
        assert (vector.numpy() == row).all()  # left as they were


def test_a_sum_of_zero_counts_as_positive() -> None:
    vectors = [torch.tensor([2.0, -1.0, 0.0]), torch.tensor([-2.0, 1.0, 0.0])]
    assert elected(vectors, [1.0, 1.0], [1.0, 1.0], False, "no").tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("live", [torch.float32, torch.bfloat16, torch.float16])
def test_chunks_do_not_change_a_byte(monkeypatch: pytest.MonkeyPatch, live: torch.dtype) -> None:
    shapes = {"layers.0.mlp.up": (40, 33), "layers.1.self_attn.q": (24, 24), "norm": (24,)}
    models, found = family(shapes), []
    for chunk in (1 << 17, 1000, 64):
        monkeypatch.setitem(eager._CHUNK, "cpu", chunk)
        found.append({n: snapshot(merged(models, r, "eager", live)) for n, r in RECIPES.items()})
    for one, other in itertools.pairwise(found):
        assert {name for name in one if one[name] != other[name]} == set()


def test_neighbours_of_the_same_coefficients_are_one_stretch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, merge = [], eager._merged

    def counted(*arguments: Any) -> torch.Tensor:
        calls.append(arguments)
        return merge(*arguments)

    monkeypatch.setattr(eager, "_merged", counted)
    models = family({f"layers.{i}.mlp.up": (4, 4) for i in range(6)} | {"other": (4,)})
    merged(models, RECIPES["dare nothing"], "eager")
    assert len(calls) == 7  # a mask is a tensor's own
    calls.clear()
    merged(models, RECIPES["karcher"], "eager")
    assert len(calls) == 7  # as are coefficients that follow from its angles
    calls.clear()
    from suite.recipes.recipe import Input, Recipe

    half = tuple(Input(name, {"weight": 0.5}) for name in "ab")
    merged(models, Recipe("linear", half), "eager")
    assert len(calls) == 1
