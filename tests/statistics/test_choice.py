"""What three rules choose of many merges, and which trials they are asked of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from suite.statistics import choice, pareto

NAMES = ["maths", "general"]
LOSSES = st.lists(st.tuples(*[st.integers(0, 9)] * 2), min_size=1, max_size=25)


@given(LOSSES)
def test_every_choice_is_as_good_as_any_by_its_own_rule(points: list[tuple[int, int]]) -> None:
    losses = {7 * number: (a / 10, b / 10) for number, (a, b) in enumerate(points)}
    chosen = choice.choose(losses, NAMES)
    assert list(chosen) == ["best maths", "best general", "knee", "utility"]
    for rule, number in chosen.items():
        values = {n: choice.loss(rule, row, NAMES) for n, row in losses.items()}
        if rule == "knee":
            front = pareto.front(list(losses.values()))
            assert number in {7 * index for index in front}
            continue
        best = min(values.values())
        equals = {n: np.mean(losses[n]) for n, value in values.items() if value == best}
        assert number == min(n for n, mean in equals.items() if mean == min(equals.values()))


def test_one_objective_has_one_rule() -> None:
    assert choice.choose({3: [0.2], 1: [0.2], 9: [0.4]}, ["maths"]) == {"best maths": 1}


@given(LOSSES, st.integers(1, 6))
def test_candidates_are_the_front_and_the_best_of_each_objective(
    points: list[tuple[int, int]], best: int
) -> None:
    F = np.array(points, dtype=float)
    F[::4] = np.nan
    found = choice.candidates(F, best)
    alive = [n for n in range(len(F)) if n % 4]
    assert found == sorted(set(found)) and set(found) <= set(alive)
    assert set(pareto.front(F).tolist()) <= set(found)
    for column in range(2):
        worst = sorted(F[alive, column])[: min(best, len(alive))]
        assert sorted(F[found, column])[: len(worst)] == worst


def test_failed_trials_alone_give_no_candidate() -> None:
    assert choice.candidates(np.full((3, 2), np.nan)) == []


def in_the_plane(F: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Distance towards the ideal of the rows of F from the line through two extremes, by areas."""
    a, b = F[F[:, 0].argmin()], F[F[:, 1].argmin()]
    cross = (b - a)[0] * (F - a)[:, 1] - (b - a)[1] * (F - a)[:, 0]
    return np.asarray(-cross / np.linalg.norm(b - a))


@given(
    st.lists(st.tuples(*[st.integers(0, 50)] * 2), min_size=1, max_size=30),
    st.tuples(*[st.floats(0.01, 100)] * 2),
)
def test_two_losses_match_the_triangles_area_whatever_their_units(
    points: list[tuple[int, int]], units: tuple[float, float]
) -> None:
    F = np.array(points, dtype=float) / 50
    index, below = choice.knee(F)
    front = pareto.front(F)
    assert index in front
    if len(front) > 1:
        expected = in_the_plane(F[front])
        assert below == pytest.approx(expected.max(), abs=1e-9)
        assert in_the_plane(np.vstack([F[front], F[index]]))[-1] == pytest.approx(below, abs=1e-9)
        again, _ = choice.knee(F * units)
        assert in_the_plane(np.vstack([F[front], F[again]]))[-1] == pytest.approx(below, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), min_size=1, max_size=25))
@example([(5, 0), (2, 1), (0, 5), (1, 2)])  # (2, 1) was deeper by 1e-17
def test_of_equally_deep_points_the_nearest_to_the_ideal_counts(
    points: list[tuple[int, int]],
) -> None:
    # shares of 360 and 280 items: depths that are equal differ by rounding
    F = np.array([(a / 360 + 0.6, b / 280 + 0.1) for a, b in points])
    index, below = choice.knee(F)
    front = F[pareto.front(F)]
    if len(front) > 1 and below > 0:
        deepest = front[in_the_plane(front) > below - 1e-9]
        assert np.linalg.norm(F[index]) == pytest.approx(np.linalg.norm(deepest, axis=1).min())


def test_three_losses_by_the_plane_through_the_extremes() -> None:
    F = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0.5, 0.5, 0.4], [0.3, 0.6, 0.6], [1, 1, 1]])
    # the extremes span f1 + f2 + f3 = 2; 1.4 is farther below than 1.5
    index, below = choice.knee(F)
    assert index == 3 and below == pytest.approx(0.6 / np.sqrt(3))
    assert choice.knee(F * [1, 10, 0.1])[0] == 3


def test_three_losses_against_a_plane_by_determinants() -> None:
    rng = np.random.default_rng(0)
    raw = rng.random((200, 3))
    F = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    F = 1 - np.vstack([F * rng.uniform(0.9, 1.0, (200, 1)), 0.99 * (1 - np.eye(3)) / 2**0.5])
    front = F[pareto.front(F)]
    a, b, c = (front[front[:, i].argmin()] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal *= np.sign(normal.sum())
    index, below = choice.knee(F)
    if (normal > 0).all():
        expected = (a - front) @ normal / np.linalg.norm(normal)
        assert below == pytest.approx(expected.max())
        assert (F[index] == front[expected.argmax()]).all()
    else:
        pytest.fail("the example must span a plane that faces the ideal")


@pytest.mark.parametrize(
    "F",
    [
        [[0.3, 0.4, 0.5]],  # one point
        [[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]],  # one loss the same everywhere
        [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.4, 0.4, 0.4]],  # one point is two extremes
        [[0.0, 0.2, 1.0], [0.2, 0.0, 1.0], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]],
    ],
)
def test_degenerate_fronts_have_an_answer_on_the_front(F: list[list[float]]) -> None:
    index, below = choice.knee(F)
    assert index in pareto.front(F) and np.isfinite(below) and below >= 0
