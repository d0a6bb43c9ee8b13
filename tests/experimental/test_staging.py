"""Groups of sources, as the kernel finds them, against the sources themselves; on a CPU."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from suite.errors import BadInput
from suite.experimental.cuda_merging.staging import Resident, Staged
from suite.experimental.cuda_merging.tiles import Tiles, steps
from suite.merging import planner
from suite.merging.layout import ALIGNMENT
from suite.merging.plan import Plan
from suite.merging.sources import Sources
from suite.merging.tables import Tables
from suite.recipes.recipe import Input, Recipe

CPU = torch.device("cpu")
BLOCK = 32
UNITS = BLOCK // ALIGNMENT


@pytest.fixture(params=[torch.float32, torch.bfloat16])
def tables(request: pytest.FixtureRequest) -> Tables:
    rng = torch.Generator().manual_seed(0)
    shapes = {"a": (5, 13), "b": (70,), "c": (3,), "d": (100, 4)}
    models = {
        name: {t: torch.randn(s, generator=rng).to(request.param) for t, s in shapes.items()}
        for name in ("base", "x", "y")
    }
    return Tables(Sources.from_tensors(models))


def planned(tables: Tables, method: str) -> Plan:
    inputs = tuple(Input(name, {"weight": 0.5}) for name in "xy")
    recipe = Recipe(method, inputs, None if method == "linear" else "base", {"normalize": True})
    (plan,) = planner.plans(recipe, tables)
    assert isinstance(plan, Plan)
    return plan


@pytest.mark.parametrize("method", ["linear", "task_arithmetic", "della"])
@pytest.mark.parametrize("budget", [1 << 10, 1 << 20])
def test_groups_hold_what_the_steps_read(tables: Tables, method: str, budget: int) -> None:
    plan = planned(tables, method)
    staged = Staged(tables, CPU, budget)
    tiles = Tiles.of(tables.starts[plan.places], tables.sizes[plan.places], BLOCK)
    edges = tiles.edges(staged.capacity(plan, UNITS), whole=True)
    assert (len(edges) > 2) == (budget < 1 << 20)
    table = tiles.table(edges, CPU).tolist()
    names = [*plan.models] if plan.base is None else [plan.base, *plan.models]
    schedule = list(steps(tiles, edges, measured=plan.measure != "no"))
    seen = []
    for step, group in staged.groups(plan, tiles, schedule):
        seen.append(step)
        found = [*group.models] if group.base is None else [group.base, *group.models]
        assert sum(t.nbytes for t in (*found, *group.ranks)) <= budget
        assert len(group.ranks) == (len(plan.models) if method == "della" else 0)
        for row, number, place in table[step.first : step.stop]:
            at, size = tables.starts[plan.places[row]], tables.sizes[plan.places[row]]
            here = slice(16 * place, 16 * place + min(BLOCK, size - BLOCK * number))
            there = slice(at + BLOCK * number, at + min(BLOCK * (number + 1), size))
            for name, part in zip(names, found, strict=True):
                kind = tables.sources.dtype
                assert torch.equal(part[here].view(kind), tables.sources.flat(name)[there])
            for name, ranks in zip(plan.models, group.ranks, strict=False):
                want = tables.row_ranks("base", name)[there]
                assert (ranks[here].numpy().view(np.uint16) == want).all()
    assert seen == schedule


def test_the_next_group_leaves_the_current_one_alone(tables: Tables) -> None:
    plan, staged = planned(tables, "linear"), Staged(tables, CPU, 1 << 10)
    tiles = Tiles.of(tables.starts, tables.sizes, BLOCK)
    schedule = list(steps(tiles, tiles.edges(staged.capacity(plan, UNITS), False), False))
    places = [group.models[0].data_ptr() for _, group in staged.groups(plan, tiles, schedule)]
    assert len(places) > 2 and len(set(places)) == 2
    assert all(one != other for one, other in pairwise(places))


def test_resident_sources_are_not_copied_and_ranks_only_once(tables: Tables) -> None:
    plan, resident = planned(tables, "della"), Resident(tables, CPU)
    tiles = Tiles.of(tables.starts, tables.sizes, BLOCK)
    schedule = list(steps(tiles, [0, tiles.count], True))
    found = [next(iter(resident.groups(plan, tiles, schedule)))[1] for _ in range(2)]
    assert found[0].models[1].data_ptr() == tables.sources.flat("y").data_ptr()
    assert [r.data_ptr() for r in found[0].ranks] == [r.data_ptr() for r in found[1].ranks]
    assert (found[0].ranks[0].numpy().view(np.uint16) == tables.row_ranks("base", "x")).all()


def test_a_budget_below_a_tile_is_refused(tables: Tables) -> None:
    plan = planned(tables, "della")
    need = BLOCK * (3 * tables.sources.dtype.itemsize + 2 * 2)
    assert Staged(tables, CPU, need).capacity(plan, UNITS) == UNITS
    with pytest.raises(BadInput, match=f"too small: a tile of 2 models needs {need}"):
        Staged(tables, CPU, need - 1).capacity(plan, UNITS)
