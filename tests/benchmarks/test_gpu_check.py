"""The check of a GPU's paths, run on a CPU: what it compares is compared, and what is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gpu_check
import gpu_merges
import gpu_replies
import pytest
import torch
from gpu_findings import Finding, markdown, tried

from suite.evaluators.models.handle import TransformersHandle
from suite.merging.eager import Eager
from suite.merging.plan import Plan
from tests.experimental import fake_vllm

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def case() -> gpu_merges.Case:
    return gpu_merges.micro(torch.float32, CPU)


def found_by(case: gpu_merges.Case, runner: Any, method: str) -> Finding:
    """What the check says of `runner`, by the name ``broken``, on one method."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu_merges, "engines", lambda case: {"broken": (case.resident, runner)})
        return next(iter(gpu_merges.checks(case, [method], 1)))


def spoiled(change: Callable[[torch.Tensor], None]) -> type[Eager]:
    """A runner that changes the live model, (layout.size,), behind eager's back."""

    class Spoiled(Eager):
        def run(self, plan: Plan) -> bool:
            super().run(plan)
            change(self.live)
            return False

    return Spoiled


def one_bit(live: torch.Tensor) -> None:
    live.view(torch.int32)[100] ^= 1


def one_element(live: torch.Tensor) -> None:
    live[100] += 1.0


def some(live: torch.Tensor) -> None:
    live[::1000] += 1e-3


def test_without_a_gpu_it_says_so_and_checks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and "no CUDA device" in err


def test_on_a_cpu_everything_is_run_and_nothing_refuted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--device", "cpu", "--small", "--methods", "linear", "karcher"]
    words += ["--candidates", "2"]
    assert gpu_check.main([*words, "--json", "--markdown", str(tmp_path / "gpu.md")]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    verdicts = {(f["engine"], f["case"], f["claim"]): f["verdict"] for f in findings}
    merges = [f for f in findings if f["engine"] in ("torch", "torch, staged", "C++")]
    assert len({f["case"] for f in merges}) == 4  # two sizes in two types
    assert len(merges) == 4 * 3 * 2 and all(f["ms"] > 0 and f["floor_ms"] > 0 for f in merges)
    assert {f["verdict"] for f in merges if f["claim"] == "linear"} == {"equal"}
    assert verdicts["generate", gpu_replies.CASE, "greedy replies"] == "equal"
    assert verdicts["search", gpu_replies.CASE, "2 candidates"] == "equal"
    assert verdicts["vLLM", gpu_replies.CASE, "weights and replies"] == "unchecked"
    page = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert page.count("| `linear` | ") == 4 and "pip install 'merge-suite[vllm]'" in page


@pytest.mark.parametrize(
    ("change", "method", "verdict"),
    [
        (one_bit, "linear", "refuted"),
        (one_bit, "karcher", "within"),
        (one_element, "karcher", "within"),  # a single election may go the other way
        (some, "karcher", "refuted"),
    ],
)
def test_a_wrong_element_is_seen(
    case: gpu_merges.Case, change: Any, method: str, verdict: str
) -> None:
    found = found_by(case, spoiled(change), method)
    assert (found.engine, found.claim, found.verdict) == ("broken", method, verdict)
    assert " of 1,306,240 elements differ" in found.note
    assert ("(lm_head.weight)" in found.note) == (change is not some)  # it holds element 100


def test_tables_that_are_shared_give_the_same_bytes(
    case: gpu_merges.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_merges, "SHARED", 1)
    findings = list(gpu_merges.checks(case, ["karcher", "ties"], 1))
    assert {f.claim for f in findings} == {"karcher", "ties"}
    assert {f.verdict for f in findings} == {"equal"}


def test_every_method_and_every_way_to_rescale_is_asked_for() -> None:
    asked = gpu_merges.recipes(0, torch.bfloat16, True)
    assert set(gpu_merges.METHODS) < set(asked)
    assert {"ties l1", "dare_ties none", "della inverse_density"} <= set(asked)
    assert {each.dtype for each in asked.values()} == {"bfloat16"}
    exact = {label for label, each in asked.items() if gpu_merges.exact(each)}
    assert {"linear", "ties", "dare_ties none", "della inverse_density"} <= exact
    assert not {"dare_ties", "ties l1", "slerp", "model_stock", "karcher", "sce"} & exact


def test_what_breaks_is_refuted_and_too_little_memory_is_not(case: gpu_merges.Case) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("misaligned address\nmore")

    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("tried to allocate")

    found = found_by(case, broken, "linear")
    assert (found.verdict, found.note) == ("refuted", "RuntimeError: misaligned address")
    assert found_by(case, full, "linear").verdict == "unchecked"


def test_a_refuted_claim_is_named_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = Finding("torch", "micro", "linear", "equal", "", 2.0, 1.0)
    bad = Finding("Triton", "micro", "ties", "refuted", "7 of 9 elements differ", 3.0, 1.0)
    monkeypatch.setattr(gpu_check, "findings", lambda options: iter([good, bad]))
    assert gpu_check.main(["--device", "cpu"]) == 1
    printed = capsys.readouterr().out
    assert "Refuted: 1\n  Triton | micro | ties: 7 of 9 elements differ" in printed
    assert "2.00 (2.0)" in printed and "3.00 (3.0) refuted" in printed
    assert "| Triton | micro | ties | refuted | 7 of 9 elements differ |" in markdown("", [bad])
    monkeypatch.setattr(
        gpu_check, "findings", lambda options: iter([replace(bad, verdict="within")])
    )
    assert gpu_check.main(["--device", "cpu"]) == 0


def test_replies_that_differ_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    handles: list[int] = []
    generate = TransformersHandle.generate

    def other(self: Any, *args: Any, **more: Any) -> Any:
        replies = generate(self, *args, **more)
        handles.append(id(self))
        if len(handles) == 1:  # the device is asked first
            replies[0] = replace(replies[0], text="another")
        return replies

    monkeypatch.setattr(TransformersHandle, "generate", other)
    found = gpu_replies.generated("cpu", small=True)
    assert found.verdict == "refuted" and found.note.startswith("1 of 16 replies differ")


def test_vllm_is_asked_after_every_swap(install_vllm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_replies, "_FEW", 2)
    found = gpu_replies.by_vllm("cpu", small=True)
    assert found.verdict == "equal" and found.note.startswith("0 of 16 replies differ")


def test_a_swap_that_vllm_does_not_take_is_refuted(install_vllm: Any) -> None:
    class Once(fake_vllm.Model):
        def load_weights(self, weights: Iterator[tuple[str, torch.Tensor]]) -> set[str]:
            return set() if "load" in self.log else super().load_weights(weights)

    install_vllm(type("OnceLLM", (fake_vllm.LLM,), {"model_class": Once}))
    found = tried("vLLM", "", "", lambda: gpu_replies.by_vllm("cpu", small=True))
    assert found.verdict == "refuted" and found.note.startswith(
        "StaleEngine: vLLM took the weights"
    )
