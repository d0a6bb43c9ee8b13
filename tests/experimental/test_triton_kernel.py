"""The kernel compiles for devices that are not here, to the loads and operations that it should have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.experimental.cuda_merging import launch
from tests.experimental.cuda_examples import INTERPRETED, needs_triton


@needs_triton
@pytest.mark.skipif(INTERPRETED, reason="compiles")
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"MASK": "window", "HIGH": True, "ELECT": "weighted", "DIVIDE": "kept"},
        {"MASK": "random", "MEASURE": "l1"},
        {"MASK": "ranked", "INVERSE": True, "LIVE": "float16"},
        {"MASK": "variance", "ELECT": "plain", "DIVIDE": "clamped", "LIVE": "float32"},
        {"K": 1, "DELTA": False, "NARROW": False},
    ],
)
def test_compiles_for_devices_that_are_not_here(
    variant: dict[str, Any], capability: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Machine code comes out; its loads are 16 bytes wide, and no operations are contracted."""
    code = _compiled({**PLAIN, **variant}, capability, monkeypatch, tmp_path)
    wide = len(re.findall(r"ld\.global\.v4\.b32", code))
    assert wide >= variant.get("K", 3)
    assert not re.search(r"\b(mul|add|sub|div)(\.full|\.approx)?(\.ftz)?\.f32", code)
    sums = "ELECT" not in variant and "MEASURE" not in variant and "K" not in variant
    assert bool(re.search(r"\bfma\.", code)) == sums


PLAIN: dict[str, Any] = {"K": 3, "BLOCK": launch.BLOCK, "NARROW": True, "LIVE": "bfloat16"}
PLAIN |= {"DELTA": True, "MASK": "all", "HIGH": False, "INVERSE": False}
PLAIN |= {"ELECT": "no", "DIVIDE": "no", "MEASURE": "no"}


def _compiled(
    variant: dict[str, Any], capability: int, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> str:
    from triton.backends.compiler import GPUTarget
    from triton.runtime import driver
    from triton.runtime.jit import MockTensor

    class Absent:
        def get_current_target(self) -> Any:
            return GPUTarget("cuda", capability, 32)

        def get_current_device(self) -> int:
            return capability  # compiled kernels are kept by device

        def get_current_stream(self, device: int) -> int:
            return 0

    monkeypatch.setattr(driver, "_active", Absent())
    monkeypatch.setenv("TRITON_CACHE_DIR", str(folder))
    numbers = MockTensor(torch.int16 if variant["NARROW"] else torch.float32)
    live = {"bfloat16": torch.int16, "float16": torch.float16}.get(variant["LIVE"], torch.float32)
    tables = [MockTensor(t) for t in (torch.int32, torch.int64, torch.int32, torch.float32)]
    ranks = (MockTensor(torch.int16),) * variant["K"]
    pointers = [*tables, numbers, (numbers,) * variant["K"], ranks, MockTensor(live)]
    done = launch._kernels().fused.warmup(
        *pointers, MockTensor(torch.float64), 0, grid=(1,), **variant, **launch._OPTIONS
    )
    assert done.asm["cubin"]
    return str(done.asm["ptx"])
