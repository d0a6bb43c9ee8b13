"""Holm's adjustment, worked by hand."""

from __future__ import annotations

import math

import pytest

from suite.statistics import multiple


def test_holm_worked_by_hand() -> None:
    assert multiple.holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert multiple.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert multiple.holm([]).size == 0
    with pytest.raises(ValueError, match="p values"):
        multiple.holm([math.nan])
