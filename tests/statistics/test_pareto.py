"""Fronts and hypervolume against definitions computed by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from suite.statistics import pareto

# A coarse grid makes ties and duplicates common.
LOSSES = st.integers(1, 3).flatmap(
    lambda m: arrays(
        float,
        st.tuples(st.integers(0, 9), st.just(m)),
        elements=st.sampled_from([-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, math.nan, math.inf]),
    )
)


def dominated_cells(F: np.ndarray) -> float:
    """Share of the unit box's cells of edge 1/4 that a row dominates; exact on the grid above."""
    centres = np.stack(
        np.meshgrid(*[np.arange(0.125, 1, 0.25)] * F.shape[1], indexing="ij"), axis=-1
    ).reshape(-1, F.shape[1])
    rows = F[np.isfinite(F).all(axis=1)]
    return float(np.mean([(rows <= centre).all(axis=1).any() for centre in centres]))


@settings(max_examples=150)
@given(LOSSES)
def test_front_is_what_no_row_dominates(F: np.ndarray) -> None:
    finite = [i for i in range(len(F)) if np.isfinite(F[i]).all()]
    expected = [
        i
        for i in finite
        if not any((F[j] <= F[i]).all() and (F[j] < F[i]).any() for j in finite)
        and not any((F[j] == F[i]).all() for j in finite if j < i)
    ]
    assert pareto.front(F).tolist() == expected


@settings(max_examples=150)
@given(LOSSES)
def test_hypervolume_counts_the_dominated_cells(F: np.ndarray) -> None:
    assert pareto.hypervolume(F) == pytest.approx(dominated_cells(F))


@settings(max_examples=100)
@given(LOSSES)
def test_anytime_is_the_hypervolume_of_every_prefix(F: np.ndarray) -> None:
    before = F.copy()
    expected = [pareto.hypervolume(F[: k + 1]) for k in range(len(F))]
    np.testing.assert_allclose(pareto.anytime_hypervolume(F), expected, atol=1e-12)
    np.testing.assert_array_equal(F, before)


def test_anytime_on_many_smooth_points_never_decreases() -> None:
    F = np.random.default_rng(1).random((300, 3)) * 1.2
    curve = pareto.anytime_hypervolume(F)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == pytest.approx(pareto.hypervolume(F), abs=1e-12)


def test_losses_below_zero_do_not_push_the_share_over_one() -> None:
    assert pareto.hypervolume([[-3.0, -1.0]]) == 1.0
    assert pareto.hypervolume([[-3.0, 0.5]]) == 0.5


def test_a_nan_row_changes_nothing_wherever_it_stands() -> None:
    clean = [[0.2, 0.8], [0.8, 0.2], [0.9, 0.9]]
    for place in range(4):
        F = [*clean[:place], [math.nan, 0.0], *clean[place:]]
        kept = [F[i] for i in pareto.front(F)]
        assert kept == clean[:2]
        assert pareto.hypervolume(F) == pareto.hypervolume(clean)


def test_nothing_gives_nothing() -> None:
    empty = np.empty((0, 2))
    assert pareto.front(empty).tolist() == []
    assert pareto.hypervolume(empty) == 0.0
    assert pareto.anytime_hypervolume(empty).shape == (0,)
    assert pareto.box_distance(empty).shape == (0,)
    assert pareto.attainment([]).shape == (0, 2)


def test_a_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted"):
        pareto.hypervolume([0.1, 0.2])


def test_distance_to_the_box_shrinks_to_zero() -> None:
    F = [[math.nan, 0.0], [4.0, 5.0], [1.0, 1.3], [9.0, 9.0], [0.5, 0.5]]
    assert pareto.box_distance(F).tolist() == [
        math.inf,
        5.0,
        pytest.approx(0.3),
        pytest.approx(0.3),
        0,
    ]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 1.0])
def test_attainment_surface_separates_what_enough_fronts_attain(share: float) -> None:
    rng = np.random.default_rng(3)
    fronts = [rng.random((6, 2)) for _ in range(5)]
    surface = pareto.attainment(fronts, share)
    for point in rng.random((400, 2)):
        attained = np.mean([(front <= point).all(axis=1).any() for front in fronts])
        assert (surface <= point).all(axis=1).any() == (attained >= share - 1e-9)


def test_fronts_without_a_point_count_as_attaining_nothing() -> None:
    one = [[0.5, 0.5]]
    assert pareto.attainment([one, [[math.nan, 1.0]]], 0.5).tolist() == one
    assert pareto.attainment([one, [[math.nan, 1.0]]], 1.0).shape == (0, 2)


def fronts(seed: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((12, m)), rng.random((20, m)) * 0.9


@pytest.mark.parametrize("m", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_pymoo_agrees_on_every_indicator_that_it_has(seed: int, m: int) -> None:
    from pymoo.indicators.hv import HV
    from pymoo.indicators.igd_plus import IGDPlus

    F, reference = fronts(seed, m)
    assert pareto.hypervolume(F) == pytest.approx(HV(ref_point=np.ones(m))(F))
    assert pareto.igd_plus(F, reference) == pytest.approx(IGDPlus(reference)(F))


@pytest.mark.parametrize("m", [1, 2, 3])
def test_epsilon_and_igd_plus_by_definition(m: int) -> None:
    F, reference = fronts(9, m)
    gaps = F[None, :, :] - reference[:, None, :]
    assert pareto.epsilon(F, reference) == pytest.approx(gaps.max(axis=2).min(axis=1).max())
    distances = np.linalg.norm(np.maximum(gaps, 0), axis=2).min(axis=1)
    assert pareto.igd_plus(F, reference) == pytest.approx(distances.mean())
    assert pareto.epsilon(reference, reference) == 0.0
    assert pareto.igd_plus(reference - 0.1, reference) == 0.0
    assert pareto.epsilon(reference - 0.1, reference) == pytest.approx(-0.1)


def test_failed_rows_do_not_change_an_indicator_and_nothing_has_none() -> None:
    F, reference = fronts(3, 2)
    torn = np.vstack([[math.nan, 0.0], F, [math.inf, 0.1]])
    assert pareto.igd_plus(torn, reference) == pareto.igd_plus(F, reference)
    assert pareto.epsilon(torn, reference) == pareto.epsilon(F, reference)
    with pytest.raises(ValueError, match="no finite row"):
        pareto.epsilon([[math.nan, 1.0]], reference)


@settings(max_examples=100)
@given(LOSSES)
def test_the_pessimistic_front_dominates_nothing(F: np.ndarray) -> None:
    finite = [i for i in range(len(F)) if np.isfinite(F[i]).all()]
    expected = [
        i
        for i in finite
        if not any((F[i] <= F[j]).all() and (F[i] < F[j]).any() for j in finite)
        and not any((F[j] == F[i]).all() for j in finite if j < i)
    ]
    assert pareto.pessimistic(F).tolist() == expected


def test_attainment_difference_counts_the_fronts_that_attain() -> None:
    rng = np.random.default_rng(4)
    a, b = ([rng.random((k, 2)) for k in sizes] for sizes in ((3, 1, 6, 4), (2, 5, 5, 0)))
    found = pareto.attainment_difference(a, b)
    for point in rng.random((400, 2)) * 1.5:
        shares = [np.mean([(f <= point).all(axis=1).any() for f in side]) for side in (a, b)]
        inside = (found[:, :2] <= point).all(axis=1) & (point < found[:, 2:4]).all(axis=1)
        assert inside.sum() <= 1
        assert found[inside, 4].sum() == pytest.approx(shares[0] - shares[1])


def test_attainment_difference_mirrors_and_refuses_unequal_sides() -> None:
    a, b = [[[0.2, 0.8]], [[0.5, 0.5]]], [[[0.3, 0.6]], [[0.9, 0.1]]]
    forth, back = pareto.attainment_difference(a, b), pareto.attainment_difference(b, a)
    order = [np.lexsort(found[:, :4].T) for found in (forth, back)]
    np.testing.assert_array_equal(forth[order[0], :4], back[order[1], :4])
    np.testing.assert_array_equal(forth[order[0], 4], -back[order[1], 4])
    assert pareto.attainment_difference([[[math.nan, 1.0]]], [[[math.nan, 1.0]]]).shape == (0, 5)
    with pytest.raises(ValueError, match="2 fronts against 1"):
        pareto.attainment_difference(a, b[:1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        arrays(
            float,
            st.tuples(st.integers(0, 3), st.just(2)),
            elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, math.nan]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_fronts_do_not_differ_from_themselves_in_any_order(fronts: list[np.ndarray]) -> None:
    assert pareto.attainment_difference(fronts, fronts[::-1]).shape == (0, 5)


def test_other_fronts_that_attain_as_often_do_not_differ_either() -> None:
    """One attains what either of two attains, the other what both attain."""
    a = [[[0.2, 0.6]], [[0.6, 0.2]]]
    b = [[[0.2, 0.6], [0.6, 0.2]], [[0.6, 0.6]]]
    assert pareto.attainment_difference(a, b).shape == (0, 5)
