"""Plans carried out by one fused Triton kernel on a GPU: a launch per plan, a program per tile.

A tile is `BLOCK` elements of one tensor, or its rest. What the kernel computes is said in eager.py,
whose operations it does one by one:

- Where nothing is measured the results are eager's bits. The sums without election use a fused
  multiply-add, as torch's `add_(alpha=)` does.
- Where weights follow from sums, these are float32 within a tile and float64 beyond, and weights
  differ from eager's by a few 1e-7 of their size.
- Divisions are correctly rounded. Torch's are too, but for a CUDA tensor by a Python number.

Runs of a plan give the same bytes: no atomics, and nothing depends on the order of programs.
Sources in host memory are staged (staging.py), a run of tiles at a time.

Checked with Triton's interpreter, and compiled for compute capabilities 8.0 and 9.0; neither run
nor timed on hardware (`benchmarks/gpu_check.py` does both). Triton keeps compiled kernels in a cache of
its own (``TRITON_CACHE_DIR``).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.experimental import say_once
from suite.experimental.cuda_merging.staging import Group, Resident, Staged, plain
from suite.experimental.cuda_merging.tiles import Step, Tiles, steps
from suite.merging.layout import ALIGNMENT
from suite.merging.merger import MakeRunner, Mode
from suite.merging.plan import Edges, Plan
from suite.merging.tables import ABOVE, Tables

BLOCK = 2048  # elements of a tile: 8 warps of 32 threads with 16 bytes of bfloat16 each
BUDGET = 1 << 30  # bytes of one staging group
_OPTIONS = {"num_warps": 8, "enable_fp_fusion": False}  # eager rounds after every operation
_SETS = 8  # sets of tensors whose tiles are kept on the device
_LIVE = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}
Array = NDArray[Any]
Tensor = torch.Tensor


def available() -> bool:
    """Whether Triton is there, and the C compiler with which it builds its launchers."""
    named = os.environ.get("CC")
    compilers = (named,) if named else ("gcc", "clang")
    return importlib.util.find_spec("triton") is not None and any(map(shutil.which, compilers))


@lru_cache(1)
def _kernels() -> Any:
    if not available():
        raise BadInput("no Triton, or no C compiler for it (set CC); merge eagerly")
    from suite.experimental.cuda_merging import triton_kernel

    return triton_kernel


def runner(mode: Mode, device: str | torch.device) -> Mode | MakeRunner:
    """What to give a `Merger` as its mode for merges on `device`.

    Parameters
    ----------
    mode
        ``merging.mode`` of the configuration: auto, eager or compiled.
    device
        Where the live model is, as torch names it.

    Returns
    -------
    Mode | MakeRunner
        `CudaKernel` where the device is a CUDA one and `mode` is ``compiled``, or ``auto`` and the
        kernel `available`, which is told to the user once; else `mode` itself.
    """
    wanted = mode == "compiled" or (mode == "auto" and available())
    if torch.device(device).type != "cuda" or not wanted:
        return mode
    say_once("merging by the Triton kernel", "merging.mode=eager")
    return CudaKernel


class CudaKernel:
    """Writes the merged tensors of a plan into `live`, (layout.size,), on a CUDA device.

    Sources lie on the same device, or in host memory; `staged` copies them group by group even if
    they are there. Device memory beyond `live`, for K models and P parameters:

    - resident: the sources; with DELLA 2 K P bytes of ranks, uploaded once and kept;
    - staged: 2 · min(`budget`, bytes that a plan reads), ranks included;
    - both: 12 P / `block` bytes for each of the last 8 sets of tensors that plans were for, and
      8 K P / `block` while something is measured.

    `block` is a power of two from 16 on. `BadInput` when Triton or a C compiler is missing, when
    `live` is none of float32, bfloat16, float16, and, by `run`, when `budget` is less than a tile.
    """

    def __init__(
        self,
        tables: Tables,
        live: Tensor,
        *,
        budget: int = BUDGET,
        staged: bool | None = None,
        block: int = BLOCK,
    ) -> None:
        if live.dtype not in _LIVE:
            raise BadInput(f"live model is {live.dtype}; kernels write {', '.join(_LIVE.values())}")
        self._kernels = _kernels()
        if live.device.type != "cuda" and not self._kernels.INTERPRETED:
            raise BadInput(f"Triton kernels need a CUDA device, not {live.device}; merge eagerly")
        if (tables.starts % ALIGNMENT).any():
            raise ValueError(f"tensors must start at multiples of {ALIGNMENT} elements")
        self.tables, self.sources, self.live = tables, tables.sources, live
        self._block = block
        if staged is None:
            flats = map(self.sources.flat, self.sources.names)
            staged = any(flat.device != live.device for flat in flats)
        self._staged = Staged(tables, live.device, budget) if staged else None
        self._feed = self._staged or Resident(tables, live.device)
        self._known: dict[tuple[bytes, int, bool], tuple[Tiles, list[int], Tensor]] = {}

    @torch.no_grad()
    def run(self, plan: Plan) -> None:
        """Carry out `plan`; what it measures is measured first, group by group."""
        measured = plan.measure != "no"
        with _on(self.live.device):
            tiles, edges, table = self._split(plan, measured)
            if not tiles.count:
                return
            shape = (tiles.count if measured else 1, len(plan.models))
            sums = torch.empty(shape, dtype=torch.float64, device=self.live.device)
            launch = _Launch(self, plan, table, _rows(plan, self.tables, self.live.device), sums)
            for step, group in self._feed.groups(plan, tiles, list(steps(tiles, edges, measured))):
                if step.measured:
                    launch.fused(step, group, plan.measure)
                if step.weighed is not None:
                    launch.weigh(tiles, step.weighed)
                if step.merged:
                    launch.fused(step, group, "no")

    def _split(self, plan: Plan, measured: bool) -> tuple[Tiles, list[int], Tensor]:
        """The plan's tiles, the edges of their groups, and the kernel's table of them."""
        capacity = 0
        if self._staged:
            capacity = self._staged.capacity(plan, self._block // ALIGNMENT)
        name = (plan.places.tobytes(), capacity, measured and capacity > 0)
        if name not in self._known:
            chosen = plan.places
            tiles = Tiles.of(self.tables.starts[chosen], self.tables.sizes[chosen], self._block)
            edges = tiles.edges(capacity, measured) if capacity else [0, tiles.count]
            table = tiles.table(edges if capacity else None, self.live.device)
            while len(self._known) >= _SETS:
                del self._known[next(iter(self._known))]
            self._known[name] = (tiles, edges, table)
        return self._known[name]


@dataclass(frozen=True)
class _Rows:
    """Coefficients of S tensors on the device, (S, …) each, as `triton_kernel.fused` reads them."""

    longs: Tensor
    words: Tensor
    floats: Tensor


@dataclass(frozen=True)
class _Launch:
    """The kernels with what stays the same over the steps of a plan."""

    owner: CudaKernel
    plan: Plan
    table: Tensor
    rows: _Rows
    sums: Tensor

    def fused(self, step: Step, group: Group, measure: str) -> None:
        plan, owner = self.plan, self.owner
        owner._kernels.fused[(step.stop - step.first,)](
            self.table,
            self.rows.longs,
            self.rows.words,
            self.rows.floats,
            group.models[0] if group.base is None else group.base,
            group.models,
            group.ranks or group.models,
            plain(owner.live),
            self.sums,
            step.first,
            K=len(plan.models),
            BLOCK=owner._block,
            NARROW=owner.sources.dtype == torch.bfloat16,
            LIVE=_LIVE[owner.live.dtype],
            DELTA=plan.base is not None,
            MASK=plan.mask,
            HIGH=_bounded(plan.high),
            INVERSE=plan.inverse,
            ELECT=plan.elect,
            DIVIDE=plan.divide,
            MEASURE=measure,
            **_OPTIONS,
        )

    def weigh(self, tiles: Tiles, rows: slice) -> None:
        """Give `rows` the weights that follow from what was measured of them."""
        count = len(self.plan.models)
        heads = torch.from_numpy(tiles.heads[rows.start : rows.stop + 1]).to(self.sums.device)
        found = self.sums.new_empty((len(heads) - 1, count))
        kernel = self.owner._kernels.row_sums
        kernel[(len(found),)](self.sums, heads, found, K=count, BLOCK=1024, **_OPTIONS)
        part = self.plan.rows(rows)
        part = part.with_weights(found.cpu().numpy(), self.owner.tables.sizes[part.places])
        weights = torch.from_numpy(part.weights.astype(np.float32))
        self.rows.floats[rows, :count] = weights.to(self.sums.device)
        if part.shares is None:
            self.rows.floats[rows, count : 2 * count] = self.rows.floats[rows, :count]


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Triton launches on the current device."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _bounded(edges: Edges | None) -> bool:
    """Whether an upper edge leaves any magnitude out."""
    return edges is not None and bool(min(edges.before.min(), edges.after.min()) < ABOVE)


def _rows(plan: Plan, tables: Tables, device: torch.device) -> _Rows:
    count = len(plan.models)
    longs = np.zeros((len(plan.places), 2 + 2 * count), np.int64)
    words = np.zeros((len(plan.places), 7 * count), np.int32)
    floats = np.zeros((len(plan.places), 1 + 4 * count), np.float32)
    column = [slice(i * count, (i + 1) * count) for i in range(7)]
    longs[:, 0], longs[:, 1] = tables.starts[plan.places] // ALIGNMENT, tables.sizes[plan.places]
    for i, edges in enumerate((plan.low, plan.high)):
        if edges is not None:
            longs[:, 2:][:, column[i]] = edges.cut
            words[:, column[2 * i]], words[:, column[2 * i + 1]] = edges.before, edges.after
    if plan.keys is not None:
        unsigned = words.view(np.uint32)
        unsigned[:, column[4]], unsigned[:, column[5]] = plan.keys[..., 0], plan.keys[..., 1]
    if plan.bounds is not None:
        words.view(np.uint32)[:, column[6]] = plan.bounds
    with np.errstate(over="ignore"):  # infinite weights show in the result
        floats[:, column[0]], floats[:, 2 * count] = plan.weights, plan.scale
        floats[:, column[1]] = plan.weights if plan.shares is None else plan.shares
        if plan.chance is not None and plan.slope is not None:
            floats[:, 1:][:, column[2]], floats[:, 1:][:, column[3]] = plan.chance, plan.slope
    return _Rows(*_uploaded([longs, words, floats], device))


def _uploaded(arrays: list[Array], device: torch.device) -> list[Tensor]:
    """Arrays on `device` by one copy, each at a multiple of 16 bytes."""
    sizes = [-(-array.nbytes // 16) * 16 for array in arrays]
    packed = np.zeros(sum(sizes), np.uint8)
    start, places = 0, []
    for array, size in zip(arrays, sizes, strict=True):
        packed[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
        places.append(slice(start, start + array.nbytes))
        start += size
    sent = torch.from_numpy(packed).to(device)
    pairs = zip(arrays, places, strict=True)
    return [sent[p].view(torch.from_numpy(a).dtype).view(a.shape) for a, p in pairs]
