"""Tiles and their groups against the same found one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from suite.experimental.cuda_merging.tiles import Tiles, steps
from suite.merging.layout import ALIGNMENT, Layout

BLOCK = 64
LAYOUT = Layout.of({f"t{i}": (n,) for i, n in enumerate([1, 300, 0, 16, 17, 64, 65, 1000, 128, 9])})
PLACES = ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 2, 3, 7, 8], [7], [2], [9, 1, 4])


def made(places: list[int]) -> Tiles:
    chosen = [LAYOUT.segments[place] for place in places]
    starts, sizes = np.array([s.start for s in chosen]), np.array([s.size for s in chosen])
    return Tiles.of(starts, sizes, BLOCK)


def one_by_one(places: list[int]) -> list[tuple[int, int, int, int]]:
    """(row, number, place in the layout, units) of each tile."""
    found = []
    for row, place in enumerate(places):
        segment = LAYOUT.segments[place]
        for number, start in enumerate(range(0, segment.size, BLOCK)):
            units = -(-min(BLOCK, segment.size - start) // ALIGNMENT)
            found.append((row, number, (segment.start + start) // ALIGNMENT, units))
    return found


@pytest.mark.parametrize("places", PLACES)
def test_table_of_whole_sources(places: list[int]) -> None:
    want = [found[:3] for found in one_by_one(places)]
    assert made(places).table(None, torch.device("cpu")).tolist() == [list(w) for w in want]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("capacity", [4, 7, 20, 1000])
@pytest.mark.parametrize("whole", [False, True])
def test_groups_hold_every_tile_once(places: list[int], capacity: int, whole: bool) -> None:
    tiles, known = made(places), one_by_one(places)
    edges = tiles.edges(capacity, whole)
    assert edges[0] == 0 and edges[-1] == len(known) and edges == sorted(set(edges))
    table = tiles.table(edges, torch.device("cpu")).numpy()
    for first, stop in pairwise(edges):
        staged = np.full(capacity, -1)
        for at, place, units in tiles.runs(first, stop):
            assert (staged[at : at + units] == -1).all()
            staged[at : at + units] = np.arange(place, place + units)
        for (row, number, at), want in zip(table[first:stop], known[first:stop], strict=True):
            assert (row, number) == want[:2]
            assert staged[at : at + want[3]].tolist() == list(range(want[2], want[2] + want[3]))
        # nothing more would have fitted, but for the rest of a tensor where they are kept whole
        more = sum(units for *_, units in known[first : stop + 1])
        assert more > capacity or stop == len(known) or whole


def test_neighbours_are_copied_in_one_run() -> None:
    tiles = made([3, 4, 5, 8])
    assert len(tiles.runs(0, tiles.count)) == 2


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("capacity", [4, 7, 20, 1000])
def test_steps_measure_a_tensor_before_they_merge_it(places: list[int], capacity: int) -> None:
    tiles = made(places)
    measured, weighed, merged = (np.zeros(tiles.count, int) for _ in range(3))
    for step in steps(tiles, tiles.edges(capacity, whole=True), measured=True):
        part = slice(step.first, step.stop)
        measured[part] += step.measured
        if step.weighed is not None:
            rows = slice(tiles.heads[step.weighed.start], tiles.heads[step.weighed.stop])
            assert (measured[rows] == 1).all()
            weighed[rows] += 1
        assert not step.merged or (weighed[part] == 1).all()
        merged[part] += step.merged
    assert (measured == 1).all() and (weighed == 1).all() and (merged == 1).all()
