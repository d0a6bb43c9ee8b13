from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from suite.merging.masks import bounds, keys, random_bits

N = 1 << 18
PLACES = [(0, "w", "a"), (1, "w", "a"), (0, "v", "a"), (0, "w", "b"), (2**63 - 1, "w", "a")]


def bits(seed: int = 0, tensor: str = "w", model: str = "a", n: int = N) -> torch.Tensor:
    return random_bits(keys(seed, tensor, model), 0, n)


def reference(seed: int, tensor: str, model: str, index: int) -> int:
    """The hash in plain Python integers."""
    digest = hashlib.blake2b(f"{seed}\0{tensor}\0{model}".encode(), digest_size=8).digest()
    before, after = (int.from_bytes(part, "little") for part in (digest[:4], digest[4:]))
    x = (index * 0x9E3779B1 + before) % 2**32
    x = ((x ^ x >> 16) * 0x85EBCA6B + after) % 2**32
    x = ((x ^ x >> 13) * 0xC2B2AE35) % 2**32
    return (x ^ x >> 16) % 2**31


@pytest.mark.parametrize("start", [0, 12345, 2**31 - 20, 2**32 - 20])
def test_equals_the_hash_in_plain_integers(start: int) -> None:
    found = random_bits(keys(7, "layer.weight", "japanese"), start, start + 40).tolist()
    assert found == [reference(7, "layer.weight", "japanese", start + i) for i in range(40)]


@pytest.mark.parametrize("chunk", [1, 7, 137, 999])
def test_chunks_and_order_do_not_matter(chunk: int) -> None:
    whole, key = bits(n=1000), keys(0, "w", "a")
    starts = np.random.default_rng(chunk).permutation(range(0, 1000, chunk)).tolist()
    for start in starts:
        stop = min(start + chunk, 1000)
        assert torch.equal(random_bits(key, start, stop), whole[start:stop])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_devices_do_not_matter() -> None:
    key = keys(0, "w", "a")
    assert torch.equal(random_bits(key, 5, N, "cuda").cpu(), random_bits(key, 5, N))


@pytest.mark.parametrize("place", PLACES)
def test_bits_are_uniform(place: tuple[int, str, str]) -> None:
    values = bits(*place).numpy()
    assert values.min() >= 0
    for shift in (0, 8, 16, 23):
        counts = np.bincount(values >> shift & 0xFF, minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-4
    assert stats.kstest(values / 2**31, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("density", [0.0, 0.001, 0.1, 0.5, 0.53, 0.99, 1.0])
def test_kept_share(density: float) -> None:
    kept = int((bits().long() < int(bounds(np.array(density)))).sum())
    assert abs(kept - density * N) <= 5 * np.sqrt(N * density * (1 - density))


def test_bounds() -> None:
    assert bounds(np.array([0.0, 0.5, 1.0, 2.0, -1.0])).tolist() == [0, 2**30, 2**31, 2**31, 0]


def test_what_is_kept_at_a_density_is_kept_at_every_larger_one() -> None:
    values, edges = bits().long(), bounds(np.linspace(0, 1, 9)).tolist()
    for low, high in itertools.pairwise(edges):
        assert not ((values < low) & (values >= high)).any()


@pytest.mark.parametrize("one, two", itertools.combinations(PLACES, 2))
def test_streams_are_independent(one: tuple[int, str, str], two: tuple[int, str, str]) -> None:
    """Of other seeds, tensors and models, and shifted against each other."""
    first, second = bits(*one).numpy() / 2**31, bits(*two).numpy() / 2**31
    for lag in (0, 1, 2, 16, 24, 96, 128):
        correlation = np.corrcoef(first, np.roll(second, lag))[0, 1]
        assert abs(correlation) < 5 / np.sqrt(N)
    table = np.histogram2d(first, second, bins=16)[0]
    assert stats.chisquare(table.ravel()).pvalue > 1e-4


@pytest.mark.parametrize("density", [0.1, 0.5, 0.9])
def test_pairs_of_masks_are_independent(density: float) -> None:
    """Both, one, the other or none kept: p², p(1 − p), (1 − p)p, (1 − p)²."""
    edge = int(bounds(np.array(density)))
    kept = [(bits(*place).numpy() < edge).astype(int) for place in PLACES]
    chances = np.outer([1 - density, density], [1 - density, density]).ravel()
    for one, two in itertools.combinations(kept, 2):
        counts = np.bincount(2 * one + two, minlength=4)
        assert stats.chisquare(counts, chances * N).pvalue > 1e-4
    for lag in (1, 2, 3, 64, 4096):  # and of a mask with itself, shifted
        counts = np.bincount(2 * kept[0][lag:] + kept[0][:-lag], minlength=4)
        assert stats.chisquare(counts, chances * (N - lag)).pvalue > 1e-4


def test_neighbours_are_independent() -> None:
    values = bits().numpy() / 2**31
    for lag in (1, 2, 3, 4, 8, 16, 24, 64, 96, 1024):
        pairs = np.histogram2d(values[:-lag], values[lag:], bins=16)[0]
        assert stats.chisquare(pairs.ravel()).pvalue > 1e-4


def test_runs_of_a_mask_are_geometric() -> None:
    kept = bits().numpy() < 2**30
    lengths = np.diff(np.flatnonzero(np.diff(kept.astype(int)) != 0))
    counts = np.bincount(np.minimum(lengths, 12), minlength=13)[1:]
    chances = np.array([0.5**k for k in range(1, 12)] + [0.5**11])
    assert stats.chisquare(counts, chances * lengths.size).pvalue > 1e-4


def test_nearby_seeds_are_independent() -> None:
    """A parity of 64 seeds' masks at one element is a coin, as is each."""
    kept = np.array([bits(seed, n=4096).numpy() < 2**30 for seed in range(64)])
    assert abs(kept.mean() - 0.5) < 5 * 0.5 / np.sqrt(kept.size)
    assert abs((kept.sum(0) % 2).mean() - 0.5) < 5 * 0.5 / np.sqrt(4096)
    correlations = np.corrcoef(kept)[np.triu_indices(64, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4096)


def test_streams_are_no_permutations_of_each_other() -> None:
    """Two streams share as many values as chance gives them, about N² / 2³¹ = 32."""
    shared = np.intersect1d(bits().numpy(), bits(model="b").numpy()).size
    assert shared < 100


def test_names_do_not_run_together() -> None:
    assert len({keys(1, "2", "3"), keys(12, "", "3"), keys(1, "23", ""), keys(1, "", "23")}) == 4
