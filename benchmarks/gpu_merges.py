"""Merges on a device against the same on the CPU: every method, each engine, sources there or staged.

What is allowed. A method whose weights follow from the recipe alone, or from the order of the
magnitudes, must give the CPU's bytes. Where they follow from sums (SLERP, NuSLERP, Karcher, Model Stock,
SCE, ``rescale: l1``) the order of the sums is the device's own: an element may be off by `CLOSE` of its
tensor's largest and one rounding of the live type, and `STRAY` of all elements by more, since an
election can hang on a sum within rounding of 0.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from gpu_findings import Finding, tried
from merge import llama, median, recipe
from torch import nn

from suite import resources
from suite.experimental.cuda_merging import launch
from suite.experimental.cuda_merging.launch import CudaKernel
from suite.merging import Merger, Sources
from suite.merging.eager import Eager
from suite.merging.kernel import Kernel, compiler
from suite.merging.layout import Layout
from suite.merging.merger import MakeRunner
from suite.merging.tables import Tables
from suite.recipes.method_table import METHODS
from suite.recipes.recipe import Recipe

CLOSE = 2e-6  # of a tensor's largest element: float32 weights off by a few 1e-7 of their size
STRAY = 1e-5  # of the elements
SHARED = 100_000_000  # parameters from which on the tables, minutes of sorting, are made once
MODELS = ("m0", "m1", "m2")
_ZOO = dict(zip(("base", *MODELS), ("base", "japanese", "math_add", "math_mul"), strict=True))
_SUMMED = ("slerp", "nuslerp", "karcher", "model_stock", "sce")
_PIECE = 1 << 25  # elements compared at a time


@dataclass(frozen=True)
class Case:
    """A base and three models of one size and type, in three places.

    `host` lies and merges on the CPU, `resident` on the device; `staged` lies in host memory, pinned
    where there is CUDA, and merges on the device.
    """

    name: str
    host: Sources
    resident: Sources
    staged: Sources

    @property
    def parameters(self) -> int:
        """Elements of one model."""
        return sum(segment.size for segment in self.host.layout.segments)


def micro(dtype: torch.dtype, device: torch.device) -> Case:
    """The models of the task ja_math_micro."""
    from safetensors.torch import load_file

    models = {}
    for name, folder in _ZOO.items():
        path = resources.ZOO / "ja_math_micro" / folder / "model.safetensors"
        models[name] = {key: tensor.to(dtype) for key, tensor in load_file(path).items()}
    return _case("micro", Sources.from_tensors(models, device))


def synthetic(parameters: int, dtype: torch.dtype, device: torch.device) -> Case:
    """Random models of a Llama's layout, made where they are merged: deltas of 0.002 around a base."""
    with torch.device("meta"):
        layout = Layout.of({n: tuple(p.shape) for n, p in llama(parameters).named_parameters()})
    rng = torch.Generator(device).manual_seed(0)
    flats = {n: torch.zeros(layout.size, dtype=dtype, device=device) for n in ("base", *MODELS)}
    for segment in layout.segments:
        part = slice(segment.start, segment.stop)
        base = 0.02 * torch.randn(segment.size, device=device, generator=rng)
        flats["base"][part] = base
        for model in MODELS:
            delta = torch.randn(segment.size, device=device, generator=rng)
            flats[model][part] = base + 0.002 * delta
    return _case("synthetic", Sources(layout, flats, device))


def _case(kind: str, resident: Sources) -> Case:
    layout, device = resident.layout, resident.device
    cuda = device.type == "cuda"
    host = {name: resident.flat(name).cpu() for name in resident.names}
    host = {name: flat.pin_memory() if cuda else flat for name, flat in host.items()}
    found = Case("", Sources(layout, host), resident, Sources(layout, host, device))
    dtype = str(resident.dtype).removeprefix("torch.")
    return replace(found, name=f"{kind} {found.parameters:,} {dtype}")


def engines(case: Case) -> dict[str, tuple[Sources, MakeRunner]]:
    """What can merge on the case's device: the sources it reads, and what makes its runner."""
    found: dict[str, tuple[Sources, MakeRunner]] = {
        "torch": (case.resident, Eager),
        "torch, staged": (case.staged, Eager),
    }
    if case.resident.device.type == "cpu":
        if compiler():
            found["C++"] = (case.resident, Kernel)
    elif launch.available():
        whole = sum(case.host.flat(name).nbytes for name in case.host.names)
        budget = min(max(whole // 8, 1 << 16), launch.BUDGET)  # several groups of any size
        found["Triton"] = (case.resident, CudaKernel)
        found["Triton, staged"] = (
            case.staged,
            functools.partial(CudaKernel, staged=True, budget=budget),
        )
    return found


def merger(
    sources: Sources, make: MakeRunner, tables: Tables | None = None
) -> tuple[Merger, nn.Module]:
    """A `Merger` and its live model, of the sources' type; `tables` of the same weights elsewhere."""
    live = _bare(sources)
    if tables is None:
        return Merger(sources, live, make), live
    own = copy.copy(tables)  # what was computed is shared
    own.sources = sources
    made = Merger(sources, live, lambda _, flat: make(own, flat))
    made.tables = own
    return made, live


def _bare(sources: Sources) -> nn.Module:
    """A module of the layout's parameters that computes nothing."""
    root = nn.Module()
    for segment in sources.layout.segments:
        *path, last = segment.name.split(".")
        place = root
        for word in path:
            if word not in place._modules:
                place.add_module(word, nn.Module())
            place = place.get_submodule(word)
        held = torch.empty(segment.shape, dtype=sources.dtype, device=sources.device)
        place.register_parameter(last, nn.Parameter(held, requires_grad=False))
    return root


def recipes(number: int, dtype: torch.dtype, variants: bool) -> dict[str, Recipe]:
    """A merge by every method, candidate `number`; with `variants` by every way to rescale."""
    found = {}
    for method, known in METHODS.items():
        plain = replace(
            recipe(method, len(MODELS), number), dtype=str(dtype).removeprefix("torch.")
        )
        found[method] = plain
        rule = known.parameters.get("rescale")
        for option in rule.options if variants and rule else ():
            if rule and option != rule.default:
                named = {**plain.parameters, "rescale": option}
                found[f"{method} {option}"] = replace(plain, parameters=named)
    return found


def exact(asked: Recipe) -> bool:
    """Whether the merge must give the CPU's bytes; see the module's text."""
    rule = METHODS[asked.title].parameters.get("rescale")
    rescale = asked.parameters.get("rescale", rule.default if rule else None)
    return asked.title not in _SUMMED and rescale != "l1"


def compared(found: nn.Module, want: nn.Module, same_bytes: bool) -> tuple[Any, str]:
    """The verdict on the live model `found` beside the CPU's, and what differs most."""
    apart, stray, count, worst, where = 0, 0, 0, 0.0, ""
    theirs = dict(want.named_parameters())
    for name, tensor in found.named_parameters():
        scale = float(theirs[name].abs().max()) if theirs[name].numel() else 0.0
        pieces = zip(
            tensor.view(-1).split(_PIECE), theirs[name].view(-1).split(_PIECE), strict=True
        )
        for one, other in pieces:
            other = other.to(one.device)
            count += len(one)
            bits = torch.int16 if one.dtype.itemsize == 2 else torch.int32
            if torch.equal(one.view(bits), other.view(bits)):
                continue
            apart += int((one.view(bits) != other.view(bits)).sum())
            off = (one.float() - other.float()).abs()
            allowed = CLOSE * scale + torch.finfo(one.dtype).eps * other.float().abs()
            stray += int((~(off <= allowed)).sum())  # NaN strays too
            if not float(off.max()) <= worst:
                worst, where = float(off.max()), name
    if not apart:
        return "equal", ""
    note = f"{apart:,} of {count:,} elements differ, by at most {worst:.3g} ({where})"
    if not same_bytes:
        note += f"; {stray:,} by more than rounding"
    return ("within" if not same_bytes and stray <= STRAY * count else "refuted"), note


def checks(case: Case, methods: Sequence[str], repeats: int) -> Iterator[Finding]:
    """Every method by every engine on `case`: equal to the CPU's, and its time beside the floor."""
    large = case.parameters >= SHARED
    tables = Tables(case.resident) if large else None
    # The reference is eager.py; of large models the C++ kernel, which gives the same bytes sooner.
    quick = large and compiler() is not None
    reference, want = merger(case.host, Kernel if quick else Eager, tables)
    known, device = engines(case), case.resident.device
    speeds = bandwidths(case)
    todo = [recipes(number, case.host.dtype, not large) for number in range(repeats)]

    @functools.cache
    def built(engine: str) -> tuple[Merger, nn.Module]:
        return merger(*known[engine], tables)

    def checked(engine: str, label: str) -> Finding:
        own, live = built(engine)
        own.merge(todo[0][label])
        verdict, note = compared(live, want, exact(todo[0][label]))
        ms = median(lambda n: own.merge(todo[n][label]), repeats, device)
        floor = _floor(case, todo[0][label], speeds, "staged" in engine)
        return Finding(engine, case.name, label, verdict, note, ms, floor)

    for label, asked in todo[0].items():
        if asked.title in methods:
            reference.merge(asked)
            for engine in known:
                yield tried(engine, case.name, label, functools.partial(checked, engine, label))


def _floor(case: Case, asked: Recipe, speeds: tuple[float, float], staged: bool) -> float:
    """Milliseconds to move each source of a merge once, and to write the live model once."""
    here, there = speeds
    size = case.host.flat("base").nbytes
    return 1e3 * size * (len(asked.models) / (there if staged else here) + 1 / here)


def bandwidths(case: Case) -> tuple[float, float]:
    """Bytes a second of a copy on the device (read and written), and of one from host memory to it.

    Copies are of a model's size, up to 256 MiB: a small model may lie in a cache, and so may its copy.
    """
    device, flat = case.resident.device, case.staged.flat("base")
    size = min(max(flat.nbytes, 1 << 24), 1 << 28)
    source, target = (torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2))
    host = torch.empty(size, dtype=torch.uint8, pin_memory=flat.is_pinned())
    here = median(lambda n: target.copy_(source), 5, device)
    there = median(lambda n: target.copy_(host, non_blocking=True), 5, device)
    return 2e3 * size / here, 1e3 * size / there
