"""What optimizers are told: a failure is worse than every measured loss, and useful losses stay."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from suite.records.penalty import PENALTY, penalised_losses, penalty
from suite.records.trial import Trial

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def trial(*losses: float) -> Trial:
    return Trial(0, (), {}, "ok" if losses else "failed", None, {}, losses, {})


@given(FINITE, FINITE)
def test_a_failure_is_told_as_worse_than_every_measured_loss(one: float, other: float) -> None:
    told = penalised_losses(trial(one, other), 2)
    assert np.isfinite(told).all()
    assert (told < penalised_losses(trial(), 2)).all()
    assert (told[0] <= told[1]) if one <= other else (told[0] >= told[1])


@given(st.floats(-1e9, PENALTY / 2))
def test_losses_of_any_use_are_told_bit_for_bit(loss: float) -> None:
    assert penalised_losses(trial(loss), 1)[0].tobytes() == np.float64(loss).tobytes()


def test_losses_beyond_are_bent_and_stay_apart() -> None:
    given = [499.0, 500.0, 501.0, 999.0, 1000.0, 1e4, 1e9]
    told = penalised_losses(trial(*given), len(given))
    assert (np.diff(told) > 0).all() and told[4] == 750 and told[-1] < PENALTY


def test_a_failure_is_finite_in_every_objective() -> None:
    assert penalty(3).tolist() == [1e3] * 3
