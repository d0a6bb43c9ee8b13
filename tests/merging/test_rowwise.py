from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from suite.merging import rowwise

A, B, BASE = (torch.randn(6, 9, generator=torch.Generator().manual_seed(seed)) for seed in range(3))


def arc(a: torch.Tensor, b: torch.Tensor, t: float) -> Any:
    x, y = a.double().numpy(), b.double().numpy()
    theta = np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    return (np.sin((1 - t) * theta) * x + np.sin(t * theta) * y) / np.sin(theta)


@pytest.mark.parametrize("base", [None, BASE])
@pytest.mark.parametrize("by", ["last", "first"])
def test_nuslerp_takes_each_vectors_own_angle(base: torch.Tensor | None, by: str) -> None:
    found = rowwise.nuslerp(base, [A, B], [1.0, 3.0], by)
    zero = torch.zeros_like(A) if base is None else base
    a, b, c, out = (t if by == "last" else t.T for t in (A - zero, B - zero, zero, found))
    want = [arc(x, y, 0.75) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(out.numpy(), np.array(want) + c.numpy(), atol=1e-5)


def test_nuslerp_of_a_vector_of_parallels_and_of_weights_that_cancel() -> None:
    for by in ("last", "first"):  # a vector is one row either way
        found = rowwise.nuslerp(None, [A[0], B[0]], [1.0, 3.0], by)
        np.testing.assert_allclose(found.numpy(), arc(A[0], B[0], 0.75), atol=1e-5)
    twice = rowwise.nuslerp(None, [A[:1], A[:1]], [1.0, 3.0], "last")
    assert torch.allclose(twice, A[:1])
    assert torch.equal(rowwise.nuslerp(None, [A, A * 0], [0.0, 0.0], "last").isnan().any(), NO)
    middle = rowwise.nuslerp(None, [A, B], [1.0, -1.0], "last")
    assert torch.allclose(middle, rowwise.nuslerp(None, [A, B], [2.0, 2.0], "last"))


NO = torch.tensor(False)


def test_model_stock_takes_each_rows_own_share() -> None:
    found = rowwise.model_stock(BASE, [A, B])
    for row, base, one, two in zip(found, BASE, A, B, strict=True):
        x, y = (one - base).double().numpy(), (two - base).double().numpy()
        cosine = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
        t = 2 * cosine / (1 + cosine)
        want = base.double().numpy() + t * (x + y) / 2
        np.testing.assert_allclose(row.numpy(), want, atol=1e-5)


def test_model_stock_of_a_vector_and_of_opposites() -> None:
    whole, row = rowwise.model_stock(BASE[0], [A[0], B[0]]), rowwise.model_stock(BASE, [A, B])[0]
    assert torch.allclose(whole, row, atol=1e-6)
    ones = torch.ones(2, 4)
    found = rowwise.model_stock(0 * ones, [ones, torch.stack([ones[0], -ones[1]])])
    assert found.tolist() == [[1.0] * 4, [0.0] * 4]  # opposite rows: the base is kept
