"""Sources as a GPU's kernels read them: where they lie, or staged group by group from host memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.experimental.cuda_merging.tiles import Step, Tiles
from suite.merging.layout import ALIGNMENT
from suite.merging.plan import Plan
from suite.merging.tables import Tables

_RANKS = 1 << 26  # ranks uploaded at a time
Tensor = torch.Tensor


@dataclass(frozen=True)
class Group:
    """Sources of a step, float32 or bfloat16 as int16; ranks (int16) only where masks go by rank."""

    base: Tensor | None
    models: tuple[Tensor, ...]
    ranks: tuple[Tensor, ...]


def plain(numbers: Tensor) -> Tensor:
    """Bfloat16 seen as int16; other types as they are."""
    return numbers.view(torch.int16) if numbers.dtype == torch.bfloat16 else numbers


class Resident:
    """Sources on `device` whole; ranks are uploaded when first asked for, and kept."""

    def __init__(self, tables: Tables, device: torch.device) -> None:
        self._tables, self._device = tables, device
        self._ranks: dict[tuple[str, str], Tensor] = {}

    def groups(self, plan: Plan, tiles: Tiles, steps: list[Step]) -> Iterator[tuple[Step, Group]]:
        flat = self._tables.sources.flat
        models = tuple(plain(flat(model)) for model in plan.models)
        base = None if plan.base is None else plain(flat(plan.base))
        ranked = plan.models if plan.mask == "ranked" else ()
        group = Group(base, models, tuple(self._uploaded(str(plan.base), m) for m in ranked))
        yield from ((step, group) for step in steps)

    def _uploaded(self, base: str, model: str) -> Tensor:
        if (base, model) not in self._ranks:
            ranks = self._tables.row_ranks(base, model)
            kept = torch.empty(len(ranks), dtype=torch.int16, device=self._device)
            for start in range(0, len(ranks), _RANKS):
                kept[start : start + _RANKS] = _some(ranks, start, start + _RANKS)
            self._ranks[base, model] = kept
        return self._ranks[base, model]


class Staged:
    """Sources copied to `device` one group of at most `budget` bytes at a time, through two slots.

    The next group is copied, on a CUDA stream of its own, while the current one is worked on.
    Device memory: 2 · min(`budget`, bytes that a plan reads).
    """

    def __init__(self, tables: Tables, device: torch.device, budget: int) -> None:
        self._tables, self._device, self._budget = tables, device, budget
        self._slots = torch.empty((2, 0), dtype=torch.uint8, device=device)

    def capacity(self, plan: Plan, tile: int) -> int:
        """Units of a group; `BadInput` when the budget holds no `tile` (units) of every source."""
        unit = sum(self._widths(plan)) * ALIGNMENT
        if self._budget < unit * tile:
            raise BadInput(
                f"a staging group of {self._budget} bytes is too small: a tile of"
                f" {len(plan.models)} models needs {unit * tile}"
            )
        whole = int((-(-self._tables.sizes[plan.places] // ALIGNMENT)).sum())
        return min(self._budget // unit, max(whole, tile))

    def groups(self, plan: Plan, tiles: Tiles, steps: list[Step]) -> Iterator[tuple[Step, Group]]:
        """Each step with its sources; the next step's are under way when a step is handed out."""
        slots = self._views(plan, self.capacity(plan, tiles.length))
        stream = torch.cuda.Stream(self._device) if self._device.type == "cuda" else None
        copied = self._copy(plan, tiles, steps[0], slots[0], stream)
        for number, step in enumerate(steps):
            arrived = copied
            if number + 1 < len(steps):
                following = slots[(number + 1) % 2]
                copied = self._copy(plan, tiles, steps[number + 1], following, stream)
            if arrived is not None:
                torch.cuda.current_stream(self._device).wait_event(arrived)
            yield step, slots[number % 2]

    def _widths(self, plan: Plan) -> list[int]:
        """Bytes per element of the base if there is one, of each model, of each model's ranks."""
        count = len(plan.models)
        width = self._tables.sources.dtype.itemsize
        return [width] * (count + (plan.base is not None)) + [2] * count * (plan.mask == "ranked")

    def _views(self, plan: Plan, capacity: int) -> list[Group]:
        """Both slots, divided among the sources."""
        widths, count = self._widths(plan), len(plan.models)
        ends = np.cumsum([0, *widths]) * capacity * ALIGNMENT
        if self._slots.shape[1] < ends[-1]:
            self._slots = self._slots.new_empty((2, 0))  # frees the old ones first
            self._slots = self._slots.new_empty((2, int(ends[-1])))
        found = []
        for slot in self._slots:
            parts = [
                slot[start:stop].view(torch.int16 if width == 2 else torch.float32)
                for start, stop, width in zip(ends, ends[1:], widths, strict=False)
            ]
            base = None if plan.base is None else parts.pop(0)
            found.append(Group(base, tuple(parts[:count]), tuple(parts[count:])))
        return found

    def _copy(
        self, plan: Plan, tiles: Tiles, step: Step, slot: Group, stream: torch.cuda.Stream | None
    ) -> torch.cuda.Event | None:
        """Copy what `step` needs; the event that it has arrived, on a CUDA device."""
        flat, names = self._tables.sources.flat, plan.models
        sources = [plain(flat(model)) for model in names]
        targets = list(slot.models)
        if plan.base is not None and slot.base is not None:
            sources.append(plain(flat(plan.base)))
            targets.append(slot.base)
        ranks = [self._tables.row_ranks(str(plan.base), m) for m in names[: len(slot.ranks)]]
        runs = [tuple(ALIGNMENT * u for u in run) for run in tiles.runs(step.first, step.stop)]
        context: AbstractContextManager[Any] = nullcontext()
        if stream is not None:
            # the slot may still be read by the step before last, which is the latest one launched
            stream.wait_stream(torch.cuda.current_stream(self._device))
            context = torch.cuda.stream(stream)
        with context:
            for target, source in zip(targets, sources, strict=True):
                _transfer(target, ((at, source[place : place + n]) for at, place, n in runs))
            for target, rank in zip(slot.ranks, ranks, strict=True):
                _transfer(target, ((at, _some(rank, place, place + n)) for at, place, n in runs))
        return None if stream is None else stream.record_event()


def _transfer(target: Tensor, pieces: Iterable[tuple[int, Tensor]]) -> None:
    for start, piece in pieces:
        target[start : start + len(piece)].copy_(piece, non_blocking=True)


def _some(ranks: NDArray[np.uint16], start: int, stop: int) -> Tensor:
    """Some ranks as int16; a copy, as mapped files are read-only."""
    return torch.from_numpy(np.array(ranks[start:stop]).view(np.int16))
