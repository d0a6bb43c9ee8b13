"""The GPU's kernel against eager merges: in Triton's interpreter on a CPU, compiled on a CUDA device.

Triton reads TRITON_INTERPRET when it is first imported: where it is not set, one test runs the
others in a process that has it set.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from suite.errors import BadInput
from suite.experimental.cuda_merging import launch
from suite.merging import planner
from suite.merging.eager import Eager
from suite.merging.plan import Plan
from suite.merging.sources import Sources
from suite.merging.tables import Tables
from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe
from tests.experimental.cuda_examples import (
    INTERPRETED,
    MEASURED,
    RANDOM,
    RECIPES,
    SHAPES,
    TYPES,
    check,
    inputs,
    made,
    merged,
    needs_triton,
)

BLOCK = 64


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    if name == "cuda" and (INTERPRETED or not torch.cuda.is_available()):
        pytest.skip("no CUDA device to compile for")
    if name == "cpu" and not INTERPRETED:
        pytest.skip("run by test_under_the_interpreter")
    if name == "cpu":
        builder = pytest.importorskip("triton.runtime.interpreter").InterpreterBuilder
        monkeypatch.setattr(builder, "create_fma", _fused_multiply_add)
    return name


def _fused_multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x y + z rounded once, as hardware does; the interpreter's own rounds twice."""
    exact = x.data.astype(np.float64) * y.data.astype(np.float64) + z.data.astype(np.float64)
    return type(x)(exact.astype(np.float32), x.dtype.scalar)


@pytest.fixture(scope="module")
def weights() -> dict[str, dict[str, torch.Tensor]]:
    """Four models around a base; many magnitudes are equal, some differences zero."""
    rng = torch.Generator().manual_seed(2)
    base = {name: torch.randn(shape, generator=rng) for name, shape in SHAPES.items()}

    def near(tensor: torch.Tensor) -> torch.Tensor:
        steps = (torch.randn(tensor.shape, generator=rng) * 4).round() / 64
        return tensor + torch.where(
            torch.rand(tensor.shape, generator=rng) < 0.5, steps, steps * 1.3
        )

    return {"base": base, **{m: {n: near(t) for n, t in base.items()} for m in "abcd"}}


@needs_triton
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("name", RECIPES)
def test_equals_eager(weights: Any, device: str, name: str, types: str) -> None:
    numbers, live = TYPES[types]
    sources = made(weights, numbers, device)
    want = merged(Eager, RECIPES[name], sources, live)
    found = merged(
        lambda t, out: launch.CudaKernel(t, out, block=BLOCK), RECIPES[name], sources, live
    )
    check(found, want, name in MEASURED)


@needs_triton
@pytest.mark.parametrize("tiles", [1, 3, 100])
@pytest.mark.parametrize("name", ["linear", "ties", "della", *MEASURED])
def test_staged_sources_give_the_same_bytes(
    weights: Any, device: str, name: str, tiles: int
) -> None:
    numbers = torch.float32 if name in ("ties", "sce") else torch.bfloat16
    recipe = RECIPES[name]
    read = len(recipe.inputs) + (recipe.base is not None)
    each = read * numbers.itemsize + 2 * len(recipe.inputs) * ("della" in name)
    budget = tiles * BLOCK * each
    sources = made(weights, numbers, device)
    want = merged(
        lambda t, out: launch.CudaKernel(t, out, block=BLOCK),
        RECIPES[name],
        sources,
        torch.bfloat16,
    )
    streamed = made(weights, numbers, device, streamed=True)
    found = merged(
        lambda t, out: launch.CudaKernel(t, out, block=BLOCK, staged=True, budget=budget),
        RECIPES[name],
        streamed,
        torch.bfloat16,
    )
    assert torch.equal(found.view(torch.int16), want.view(torch.int16))


@needs_triton
def test_methods_by_tensor_and_again(weights: Any, device: str) -> None:
    """Plans of parts of a model, run twice by one kernel: tables that are kept are the right ones."""
    method = (
        Filtered("layers.1", "dare_ties"),
        Filtered("layers.5", "ties"),
        Filtered(None, "sce"),
    )
    recipe = Recipe(method, inputs(density=0.5), "base", RANDOM)  # type: ignore[arg-type]
    sources = made(weights, torch.float32, device)
    tables, live = Tables(sources), torch.zeros(sources.layout.size, device=sources.device)
    runner = launch.CudaKernel(tables, live, block=BLOCK)
    want = merged(Eager, recipe, sources, torch.float32)
    for _ in range(2):
        live.zero_()
        for plan in planner.plans(recipe, tables):
            assert isinstance(plan, Plan)
            runner.run(plan)
        assert torch.equal(live.cpu(), want)
    for plan in planner.plans(RECIPES["ties"], tables):
        assert isinstance(plan, Plan)
        runner.run(plan)
    assert torch.equal(live.cpu(), merged(Eager, RECIPES["ties"], sources, torch.float32))


@needs_triton
def test_rounds_to_nearest_even_and_keeps_what_is_not_finite(device: str) -> None:
    bits = torch.arange(-(1 << 31), 1 << 31, 1 << 21, dtype=torch.int64)
    bits = torch.cat([bits + step for step in (0, 0x7FFF, 0x8000, 0x8001, 0x18000, 0x1001)])
    numbers = bits.to(torch.int32).view(torch.float32)
    flats = {"m": numbers[: len(numbers) // 16 * 16].to(device)}
    layout = Sources.from_tensors({"m": {"w": torch.zeros(flats["m"].shape)}}).layout
    sources = Sources(layout, flats, device)
    recipe = Recipe("linear", (Input("m", {"weight": 1.0}),))
    for dtype in (torch.bfloat16, torch.float16):
        want = flats["m"].to(dtype).cpu()
        found = merged(lambda t, out: launch.CudaKernel(t, out), recipe, sources, dtype)
        assert torch.equal(found.isnan(), want.isnan())
        same = torch.where(want.isnan(), 0, found.view(torch.int16))
        assert torch.equal(same, torch.where(want.isnan(), 0, want.view(torch.int16)))


@needs_triton
def test_writes_nothing_but_its_tensors(weights: Any, device: str) -> None:
    sources = made(weights, torch.float32, device)
    tables = Tables(sources)
    live = torch.full((sources.layout.size,), 7.0, device=sources.device)
    (plan,) = planner.plans(RECIPES["task arithmetic"], tables)
    assert isinstance(plan, Plan)
    launch.CudaKernel(tables, live, block=BLOCK).run(plan.rows(slice(2, 9, 3)))
    for place, segment in enumerate(sources.layout.segments):
        here = live[segment.start : segment.stop]
        behind = live[segment.stop : -(-segment.stop // 16) * 16]
        assert bool((here != 7).all() if place in (2, 5, 8) else (here == 7).all())
        assert bool((behind == (0 if place in (2, 5, 8) else 7)).all())


@needs_triton
@pytest.mark.parametrize("name", ["task arithmetic", "dare linear l1"])
def test_what_lies_between_tensors_stays_zero(weights: Any, device: str, name: str) -> None:
    """Infinite weights, or sources that hold something there, leave no trace behind a tensor."""
    clean, dirty = (made(weights, torch.float32, device) for _ in range(2))
    within = torch.zeros(clean.layout.size, dtype=torch.bool, device=device)
    for segment in clean.layout.segments:
        within[segment.start : segment.stop] = True
    dirty.flat("a")[~within] = 5.0
    lives = [torch.zeros(clean.layout.size, device=device) for _ in range(2)]
    for sources, live in zip((clean, dirty), lives, strict=True):
        tables = Tables(sources)
        (plan,) = planner.plans(RECIPES[name], tables)
        assert isinstance(plan, Plan)
        if plan.measure == "no":
            plan = replace(plan, weights=np.full_like(plan.weights, np.inf))
        launch.CudaKernel(tables, live, block=BLOCK).run(plan)
    assert bool((lives[1][~within] == 0).all())
    assert torch.equal(lives[0].view(torch.int32), lives[1].view(torch.int32))


@needs_triton
def test_what_it_cannot_write(weights: Any, device: str) -> None:
    tables = Tables(made(weights, torch.float32, device))
    with pytest.raises(BadInput, match=r"live model is torch\.float64; kernels write float32"):
        launch.CudaKernel(tables, torch.zeros(8, dtype=torch.float64, device=device))


@pytest.mark.skipif(importlib.util.find_spec("triton") is not None, reason="Triton is installed")
def test_without_triton(weights: Any) -> None:
    tables = Tables(made(weights, torch.float32, "cpu"))
    assert not launch.available()
    with pytest.raises(BadInput, match="no Triton, or no C compiler for it"):
        launch.CudaKernel(tables, torch.zeros(8))


def test_imports_without_triton() -> None:
    code = "import sys, suite.experimental.cuda_merging.launch; sys.exit('triton' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_triton
@pytest.mark.skipif(INTERPRETED, reason="this is it")
def test_under_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
