"""What depends on the sources alone, computed once: orders of magnitudes, inner products, norms."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suite.merging.plan import Edges
from suite.merging.sources import Sources

ABOVE = 0x7FFFFFFF  # bits above those of any finite magnitude
_CHUNK = 1 << 22  # elements made float64 at a time
Array = NDArray[Any]


class Tables:
    """Facts about `sources`, kept once asked for, and in the folder `cache` if there is one.

    Host memory: 4 bytes per parameter for each order (TIES: one per model), 2 for each model's
    ranks (DELLA), else a few numbers per tensor. In `cache` a table's name is a hash of its kind
    and of the weight files; tables found there are mapped, not read.
    """

    def __init__(self, sources: Sources, cache: Path | None = None) -> None:
        self.sources, self.layout, self._cache = sources, sources.layout, cache
        self._kept: dict[tuple[object, ...], Array] = {}
        segments = self.layout.segments
        self.starts = np.array([segment.start for segment in segments])
        self.sizes = np.array([segment.size for segment in segments])

    def gram(self, models: tuple[str, ...], base: str | None = None) -> Array:
        """Inner products (segments, K, K), float64, of the models, or of their task vectors."""

        def build() -> Array:
            found = np.zeros((len(self.sizes), len(models), len(models)))
            for index, part in self._chunks():
                block = torch.stack([self.sources.vector(base, m, part) for m in models]).double()
                found[index] += (block @ block.T).cpu().numpy()
            return found

        return self._table(("gram", base, *models), build)

    def l1_norms(self, base: str, model: str) -> Array:
        """Σ |d| of each tensor, (segments,), float64."""

        def build() -> Array:
            found = np.zeros(len(self.sizes))
            for index, part in self._chunks():
                vector = self.sources.vector(base, model, part)
                found[index] += float(vector.abs().sum(dtype=torch.float64))
            return found

        return self._table(("l1", base, model), build)

    def smallest(self, base: str, model: str, kept: Array, places: Array) -> Edges:
        """What |d| must reach to be among the `kept` (S,) largest of the tensors at `places`.

        Of equal magnitudes the first ones stay.
        """
        order = self._order(base, model, ascending=False)
        return self._edge((base, model), order, places, kept - 1, "first", none=kept <= 0)

    def from_rank(self, base: str, model: str, rank: Array, places: Array) -> Edges:
        """What |d| must reach to have at least the ascending `rank` (S,) in the tensors at `places`.

        Of equal magnitudes the last ones rank highest.
        """
        order = self._order(base, model, ascending=True)
        none = rank >= self.sizes[places]
        return self._edge((base, model), order, places, rank, "last", none)

    def most_varied(self, base: str, models: tuple[str, ...], share: Array, places: Array) -> Edges:
        """What the variance of the d_i must reach to be among the ⌊share · nonzero⌋ largest."""
        order = self._variance_order(base, models)
        nonzero = self._table(
            ("nonzero", base, *models),
            lambda: np.array([np.count_nonzero(b) for b in self._variance_bits(base, models)]),
        )
        # mergekit multiplies a count by a share in float32; one element hangs on it
        product = share.astype(np.float32) * nonzero[places].astype(np.float32)
        kept = np.floor(product).astype(np.int64)
        return self._edge((base, *models), order, places, kept - 1, "first", kept <= 0)

    def row_ranks(self, base: str, model: str) -> Array:
        """Rank of each |d| within its row, 0 for the smallest, uint16, (layout.size,).

        Of equal magnitudes the first ranks lowest. A vector is one row; rows of more than 65,536
        elements are beyond what any published architecture has.
        """

        def build() -> Array:
            ranks = np.zeros(self.layout.size, np.uint16)
            for segment in self.layout.segments:
                if segment.size:
                    width = segment.shape[-1] if segment.shape else 1
                    part = slice(segment.start, segment.stop)
                    bits = _bits(self.sources.vector(base, model, part)).reshape(-1, width)
                    place = np.broadcast_to(np.arange(width, dtype=np.uint16), bits.shape)
                    np.put_along_axis(ranks[part].reshape(bits.shape), _sorted(bits), place, 1)
            return ranks

        return self._table(("ranks", base, model), build)

    def _order(self, base: str, model: str, ascending: bool) -> Array:
        """Places of a tensor's elements by |d|, int32, (layout.size,); equal ones by index."""

        def build() -> Array:
            order = np.zeros(self.layout.size, np.int32)
            for segment in self.layout.segments:
                part = slice(segment.start, segment.stop)
                bits = _bits(self.sources.vector(base, model, part))
                order[part] = _sorted(bits if ascending else ABOVE - bits)
            return order

        return self._table(("ascending" if ascending else "descending", base, model), build)

    def _variance_order(self, base: str, models: tuple[str, ...]) -> Array:
        def build() -> Array:
            order = np.zeros(self.layout.size, np.int32)
            bits = self._variance_bits(base, models)
            for segment, found in zip(self.layout.segments, bits, strict=True):
                order[segment.start : segment.stop] = _sorted(ABOVE - found)
            return order

        return self._table(("variance", base, *models), build)

    def _variance_bits(self, base: str, models: tuple[str, ...]) -> Iterator[Array]:
        for segment in self.layout.segments:
            part = slice(segment.start, segment.stop)
            yield _bits(variance([self.sources.vector(base, m, part) for m in models]))

    def _edge(
        self,
        models: tuple[str, ...],
        order: Array,
        places: Array,
        rank: Array,
        ties: str,
        none: Array,
    ) -> Edges:
        """The magnitude at `rank` of each order; `ties` says which of equal ones reach the edge."""
        starts, sizes = self.starts[places], self.sizes[places]
        inside = np.clip(rank, 0, np.maximum(sizes - 1, 0))
        last = max(len(order) - 1, 0)  # an empty tensor at the end has no element to point to
        at = order[np.minimum(starts + inside, last)].astype(np.int64)
        picked = torch.from_numpy(np.minimum(starts + at, last))
        base, *others = models
        flats = [self.sources.flat(m) for m in (base, *others)]
        low, *found = [flat[picked.to(flat.device)].float() for flat in flats]
        vectors = [each - low for each in found]
        bits = _bits(vectors[0] if len(vectors) == 1 else variance(vectors))
        bits = np.where(none, ABOVE, bits).astype(np.int32)
        if ties == "first":
            return Edges(at + 1, bits, np.where(none, bits, bits + (bits < ABOVE)).astype(np.int32))
        return Edges(at, np.where(none, bits, bits + (bits < ABOVE)).astype(np.int32), bits)

    def _chunks(self) -> Iterator[tuple[int, slice]]:
        for index, segment in enumerate(self.layout.segments):
            for start in range(segment.start, segment.stop, _CHUNK):
                yield index, slice(start, min(start + _CHUNK, segment.stop))

    def _table(self, key: tuple[object, ...], build: Callable[[], Array]) -> Array:
        if key not in self._kept:
            self._kept[key] = self._stored(key, build)
        return self._kept[key]

    def _stored(self, key: tuple[object, ...], build: Callable[[], Array]) -> Array:
        digests = [self.sources.digests.get(str(name)) for name in key[1:] if name is not None]
        if self._cache is None or not all(digests):
            return build()
        shape = [(segment.name, segment.shape) for segment in self.layout.segments]
        about = (key[0], key[1] is None, shape, *(digest.hex for digest in digests if digest))
        path = self._cache / f"{hashlib.sha256(repr(about).encode()).hexdigest()[:32]}.npy"
        if not path.is_file():
            self._cache.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")
            with draft.open("wb") as file:
                np.save(file, build(), allow_pickle=False)
            draft.replace(path)
        found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return found


def variance(vectors: list[torch.Tensor]) -> torch.Tensor:
    """Variance over the models of each element, Σ (d_i − mean d)² / K, term by term."""
    away, count = torch.zeros_like(vectors[0]), vectors[0].new_full((), len(vectors))
    for vector in vectors[1:]:
        away += vector - vectors[0]  # from the first: equal ones then have variance 0
    mean = vectors[0] + away.div_(count)  # by a tensor: a GPU would multiply by a number's inverse
    total = torch.zeros_like(mean)
    for vector in vectors:
        total += (vector - mean).square_()
    return total.div_(count)


def _bits(vector: torch.Tensor) -> Array:
    """The bits of |d| as int32: ordered like |d|."""
    bits: Array = vector.abs().contiguous().view(torch.int32).cpu().numpy()
    return bits


def _sorted(bits: Array) -> Array:
    """Indices that sort the last axis, equal ones by index: (bits, index) pairs in one word."""
    words = bits.astype(np.uint64)
    words <<= np.uint64(32)
    words |= np.arange(bits.shape[-1], dtype=np.uint64)
    words.sort()
    return words.astype(np.uint32).view(np.int32)
