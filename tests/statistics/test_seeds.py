"""The test of values paired by seed."""

from __future__ import annotations

from suite.statistics import seeds


def test_one_pair_or_none_that_differs_proves_nothing() -> None:
    assert seeds.paired_seeds([0.7], [0.2]) == 1.0
    assert seeds.paired_seeds([0.7, 0.4], [0.2, 0.4]) == 1.0
    assert seeds.paired_seeds([], []) == 1.0
