from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from transformers import MistralConfig, MistralForCausalLM

from suite import resources
from suite.assembly import assemble
from suite.assembly.compose import compose
from suite.errors import BadInput
from suite.evaluators.cost import Cost
from suite.evaluators.models import handle
from suite.merging import PathMerger, Sources
from suite.objective import Objective
from suite.recipes.layer_path import Hop, LayerPath

LAYER = 2 * 128 * 128 + 2 * 64 * 128 + 3 * 352 * 128 + 2 * 128  # of the shipped models
TABLE, NORM = 776 * 128, 128


@pytest.fixture(scope="module")
def live() -> handle.TransformersHandle:
    return handle.load(resources.resolve("zoo:ja_math_micro/base"), "cpu")


def test_a_plain_model_by_hand(live: handle.TransformersHandle) -> None:
    scores = Cost("cost", passes=0).evaluate(live, "search")
    assert {figure: score.value for figure, score in scores.items()} == {
        "hops": 6,
        "active_parameters": (6 * LAYER + NORM + TABLE) / 1e6,
        "stored_parameters": (6 * LAYER + NORM + 2 * TABLE) / 1e6,
    }
    assert all((score.stderr, score.n, score.items) == (0.0, 1, ()) for score in scores.values())


def test_repeated_layers_are_run_again_and_stored_once() -> None:
    folders = {
        name: resources.resolve(f"zoo:ja_math_micro/{name}") for name in ("base", "japanese")
    }
    own = handle.load(folders["base"], "cpu")
    merger = PathMerger(Sources.load(folders), own.model, "eager")
    order = [("base", 0), ("japanese", 2), ("japanese", 2), ("japanese", 2), ("base", 5)]
    merger.merge(LayerPath("base", tuple(Hop(*hop) for hop in order)))
    scores = Cost("cost", passes=0).evaluate(own, "report")
    assert scores["hops"].value == 5
    assert scores["active_parameters"].value == (5 * LAYER + NORM + TABLE) / 1e6
    assert scores["stored_parameters"].value == (3 * LAYER + NORM + 2 * TABLE) / 1e6


def test_a_tied_head_is_used_and_stored_once() -> None:
    config = MistralConfig(
        vocab_size=50,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        tie_word_embeddings=True,
    )
    model = MistralForCausalLM(config)
    scores = Cost("cost", passes=0).evaluate(handle.TransformersHandle(model, None), "search")
    layer = sum(parameter.numel() for parameter in model.model.layers.parameters())
    assert scores["active_parameters"].value == (layer + 24 + 50 * 24) / 1e6
    assert scores["stored_parameters"] == scores["active_parameters"]


def test_time_is_the_median_of_passes_over_one_fixed_batch(
    live: handle.TransformersHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[torch.Tensor] = []
    durations = iter([9.0, 0.4, 0.1, 0.3])  # seconds; the first warms up
    clock = [0.0]
    real = live.model.forward

    def forward(*args: Any, input_ids: torch.Tensor, **more: Any) -> Any:
        read.append(input_ids)
        clock[0] += next(durations)
        return real(*args, input_ids=input_ids, **more)

    monkeypatch.setattr(live.model, "forward", forward)
    monkeypatch.setattr("suite.evaluators.cost.time.perf_counter", lambda: clock[0])
    cost = Cost("cost", rows=2, length=5, passes=3)
    score = cost.evaluate(live, "search")["milliseconds_per_token"]
    assert score.value == pytest.approx(30.0)  # 0.3 s over 10 tokens
    assert score.n == 3 and score.stderr > 0
    assert [tuple(ids.shape) for ids in read] == [(2, 5)] * 4
    assert all(torch.equal(ids, read[0]) for ids in read) and int(read[0].max()) < 776


@pytest.mark.parametrize("passes", [0, 1])
def test_figures_are_those_it_measures(live: handle.TransformersHandle, passes: int) -> None:
    cost = Cost("cost", rows=1, length=2, passes=passes)
    assert tuple(cost.evaluate(live, "select")) == cost.figures
    assert ("milliseconds_per_token" in cost.figures) == bool(passes)


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"length": 0}, {"passes": -1}])
def test_impossible_batches_are_refused(wrong: dict[str, int]) -> None:
    (key,) = wrong
    with pytest.raises(BadInput, match=f"'cost': {key} "):
        Cost("cost", **wrong)


def test_a_handle_without_a_model_is_refused() -> None:
    with pytest.raises(BadInput, match="object shows no layers"):
        Cost("cost").evaluate(object(), "search")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("depth", 6, 24), ("active_parameters", *((n * LAYER + NORM + TABLE) / 1e6 for n in (6, 24)))],
)
def test_the_shipped_objectives_are_measured_by_the_shipped_evaluator(
    name: str, low: float, high: float
) -> None:
    read = {
        kind: yaml.safe_load((resources.data("conf") / kind / f"{file}.yaml").read_text())
        for kind, file in (("evaluator", "cost"), ("objective", name))
    }
    spec = {"objectives": {name: read["objective"]}, "evaluators": {"cost": read["evaluator"]}}
    run = compose([])
    run = run.with_task(run.task.changed(**spec))
    (cost,), (objective,) = assemble.evaluators(run), run.task.objectives
    assert cost.name == "cost" and isinstance(objective, Objective)
    assert objective.loss(low) == pytest.approx(0.0, abs=1e-3)
    assert objective.loss(high) == pytest.approx(1.0, abs=1e-3)
