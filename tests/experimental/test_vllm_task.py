"""A task with `engine=vllm`: the same scores, and what it cannot do is told before anything is loaded."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from suite.assembly import assemble
from suite.assembly.compose import compose
from suite.errors import BadInput
from suite.evaluators.models.handle import TransformersHandle
from suite.experimental.vllm_engine import handle as vllm_handle
from suite.experimental.vllm_engine.handle import VllmHandle
from tests.experimental.fake_vllm import llm_of


def test_a_task_scores_the_same_on_both_engines(
    install_vllm: Any, few_items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_handle, "DEVICES", ("cpu",))
    words = [*few_items, "device=cpu", "merging.mode=eager", "batch_size=8"]
    ours = assemble.task(compose(words))
    theirs = assemble.task(compose([*words, "engine=vllm", "+vllm.max_model_len=200"]))
    assert type(ours.handle) is TransformersHandle
    assert isinstance(theirs.handle, VllmHandle) and llm_of(theirs.handle).length == 200
    for weight in (0.2, 0.6):
        merge = ours.recipe(torch.full((ours.space.d,), weight).double().numpy())
        assert theirs.measure(merge, "search").scores == ours.measure(merge, "search").scores


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["engine=sglang"], "engine=sglang: allowed are transformers, vllm"),
        (["engine=vllm", "device=cpu"], "runs on cuda:0, not on cpu"),
        (["engine=vllm", "task=ja_vlm_micro"], "has pictures; use engine=transformers"),
        (["engine=vllm", "task=ja_math_micro_dfs"], "searches layer paths"),
    ],
)
def test_tasks_that_it_cannot_do_are_refused_before_anything_is_loaded(
    install_vllm: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.setattr(assemble, "folders", None)
    with pytest.raises(BadInput, match=said):
        assemble.task(compose(words))


def test_beams_and_a_missing_vllm_are_told_before_anything_is_loaded(
    install_vllm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "folders", None)
    monkeypatch.setattr(vllm_handle, "DEVICES", ("cpu",))
    words = ["engine=vllm", "device=cpu"]
    with pytest.raises(BadInput, match="num_beams 3 is not possible"):
        assemble.task(compose([*words, "+task.evaluators.ja_math.decoding={num_beams: 3}"]))
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(BadInput, match=r"pip install 'merge-suite\[vllm\]'"):
        assemble.task(compose(words))
