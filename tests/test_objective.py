from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.objective import Objective, losses
from suite.records.trial import Score

numbers = st.floats(-1e6, 1e6)


@given(ideal=numbers, reference=numbers, score=numbers)
def test_loss_is_zero_at_the_ideal_one_at_the_reference_and_monotone(
    ideal: float, reference: float, score: float
) -> None:
    assume(abs(ideal - reference) > 1e-3)
    direction = "maximize" if ideal > reference else "minimize"
    objective = Objective("o", "e.f", direction, ideal, reference)
    assert objective.loss(ideal) == 0
    assert objective.loss(reference) == pytest.approx(1)
    better = score + (1 if direction == "maximize" else -1)
    assert objective.loss(better) <= objective.loss(score)


@pytest.mark.parametrize(
    ("direction", "ideal", "reference"),
    [
        ("maximize", 1, 1),
        ("maximize", 0, 1),
        ("minimize", 1, 0),
        ("up", 1, 0),
        ("maximize", 1, float("nan")),
    ],
)
def test_impossible_objectives_are_refused(direction: str, ideal: float, reference: float) -> None:
    with pytest.raises(BadInput, match="objective 'o'"):
        Objective("o", "e.f", direction, ideal, reference)  # type: ignore[arg-type]


def test_a_metric_nobody_measures_is_named_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"e\.g.*e\.f"):
        losses([Objective("o", "e.g", "maximize", 1, 0)], {"e.f": Score(0.5, 0.1, 10)})
