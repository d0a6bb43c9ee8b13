"""The benchmark's words on the order of strategies follow from the hypervolumes alone."""

from __future__ import annotations

import numpy as np
import pytest
import tabular as benchmark


def values(*means: float, spread: float = 0.01, seeds: int = 8) -> dict[str, np.ndarray]:
    steps = np.linspace(-spread, spread, seeds)
    return {name: mean + steps for name, mean in zip("abc", means, strict=False)}


def verdicts(found: dict[str, object]) -> list[str]:
    return [pair["verdict"] for pair in found["pairs"]]  # type: ignore[attr-defined]


def test_equal_orders_agree_whatever_the_levels() -> None:
    found = benchmark.compared(values(0.1, 0.2, 0.3), values(0.5, 0.6, 0.9, seeds=20))
    assert found["tau"] == 1 and found["tau_interval"] == [1, 1] and found["real_order"] == 1
    assert verdicts(found) == ["agree"] * 3
    assert found["real"]["a"]["seeds"] == 8 and found["surrogate"]["a"]["seeds"] == 20
    (low, high), mean = found["real"]["b"]["interval"], found["real"]["b"]["mean"]
    assert mean == pytest.approx(0.2) and low < mean < high


def test_an_order_turned_round_contradicts() -> None:
    found = benchmark.compared(values(0.1, 0.2, 0.3), values(0.3, 0.2, 0.1))
    assert found["tau"] == -1 and found["real_order"] == 0
    assert verdicts(found) == ["contradict"] * 3


def test_what_is_not_sure_is_not_claimed() -> None:
    found = benchmark.compared(values(0.1, 0.2, 0.201), values(0.1, 0.2, 0.3))
    assert verdicts(found) == ["agree", "agree", "not resolved: real"]
    assert found["tau_interval"][0] < found["tau"] == 1
    assert found["among_real_mean"] < 1


def test_candidates_to_measure_are_spread_over_the_front() -> None:
    t = np.linspace(0, 1, 11)
    losses = np.vstack([np.stack([t, 1 - t], axis=1), [[0.9, 0.9]]])
    assert benchmark._spread(losses, 3) == [0, 5, 10]
    assert benchmark._spread(losses[:2], 8) == [0, 1]
