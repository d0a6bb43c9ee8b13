from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import pareto
from suite.errors import BadInput
from suite.export import pick
from suite.trial import Trial


def trial(number: int, *losses: float) -> Trial:
    status = "ok" if losses else "failed"
    error = None if losses else "MergeFailure: NaN"
    return Trial(number, (), {}, status, error, {}, losses, {})  # type: ignore[arg-type]


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
    index, below = pick.knee(F)
    front = pareto.front(F)
    assert index in front
    if len(front) > 1:
        expected = in_the_plane(F[front])
        assert below == pytest.approx(expected.max(), abs=1e-9)
        assert in_the_plane(np.vstack([F[front], F[index]]))[-1] == pytest.approx(below, abs=1e-9)
        again, _ = pick.knee(F * units)
        assert in_the_plane(np.vstack([F[front], F[again]]))[-1] == pytest.approx(below, abs=1e-9)


def test_three_losses_by_the_plane_through_the_extremes() -> None:
    F = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0.5, 0.5, 0.4], [0.3, 0.6, 0.6], [1, 1, 1]])
    # the extremes span f1 + f2 + f3 = 2; 1.4 is farther below than 1.5
    index, below = pick.knee(F)
    assert index == 3 and below == pytest.approx(0.6 / np.sqrt(3))
    assert pick.knee(F * [1, 10, 0.1])[0] == 3


def test_three_losses_against_a_plane_by_determinants() -> None:
    rng = np.random.default_rng(0)
    raw = rng.random((200, 3))
    F = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    F = 1 - np.vstack([F * rng.uniform(0.9, 1.0, (200, 1)), 0.99 * (1 - np.eye(3)) / 2**0.5])
    front = F[pareto.front(F)]
    a, b, c = (front[front[:, i].argmin()] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal *= np.sign(normal.sum())
    index, below = pick.knee(F)
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
    index, below = pick.knee(F)
    assert index in pareto.front(F) and np.isfinite(below) and below >= 0


def test_a_front_without_a_knee_says_so_and_takes_the_extreme_nearest_the_ideal() -> None:
    found = pick.at_knee([trial(0, 0.0, 1.0), trial(1), trial(2, 0.8, 0.1), trial(3, 0.5, 0.9)], 2)
    assert found.trial.number == 2 and found.why.startswith("no knee")
    bulged = pick.at_knee([trial(0, 0.0, 1.0), trial(1, 1.0, 0.0), trial(2, 0.2, 0.3)], 2)
    assert bulged.trial.number == 2 and bulged.split == "search"
    assert "0.354 (in losses) below" in bulged.why  # 0.5 / sqrt 2


def test_best_is_decided_by_the_select_items_where_there_are_any() -> None:
    trials = [trial(0, 0.5, 0.1), trial(1, 0.2, 0.9), trial(2), trial(3, 0.2, 0.3)]
    names = ["maths", "general"]
    found = pick.best(trials, names, "maths", {})
    assert (found.trial.number, found.split) == (1, "search") and "not judged" in found.why
    found = pick.best(trials, names, "maths", {3: [0.4, 0.4], 0: [0.3, 0.5]})
    assert (found.trial.number, found.split) == (0, "select") and "2 trials" in found.why
    assert pick.best(trials, names, "general", {}).trial.number == 0


@pytest.mark.parametrize(
    ("number", "said"), [(4, "holds 0 to 3"), (-1, "no trial -1"), (2, "trial 2 failed (Merge")]
)
def test_a_trial_that_cannot_be_had_is_refused(number: int, said: str) -> None:
    trials = [trial(0, 0.5), trial(1, 0.2), trial(2), trial(3, 0.2)]
    with pytest.raises(BadInput) as refused:
        pick.numbered(trials, number)
    assert said in str(refused.value)


def test_nothing_to_pick_from() -> None:
    for trials in ([], [trial(0)]):
        with pytest.raises(BadInput, match="nothing to export"):
            pick.at_knee(trials, 2)
        with pytest.raises(BadInput, match="nothing to export"):
            pick.best(trials, ["a"], "a", {})
    with pytest.raises(BadInput, match="no objective 'b'; there are a"):
        pick.best([trial(0, 0.1)], ["a"], "b", {})
