"""Coefficients and counts against the formulas, tensor by tensor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.merging import methods


def row(*values: float) -> methods.Column:
    return np.array([values], dtype=float)


YES, NO = np.array([True]), np.array([False])


def test_linear() -> None:
    assert methods.linear(row(1, 3), YES).tolist() == [[0.25, 0.75]]
    assert methods.linear(row(1, 3), NO).tolist() == [[1, 3]]
    assert np.isnan(methods.linear(row(1, -1), YES)).all()
    assert methods.linear(row(1, -1), NO).tolist() == [[1, -1]]


def test_rows_of_a_column_do_not_meet() -> None:
    weight, switch = np.array([[1.0, 3.0], [1.0, -1.0], [2.0, 2.0]]), np.array([True, False, True])
    found = methods.linear(weight, switch)
    assert found.tolist() == [[0.25, 0.75], [1, -1], [0.5, 0.5]]


def test_task_arithmetic() -> None:
    half = np.array([0.5])
    assert methods.task_arithmetic(row(1, 3), half, NO).tolist() == [[0.5, 1.5]]
    assert methods.task_arithmetic(row(1, 3), half, YES).tolist() == [[0.125, 0.375]]
    assert methods.task_arithmetic(row(1, -1), half, YES).tolist() == [[0.5, -0.5]]


def test_weights_that_sum_to_less_than_nothing_are_divided_by_their_sum() -> None:
    """The sum keeps its sign: (-3, 1) / -2 adds up to 1, as every normalised merge does."""
    negative = row(-3, 1)
    assert methods.linear(negative, YES).tolist() == [[1.5, -0.5]]
    assert methods.task_arithmetic(negative, np.array([0.5]), YES).tolist() == [[0.75, -0.25]]
    right = methods.nuslerp(np.array([math.cos(0.7)]), negative)[0]  # t = 1 / -2
    assert right == pytest.approx(np.sin([1.5 * 0.7, -0.5 * 0.7]) / math.sin(0.7), rel=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.01, 0.03, 0.5, math.pi / 2, 3.0, math.pi])
@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_slerp(angle: float, t: float) -> None:
    u, v = methods.slerp(np.array([math.cos(angle)]), np.array([t]))[0]
    if abs(math.cos(angle)) > 0.9995:
        assert (u, v) == (1 - t, t)
        return
    assert u == pytest.approx(math.sin((1 - t) * angle) / math.sin(angle), abs=1e-12)
    assert u * u + v * v + 2 * u * v * math.cos(angle) == pytest.approx(1.0)  # a unit vector


def test_nuslerp() -> None:
    cosine = np.cos(np.array([0.7, 0.7, 0.01, 0.0]))
    weight = np.array([[1.0, 3.0], [1.0, -1.0], [1.0, 3.0], [1.0, 3.0]])
    found = methods.nuslerp(cosine, weight)
    for angle, t, pair in zip((0.7, 0.7, 0.01), (0.75, 0.5, 0.75), found[:3], strict=True):
        want = np.sin([(1 - t) * angle, t * angle]) / math.sin(angle)
        np.testing.assert_allclose(pair, want, rtol=1e-9)
    assert found[3].tolist() == [0.25, 0.75]


def test_model_stock() -> None:
    """Two fine-tunes: t = 2c / (1 + c) (Jang et al. 2024, eq. 4)."""
    cosine = 0.4
    gram = np.array([[[4.0, 4 * cosine], [4 * cosine, 4.0]], [[1.0, -1.0], [-1.0, 1.0]]])
    found = methods.model_stock(gram)
    assert found[0] == pytest.approx([cosine / (1 + cosine)] * 2)
    assert found[1].tolist() == [0, 0]  # opposite: the base is kept


@given(st.integers(2, 5), st.integers(0, 1000))
def test_the_karcher_mean_is_where_the_logarithms_cancel(count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 12)) + 2
    coefficients = methods.karcher((vectors @ vectors.T)[None], 100, 1e-12)[0]
    mean = coefficients @ vectors
    norms = np.linalg.norm(vectors, axis=1)
    assert np.linalg.norm(mean) == pytest.approx(norms.mean())
    at, units = mean / np.linalg.norm(mean), vectors / norms[:, None]
    dots = units @ at
    pulls = (np.arccos(dots) / np.sin(np.arccos(dots)))[:, None] * (units - dots[:, None] * at)
    assert np.linalg.norm(pulls.sum(0)) < 1e-8


def test_karcher_of_one_of_none_and_of_opposites() -> None:
    assert methods.karcher(np.array([[[4.0]]]), 10, 1e-5).tolist() == [[1.0]]
    assert methods.karcher(np.zeros((1, 2, 2)), 10, 1e-5).tolist() == [[0, 0]]
    silent = np.array([[[4.0, 0.0], [0.0, 0.0]]])  # counts in the mean norm only
    assert methods.karcher(silent, 10, 1e-5).tolist() == [[0.5, 0.0]]
    opposite = np.array([[[4.0, -4.0], [-4.0, 4.0]]])
    assert np.isfinite(methods.karcher(opposite, 10, 1e-5)).all()


def test_sce() -> None:
    assert methods.sce(row(1, 3)).tolist() == [[0.25, 0.75]]
    assert methods.sce(row(1e-8, 3e-8)).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("density", "size", "kept"),
    [(0.0, 5, 0), (1e-9, 5, 1), (0.5, 5, 2), (1.0, 5, 5), (0.2, 1, 1), (0.999, 1000, 999)],
)
def test_ties_kept(density: float, size: int, kept: int) -> None:
    assert methods.ties_kept(row(density), np.array([[size]])).tolist() == [[kept]]


SHARES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))


@given(SHARES, SHARES, st.integers(1, 10_000))
def test_breadcrumbs_kept(density: float, gamma: float, size: int) -> None:
    first, stop = methods.breadcrumbs_kept(row(density), row(gamma), np.array([[size]]))
    assert 0 <= first[0, 0] <= stop[0, 0] <= size
    whole = density == 1
    stay, outliers = math.floor(density * size), math.floor(gamma * size)
    assert stop[0, 0] - first[0, 0] == (size if whole else stay)
    assert whole or size - stop[0, 0] == min(outliers, size - stay)


def test_della_chances() -> None:
    density = np.array([[0.5, 1.0, 0.0, 0.5]])
    epsilon, width = np.full((1, 4), 0.1), np.array([[11]])
    lowest, slope = methods.della_chances(density, epsilon, width)
    assert lowest[0].tolist() == [0.4, 2.0, -1.0, 0.4] and slope[0, 1:3].tolist() == [0, 0]
    assert lowest[0, 0] + 10 * slope[0, 0] == pytest.approx(0.6)
    lowest, slope = methods.della_chances(row(0.5), row(0.1), np.array([[1]]))
    assert (lowest.item(), slope.item()) == (0.5, 0.0)


def test_rescaled() -> None:
    weight, whole = row(2, 2, 2), row(3, 3, 1e-9)
    assert methods.rescaled(weight, whole, row(1, 0, 1)).tolist() == [[6, 2, 2]]
