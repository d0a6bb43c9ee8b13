from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.records.trial import Score, Trial


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    st.booleans(),
)
def test_a_line_keeps_every_bit(x: list[float], failed: bool) -> None:
    scores = {} if failed else {"e.f": Score.mean([0, 1, 1]), "e.g": Score.mean([0.5, 2.0])}
    status = "failed" if failed else "ok"
    trial = Trial(
        3,
        tuple(x),
        {"method": "ties"},
        status,
        "oom" if failed else None,
        scores,
        (),
        {"total": 1.5},
    )
    assert Trial.from_line(trial.to_line()) == trial


def test_mean_and_standard_error() -> None:
    score = Score.mean([1, 0, 0, 1, 1])
    assert score.value == pytest.approx(0.6)
    assert score.stderr == pytest.approx(math.sqrt(0.6 * 0.4 / 4))
    assert score.n == 5 and score.items == (1, 0, 0, 1, 1)


def test_two_items_are_enough_for_a_standard_error_and_one_is_not() -> None:
    assert Score.mean([0, 1]).stderr == 0.5  # sqrt(0.5) / sqrt(2)
    assert Score.mean([1]) == Score(1.0, 0.0, 1, (1.0,))


def test_binary_outcomes_are_written_as_digits() -> None:
    assert Score.mean([1, 0, 1]).to_json()["items"] == "101"
    assert Score.mean([1, 0.5]).to_json()["items"] == [1, 0.5]


def test_outcomes_that_repeat_are_written_by_code_and_read_back_exactly() -> None:
    score = Score.mean([0, 2 / 3, 1, 2 / 3, 0.4, 0, 2 / 3, 0.4])
    line = json.loads(json.dumps(score.to_json()))
    assert line["items"] == {"values": [0, 0.4, 2 / 3, 1], "codes": "02321021"}
    assert Score.from_json(line) == score
    many = Score.mean([index / 7 for index in range(40)] * 2)
    assert isinstance(many.to_json()["items"], list)
    assert Score.from_json(json.loads(json.dumps(many.to_json()))) == many


@pytest.mark.parametrize("distinct", [35, 36, 37])
def test_outcomes_have_codes_as_long_as_there_are_characters(distinct: int) -> None:
    """0 to 9 and a to z are 36; of one outcome more the items are listed."""
    score = Score.mean([index / 7 for index in range(distinct)] * 3)
    line = json.loads(json.dumps(score.to_json()))
    assert isinstance(line["items"], list) == (distinct > 36)
    assert Score.from_json(line) == score


def test_nan_never_reaches_a_line() -> None:
    with pytest.raises(ValueError):
        Trial(0, (math.nan,), {}, "ok", None, {}, (), {}).to_line()
