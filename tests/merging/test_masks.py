from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from suite.merging.masks import bound, random_bits

N = 1 << 18


def bits(seed: int = 0, tensor: str = "w", model: str = "a", n: int = N) -> torch.Tensor:
    return random_bits(seed, tensor, model, 0, n)


def reference(seed: int, tensor: str, model: str, index: int) -> int:
    """The hash in plain Python integers."""
    import hashlib

    digest = hashlib.blake2b(f"{seed}\0{tensor}\0{model}".encode(), digest_size=8).digest()
    before, after = (int.from_bytes(part, "little") for part in (digest[:4], digest[4:]))
    x = (index * 0x9E3779B1 + before) % 2**32
    x = ((x ^ x >> 16) * 0x85EBCA6B + after) % 2**32
    x = ((x ^ x >> 13) * 0xC2B2AE35) % 2**32
    return (x ^ x >> 16) % 2**31


def test_equals_the_hash_in_plain_integers() -> None:
    start = 2**31 - 20
    found = random_bits(7, "layer.weight", "japanese", start, start + 40).tolist()
    assert found == [reference(7, "layer.weight", "japanese", start + i) for i in range(40)]


def test_chunks_and_order_do_not_matter() -> None:
    whole = bits(n=1000)
    parts = [random_bits(0, "w", "a", i, min(i + 137, 1000)) for i in range(0, 1000, 137)]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_devices_do_not_matter() -> None:
    assert torch.equal(random_bits(0, "w", "a", 5, N, "cuda").cpu(), random_bits(0, "w", "a", 5, N))


@pytest.mark.parametrize("seed", range(4))
def test_bits_are_uniform(seed: int) -> None:
    values = bits(seed).numpy()
    assert values.min() >= 0
    for shift in (0, 8, 16, 23):
        counts = np.bincount(values >> shift & 0xFF, minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-4
    assert stats.kstest(values / 2**31, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("density", [0.001, 0.1, 0.5, 0.53, 0.99])
def test_kept_share(density: float) -> None:
    kept = int((bits() < bound(density)).sum())
    assert abs(kept - density * N) < 5 * np.sqrt(N * density * (1 - density))


def test_bounds_at_the_ends() -> None:
    assert bound(0.0) == 0 and bound(1.0) == 2**31 - 1


@pytest.mark.parametrize("other", [{"seed": 1}, {"tensor": "v"}, {"model": "b"}])
def test_streams_are_independent(other: dict[str, int | str]) -> None:
    one = bits().numpy() / 2**31
    two = bits(**other).numpy() / 2**31  # type: ignore[arg-type]
    for lag in (0, 1, 2, 16, 24, 96, 128):
        correlation = np.corrcoef(one, np.roll(two, lag))[0, 1]
        assert abs(correlation) < 5 / np.sqrt(N)
    table = np.histogram2d(one, two, bins=16)[0]
    assert stats.chisquare(table.ravel()).pvalue > 1e-4


def test_neighbours_are_independent() -> None:
    values = bits().numpy() / 2**31
    for lag in (1, 2, 3, 4, 8, 16, 24, 64, 96, 1024):
        pairs = np.histogram2d(values[:-lag], values[lag:], bins=16)[0]
        assert stats.chisquare(pairs.ravel()).pvalue > 1e-4


def test_streams_are_no_permutations_of_each_other() -> None:
    """Two streams share as many values as chance gives them, about N² / 2³¹ = 32."""
    shared = np.intersect1d(bits().numpy(), bits(model="b").numpy()).size
    assert shared < 100
