"""Each method against the formula written down literally in numpy, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from suite.merging import methods

Array = NDArray[np.float64]
LEVELS = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])  # equal magnitudes are frequent
WEIGHTS = st.sampled_from([-1.0, -0.25, 0.0, 0.25, 0.5, 1.0])  # their sums are exact


@st.composite
def stacks(draw: st.DrawFn) -> tuple[Array, list[float]]:
    """Task vectors (models, n) and their weights."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    numbers = draw(st.sampled_from([LEVELS, st.floats(-3, 3, width=32)]))
    rows = draw(st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=m, max_size=m))
    return np.array(rows), draw(st.lists(WEIGHTS, min_size=m, max_size=m))


def torched(array: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32)


@settings(deadline=None)
@given(stacks())
def test_weighted_sums(stack: tuple[Array, list[float]]) -> None:
    rows, weights = stack
    expected = sum(w * row for w, row in zip(weights, rows, strict=True))
    found = methods.weighted_sum([torched(row) for row in rows], weights)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    base = np.linspace(-1, 1, rows.shape[1])
    merged = methods.task_arithmetic(torched(base), [torched(row) for row in rows], weights)
    np.testing.assert_allclose(merged.numpy(), base + expected, atol=1e-5)


def test_linear_weights() -> None:
    assert methods.linear_weights([1.0, 3.0], True) == [0.25, 0.75]
    assert methods.linear_weights([1.0, 3.0], False) == [1.0, 3.0]
    assert methods.linear_weights([2.0, -1.0], True) == [2.0, -1.0]
    assert all(math.isnan(w) for w in methods.linear_weights([1.0, -1.0], True))


def test_task_weights() -> None:
    assert methods.task_weights([1.0, 3.0], 0.5, False) == [0.5, 1.5]
    assert methods.task_weights([1.0, 3.0], 0.5, True) == [0.125, 0.375]
    assert methods.task_weights([1.0, -1.0], 0.5, True) == [0.5, -0.5]


def slerp(a: Array, b: Array, t: float) -> Any:
    cosine = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    if abs(cosine) > 0.9995:
        return (1 - t) * a + t * b
    theta = np.arccos(cosine)
    return (np.sin((1 - t) * theta) * a + np.sin(t * theta) * b) / np.sin(theta)


@pytest.mark.parametrize("angle", [0.0, 0.01, 0.03, 0.5, math.pi / 2, 3.0, math.pi])
@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_slerp(angle: float, t: float) -> None:
    a, b = np.array([2.0, 0.0]), 3 * np.array([math.cos(angle), math.sin(angle)])
    weights = methods.slerp_weights(math.cos(angle), t)
    found = methods.weighted_sum([torched(a), torched(b)], weights)
    np.testing.assert_allclose(found.numpy(), slerp(a, b, t), atol=1e-5)


def test_slerp_keeps_the_length_of_equally_long_vectors() -> None:
    for angle in np.linspace(0.1, 3.0, 9):
        u, v = methods.slerp_weights(math.cos(angle), 0.37)
        assert u * u + v * v + 2 * u * v * math.cos(angle) == pytest.approx(1.0)


def test_slerp_ends_are_the_models() -> None:
    a = torch.randn(50, generator=torch.Generator().manual_seed(0))
    b = torch.randn(50, generator=torch.Generator().manual_seed(1))
    for t, end in ((0.0, a), (1.0, b)):
        assert torch.equal(methods.weighted_sum([a, b], methods.slerp_weights(0.4, t)), end)


@pytest.mark.parametrize(
    ("density", "n", "k"), [(0.0, 5, 1), (1e-9, 5, 1), (0.5, 5, 2), (1.0, 5, 5), (0.2, 1, 1)]
)
def test_kept(density: float, n: int, k: int) -> None:
    assert methods.kept(density, n) == k


def trimmed(row: Array, density: float) -> Array:
    k = max(1, math.floor(density * row.size))
    keep = sorted(range(row.size), key=lambda i: (-abs(row[i]), i))[:k]
    return np.array([row[i] if i in keep else 0.0 for i in range(row.size)])


def ties(rows: Array, weights: list[float], normalize: bool) -> Array:
    """Steps 2 to 5, element by element."""
    merged = []
    for column in (rows * np.array(weights)[:, None]).T:
        sign = 1.0 if column.sum() >= 0 else -1.0
        agree = [i for i in range(column.size) if np.sign(column[i]) == sign]
        divisor = sum(weights[i] for i in agree) if normalize else 1.0
        merged.append(sum(column[i] for i in agree) / (divisor or 1.0))
    return np.array(merged)


@settings(deadline=None)
@given(stacks(), st.sampled_from([0.0, 1e-6, 0.2, 0.34, 0.5, 0.9, 1.0]))
def test_trimming_keeps_exactly_k(stack: tuple[Array, list[float]], density: float) -> None:
    row = stack[0][0]
    order = np.argsort(-np.abs(row), kind="stable")
    ranks = torch.empty(row.size, dtype=torch.int32)
    ranks[torch.from_numpy(order.copy())] = torch.arange(row.size, dtype=torch.int32)
    found = methods.masked(torched(row), ranks, methods.kept(density, row.size))
    np.testing.assert_array_equal(found.numpy(), trimmed(row, density))


@settings(deadline=None, max_examples=200)
@given(stacks(), st.booleans())
def test_election(stack: tuple[Array, list[float]], normalize: bool) -> None:
    rows, weights = stack
    # what underflows, or cancels but for rounding, has another sign in float32
    rows[np.abs(rows) < 1e-30] = 0.0
    sums = np.abs((rows * np.array(weights)[:, None]).sum(0))
    rows[:, (sums > 0) & (sums < 1e-4)] = 0.0
    found = methods.elect(
        torched(rows) * torched(weights).unsqueeze(1), weights if normalize else None
    )
    np.testing.assert_allclose(found.numpy(), ties(rows, weights, normalize), rtol=1e-5, atol=1e-4)


def test_a_sum_of_zero_counts_as_positive() -> None:
    weighted = torch.tensor([[2.0, -1.0, 0.0], [-2.0, 1.0, 0.0]])
    assert methods.elect(weighted.clone()).tolist() == [2.0, 1.0, 0.0]
    assert methods.elect(weighted, [0.5, 4.0]).tolist() == [4.0, 0.25, 0.0]


def test_masking_keeps_bits_and_drops_to_zero() -> None:
    vector = torch.tensor([-0.0, 1e-42, -3.5, 7.0, -1.0])
    marks = torch.tensor([0, 2**31 - 2, 5, 6, 2**31 - 1], dtype=torch.int32)
    found = methods.masked(vector, marks, 6)
    assert torch.equal(found.view(torch.int32)[[0, 2]], vector.view(torch.int32)[[0, 2]])
    assert found.tolist()[1:] == [0.0, -3.5, 0.0, 0.0]
    assert torch.equal(methods.masked(vector, marks, 2**31 - 1)[:4], vector[:4])


def test_dare_scale() -> None:
    dropped = torch.tensor([1.0, 0.0, -2.0])
    assert methods.dare_scale("none", 0.5, 9.0, dropped) == 1.0
    assert methods.dare_scale("inverse_density", 0.25, 9.0, dropped) == 4.0
    assert methods.dare_scale("inverse_density", 0.0, 9.0, dropped) == 1.0
    assert methods.dare_scale("l1", 0.5, 9.0, dropped) == 3.0
    assert methods.dare_scale("l1", 0.5, 9.0, torch.zeros(3)) == 1.0
    assert methods.dare_scale("l1", 0.5, 1e-9, dropped) == 1.0


def test_l1_norm_of_a_long_vector() -> None:
    vector = torch.rand(3_000_001, generator=torch.Generator().manual_seed(0))
    assert methods.l1_norm(vector) == pytest.approx(float(vector.double().sum()), rel=1e-6)
