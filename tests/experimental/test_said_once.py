"""Who asks for an experimental engine gets it, and is told once what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from suite.assembly import engines
from suite.assembly.compose import compose
from suite.experimental import say_once
from suite.experimental.cuda_merging import launch
from suite.experimental.vllm_engine import handle as vllm_handle


@pytest.fixture(autouse=True)
def not_said_yet() -> Iterator[None]:
    say_once.cache_clear()
    yield
    say_once.cache_clear()


@pytest.mark.parametrize("mode", ["auto", "compiled"])
def test_a_cuda_device_gets_the_kernel_and_the_user_a_line(
    mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "available", lambda: True)
    for _ in range(2):
        assert engines.merging(mode, "cuda:1") is launch.CudaKernel
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("suite: merging by the Triton kernel is exp")
    assert "python benchmarks/gpu_check.py" in said and "merging.mode=eager" in said


@pytest.mark.parametrize(
    ("mode", "device", "there"),
    [
        ("auto", "cpu", True),
        ("compiled", "cpu", True),
        ("eager", "cuda:0", True),
        ("auto", "cuda:0", False),
    ],
)
def test_others_merge_as_before_and_hear_nothing(
    mode: str,
    device: str,
    there: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(launch, "available", lambda: there)
    assert engines.merging(mode, device) == mode
    assert not capsys.readouterr().err


def test_vllm_is_announced_once(
    install_vllm: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vllm_handle, "DEVICES", ("cpu",))
    for _ in range(2):
        assert engines.vllm(compose(["engine=vllm"]), [], "cpu") is vllm_handle
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("suite: engine=vllm is experimental")
    assert "engine=transformers" in said
    assert engines.vllm(compose([]), [], "cpu") is None and not capsys.readouterr().err
