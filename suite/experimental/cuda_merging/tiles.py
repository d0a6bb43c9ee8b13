"""Tensors cut into tiles for a GPU, and tiles into groups that are staged one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suite.merging.layout import ALIGNMENT

Array = NDArray[Any]


@dataclass(frozen=True)
class Tiles:
    """The tiles of S tensors, one after the other; a unit is `ALIGNMENT` elements.

    ``heads`` (S + 1,) counts the tiles before each tensor, ``units`` (S + 1,) the units;
    ``starts`` (S,) is its place in the layout in units; ``length`` the units of a full tile.
    """

    heads: Array
    units: Array
    starts: Array
    length: int

    @classmethod
    def of(cls, starts: Array, sizes: Array, block: int) -> Tiles:
        heads = np.r_[0, np.cumsum(-(-sizes // block))]
        units = np.r_[0, np.cumsum(-(-sizes // ALIGNMENT))]
        return cls(heads, units, starts // ALIGNMENT, block // ALIGNMENT)

    @property
    def count(self) -> int:
        return int(self.heads[-1])

    def row(self, tile: int) -> int:
        return int(np.searchsorted(self.heads, tile, "right")) - 1

    def unit(self, tile: int) -> int:
        """Units before a tile."""
        row = self.row(tile)
        return int(self.units[row] + (tile - self.heads[row]) * self.length)

    def edges(self, capacity: int, whole: bool) -> list[int]:
        """First tiles of groups of at most `capacity` units, and the end; `whole` rows if they fit."""
        edges = [0]
        while edges[-1] < self.count:
            limit = self.unit(edges[-1]) + capacity
            row = int(np.searchsorted(self.units, limit, "right")) - 1
            stop = int(self.heads[row] + (limit - self.units[row]) // self.length)
            stop = min(stop, self.count)
            if whole and self.heads[self.row(stop)] > edges[-1]:
                stop = int(self.heads[self.row(stop)])
            edges.append(stop)
        return edges

    def runs(self, first: int, stop: int) -> list[tuple[int, int, int]]:
        """(unit within the group, unit of the layout, units) of what tiles [first, stop) copy."""
        rows = np.arange(self.row(first), self.row(stop - 1) + 1)
        origin = self.unit(first)
        begin = np.maximum(self.units[rows], origin)
        sizes = np.minimum(self.units[rows + 1], self.unit(stop)) - begin
        places = self.starts[rows] + begin - self.units[rows]
        parted = np.r_[True, places[1:] != places[:-1] + sizes[:-1]]
        lengths = np.add.reduceat(sizes, np.flatnonzero(parted))
        found = zip((begin - origin)[parted], places[parted], lengths, strict=True)
        return [(int(at), int(place), int(length)) for at, place, length in found]

    def table(self, edges: list[int] | None, device: torch.device) -> torch.Tensor:
        """(tiles, 3) int32, the kernel's: places count from each group's first tile, if `edges`."""
        heads, units, starts = (
            torch.from_numpy(a).to(device) for a in (self.heads, self.units, self.starts)
        )
        tile = torch.arange(self.count, device=device)
        row = torch.searchsorted(heads, tile, right=True) - 1
        number = tile - heads[row]
        if edges is None:
            place = starts[row] + number * self.length
        else:
            group = torch.searchsorted(torch.tensor(edges, device=device), tile, right=True) - 1
            origins = torch.tensor([self.unit(edge) for edge in edges], device=device)
            place = units[row] + number * self.length - origins[group]
        return torch.stack([row, number, place], 1).int()


@dataclass(frozen=True)
class Step:
    """Tiles [first, stop): measured, then rows `weighed` given their weights, then merged."""

    first: int
    stop: int
    measured: bool = False
    weighed: slice | None = None
    merged: bool = True


def steps(tiles: Tiles, edges: list[int], measured: bool) -> Iterator[Step]:
    """Each group once, but one that ends within a row it measures again when that row is done."""
    waiting: list[tuple[int, int]] = []
    for first, stop in pairwise(edges):
        row = tiles.row(stop)
        if not measured:
            yield Step(first, stop)
        elif tiles.heads[row] < stop:
            waiting.append((first, stop))
            yield Step(first, stop, measured=True, merged=False)
        else:
            head = waiting[0][0] if waiting else first
            yield Step(first, stop, measured=True, weighed=slice(tiles.row(head), row))
            yield from (Step(*group) for group in waiting)
            waiting.clear()
