"""Plans carried out by fused C++ kernels on a CPU, compiled once per variant and kept on disk."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suite import resources
from suite.errors import BadInput
from suite.merging.plan import Edges, Plan
from suite.merging.tables import ABOVE, Tables

SOURCE = Path(__file__).with_name("kernel.cpp")
TASK = 1 << 15  # elements: a task's share of every source stays in the second cache
_FLAGS = ["-std=c++17", "-O3", "-fPIC", "-shared", "-fopenmp-simd"]
_FLAGS += ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
_NATIVE = ["-march=native", "-mprefer-vector-width=512"]
_CODES: dict[str, dict[Any, int]] = {
    "SOURCE": {torch.float32: 0, torch.bfloat16: 1},
    "LIVE": {torch.float32: 0, torch.bfloat16: 1, torch.float16: 2},
    "MASK": {"all": 0, "window": 1, "random": 2, "ranked": 3, "variance": 4},
    "ELECT": {"no": 0, "weighted": 1, "plain": 2},
    "DIVIDE": {"no": 0, "kept": 1, "clamped": 2},
    "MEASURE": {"no": 0, "l1": 1, "squares": 2},
}
Array = NDArray[Any]


def compiler() -> str | None:
    """The C++ compiler: ``CXX``, or the first of c++, g++, clang++ that is there."""
    named = os.environ.get("CXX")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _COMPILERS)), None)


_COMPILERS = ("c++", "g++", "clang++")


class Kernel:
    """Writes the merged tensors of a plan into `live`, (layout.size,), with torch's threads.

    Sources and `live` must be on the CPU. `BadInput` when a variant cannot be compiled.
    """

    def __init__(self, tables: Tables, live: torch.Tensor) -> None:
        self.tables, self.sources, self.live = tables, tables.sources, live
        self._tasks: dict[bytes, Array] = {}

    def run(self, plan: Plan) -> bool:
        """Carry out `plan`, what it measures first and in a pass of its own; whether all is finite."""
        if plan.measure != "no":
            sums, _ = self._call(plan)
            plan = plan.with_weights(sums, self.tables.sizes[plan.places])
        return self._call(plan)[1]

    def _call(self, plan: Plan) -> tuple[Array, bool]:
        """Run the plan's variant: the sums (S, K) if it measures, whether all results are finite."""
        function, row_type = _variant(self._options(plan))
        rows, tasks = _rows(plan, row_type, self.tables), self._split(plan.places)
        counter, bad = np.zeros(1, np.int64), np.zeros(len(tasks), np.uint8)
        sums = np.zeros((len(tasks), len(plan.models)))
        flats = [self.sources.flat(model).data_ptr() for model in plan.models]
        ranks: list[Array] = []
        if plan.mask == "ranked":
            ranks = [self.tables.row_ranks(str(plan.base), model) for model in plan.models]
        base = None if plan.base is None else self.sources.flat(plan.base).data_ptr()
        pointers = ctypes.c_void_p * len(flats)
        arguments = (
            ctypes.c_void_p(base),
            pointers(*flats),
            pointers(*(rank.ctypes.data for rank in ranks)),
            ctypes.c_void_p(self.live.data_ptr()),
            *(ctypes.c_void_p(array.ctypes.data) for array in (rows, tasks)),
            ctypes.c_int64(len(tasks)),
            *(ctypes.c_void_p(array.ctypes.data) for array in (counter, sums, bad)),
        )
        helpers = [_pool().submit(function, *arguments) for _ in range(_threads(tasks) - 1)]
        function(*arguments)
        for helper in helpers:
            helper.result()
        found = np.zeros((len(rows), len(flats)))
        if plan.measure != "no":
            np.add.at(found, tasks[:, 0], sums)
        return found, not bad.any()

    def _options(self, plan: Plan) -> tuple[tuple[str, int], ...]:
        return (
            ("MODELS", len(plan.models)),
            ("SOURCE", _CODES["SOURCE"][self.sources.dtype]),
            ("LIVE", _CODES["LIVE"][self.live.dtype]),
            ("DELTA", int(plan.base is not None)),
            ("MASK", _CODES["MASK"][plan.mask]),
            ("ELECT", _CODES["ELECT"][plan.elect]),
            ("DIVIDE", _CODES["DIVIDE"][plan.divide]),
            ("INVERSE", int(plan.inverse)),
            ("MEASURE", _CODES["MEASURE"][plan.measure]),
        )

    def _split(self, chosen: Array) -> Array:
        """Tasks (row, start, stop) of the tensors at `chosen`, int64."""
        name = chosen.tobytes()
        if name not in self._tasks:
            sizes = self.tables.sizes[chosen].tolist()
            tasks = [
                (row, start, min(start + TASK, size))
                for row, size in enumerate(sizes)
                for start in range(0, size, TASK)
            ]
            self._tasks[name] = np.array(tasks, np.int64).reshape(-1, 3)
        return self._tasks[name]


def _threads(tasks: Array) -> int:
    return max(1, min(torch.get_num_threads(), len(tasks) // 2))


@lru_cache(1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "merge")


def _rows(plan: Plan, row_type: np.dtype[Any], tables: Tables) -> Array:
    rows = np.zeros(len(plan.places), row_type)
    rows["start"], rows["size"] = tables.starts[plan.places], tables.sizes[plan.places]
    with np.errstate(over="ignore"):  # an infinite weight shows in the result, which is checked
        rows["weight"], rows["scale"] = plan.weights, plan.scale
        rows["share"] = plan.weights if plan.shares is None else plan.shares
    for name, edges in (("low", plan.low), ("high", plan.high)):
        edges = edges or Edges.constant((len(rows), 1), ABOVE)
        for field in ("cut", "before", "after"):
            rows[name][field] = getattr(edges, field)
    if plan.keys is not None:
        rows["key_before"], rows["key_after"] = plan.keys[..., 0], plan.keys[..., 1]
    if plan.bounds is not None:
        rows["bound"] = plan.bounds
    if plan.chance is not None:
        rows["chance"], rows["slope"] = plan.chance, plan.slope
    return rows


def _row_type(models: int) -> np.dtype[Any]:
    """The kernel's Row."""
    edge = np.dtype([("cut", "i8"), ("before", "i4"), ("after", "i4")])
    fields: list[Any] = [("start", "i8"), ("size", "i8"), ("low", edge, models)]
    fields += [("high", edge, models)]
    fields += [(name, "u4", models) for name in ("key_before", "key_after", "bound")]
    fields += [(name, "f4", models) for name in ("chance", "slope", "weight", "share")]
    return np.dtype([*fields, ("scale", "f4")], align=True)


@lru_cache(None)
def _variant(options: tuple[tuple[str, int], ...]) -> tuple[Any, np.dtype[Any]]:
    """The compiled function of a variant, and the type of its rows."""
    library = ctypes.CDLL(str(_compiled(options)))
    row_type = _row_type(dict(options)["MODELS"])
    library.row_size.restype = ctypes.c_int64
    if library.row_size() != row_type.itemsize:
        raise RuntimeError("the kernel's rows differ from ours")
    library.run.restype = None
    return library.run, row_type


def _compiled(options: tuple[tuple[str, int], ...]) -> Path:
    """The shared library of a variant, compiled unless it lies in the cache already."""
    chosen = compiler()
    if chosen is None:
        raise BadInput(
            f"no C++ compiler: none of {', '.join(_COMPILERS)}; set CXX, or merge eagerly"
        )
    defines = [f"-D{name}={value}" for name, value in options]
    about = (SOURCE.read_bytes(), _FLAGS, _NATIVE, defines, _machine(chosen))
    folder = resources.cache("kernels")
    path = folder / f"{hashlib.sha256(repr(about).encode()).hexdigest()[:32]}.so"
    if path.is_file():
        return path
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".so", delete=False) as file:
        draft = Path(file.name)
    try:
        for native in (_NATIVE, []):
            command = [chosen, *_FLAGS, *native, *defines, "-o", str(draft), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                return draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
    raise BadInput(f"{chosen} cannot compile the merge kernel: {reason}; merge eagerly instead")


@lru_cache(None)
def _machine(chosen: str) -> str:
    """Compiler version and processor: a library is not shared between different ones."""
    version = subprocess.run([chosen, "--version"], capture_output=True, text=True).stdout
    flags = ""
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{version}|{platform.machine()}|{platform.system()}|{flags}"
