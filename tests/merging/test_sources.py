from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.errors import BadInput
from suite.merging.sources import Sources

Weights = dict[str, torch.Tensor]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_loads_checkpoints_in_float32(
    tmp_path: Path, tiny: Callable[..., Any], dtype: torch.dtype
) -> None:
    saved = {name: tiny(seed).to(dtype) for seed, name in enumerate(("base", "a"))}
    for name, model in saved.items():
        model.save_pretrained(tmp_path / name)
    sources = Sources.load({name: tmp_path / name for name in saved})
    assert sources.names == ("base", "a") and sources.layout.layers == 3
    for name, model in saved.items():
        for segment in sources.layout.segments:
            found = sources.layout.view(sources.flat(name), segment)
            assert found.dtype == torch.float32
            assert torch.equal(found, model.state_dict()[segment.name].float())


def test_ranks_are_a_stable_order_of_magnitudes() -> None:
    base = {"w": torch.zeros(6), "v": torch.zeros(1)}
    model = {"w": torch.tensor([1.0, -3.0, 3.0, 0.0, -1.0, 2.0]), "v": torch.tensor([-5.0])}
    sources = Sources.from_tensors({"base": base, "m": model})
    ranks = {s.name: sources.ranks("base", "m")[s.start : s.stop] for s in sources.layout.segments}
    assert ranks["w"].tolist() == [3, 0, 1, 5, 4, 2] and ranks["v"].tolist() == [0]


def test_norms_and_cosines(models: dict[str, Weights]) -> None:
    sources = Sources.from_tensors(models)
    for i, segment in enumerate(sources.layout.segments):
        a, b = (models[name][segment.name].double().numpy().ravel() for name in "ab")
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert sources.cosines("a", "b")[i] == pytest.approx(cosine, abs=1e-12)
        vector = models["a"][segment.name] - models["base"][segment.name]
        norm = float(vector.double().abs().sum())
        assert sources.l1_norms("base", "a")[i] == pytest.approx(norm, rel=1e-6)


def test_cosine_of_a_zero_tensor_is_zero() -> None:
    sources = Sources.from_tensors({"a": {"w": torch.zeros(3)}, "b": {"w": torch.ones(3)}})
    assert sources.cosines("a", "b") == (0.0,)


def test_what_depends_on_sources_is_computed_once(models: dict[str, Weights]) -> None:
    sources = Sources.from_tensors(models)
    assert sources.task_vector("base", "a") is sources.task_vector("base", "a")
    assert sources.ranks("base", "a") is sources.ranks("base", "a")
    bits = sources.random_bits(1, "a")
    assert bits is sources.random_bits(1, "a")
    assert not torch.equal(bits, sources.random_bits(2, "a"))
    assert torch.equal(bits, sources.random_bits(1, "a"))


def drop(weights: Weights) -> None:
    del weights["model.norm.weight"]


def add(weights: Weights) -> None:
    weights["extra.weight"] = torch.ones(1)


def reshape(weights: Weights) -> None:
    weights["model.norm.weight"] = torch.ones(25)


def poison(weights: Weights) -> None:
    weights["model.norm.weight"] = torch.full((24,), torch.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, "tensor 'model.norm.weight' is in 'base', not in 'b'"),
        (add, "tensor 'extra.weight' is in 'b', not in 'base'"),
        (reshape, r"'model.norm.weight' has shape \[24\] in 'base' and \[25\] in 'b'"),
        (poison, "model 'b': tensor 'model.norm.weight' holds NaN or infinity"),
    ],
)
def test_models_that_do_not_fit(
    models: dict[str, Weights], change: Callable[[Weights], None], message: str
) -> None:
    change(models["b"])
    with pytest.raises(BadInput, match=message):
        Sources.from_tensors(models)


def test_unknown_and_no_models(models: dict[str, Weights]) -> None:
    with pytest.raises(BadInput, match="'x' is no source; there are base, a, b, c"):
        Sources.from_tensors(models).flat("x")
    with pytest.raises(BadInput, match="no source models"):
        Sources.from_tensors({})
