"""Configurations of slices: those of all layers are one merge, others are refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from suite.errors import BadInput
from suite.recipes.mergekit import read
from tests.mergekit_texts import SLICES, TIES


def test_slices_form_stacks_its_parameters() -> None:
    recipe = read(SLICES, layers=6)
    assert [i.model for i in recipe.inputs] == ["a", "b"] and recipe.base == "a"
    assert recipe.value("t", "model.layers.1.mlp.up_proj.weight", 6) == 0.1
    assert recipe.value("t", "model.norm.weight", 6) == 0.5
    scalar = read(SLICES.replace("[{filter: mlp, value: 0.1}]", "0.2"), layers=6)
    assert scalar.parameters["t"] == 0.2


def sliced(*ranges: list[int], **more: Any) -> str:
    """SLICES with these layer ranges, and `more` keys in the last slice."""
    data = yaml.safe_load(SLICES)
    (slice_,) = data["slices"]
    data["slices"] = [
        {**slice_, "sources": [{**source, "layer_range": part} for source in slice_["sources"]]}
        for part in ranges
    ]
    data["slices"][-1].update(more)
    return yaml.safe_dump(data)


def test_slices_need_the_number_of_layers() -> None:
    with pytest.raises(BadInput, match="need the models' number of layers"):
        read(SLICES)
    asked: list[str] = []

    def count(model: str) -> int:
        asked.append(model)
        return 6

    assert read(SLICES, {"a": "A", "b": "B"}, count).base == "A" and asked == ["A"]
    assert read(TIES, None, count).dtype == "bfloat16" and asked == ["A"]


def test_slices_of_all_layers_become_one_merge() -> None:
    recipe = read(sliced([0, 2], [2, 6], parameters={"t": [0, 0.3]}), layers=6)
    layer = [recipe.value("t", f"model.layers.{i}.self_attn.x", 6) for i in range(6)]
    assert layer == pytest.approx([0.5, 0.5, 0, 0.1, 0.2, 0.3])
    assert recipe.value("t", "model.layers.1.mlp.x", 6) == 0.1
    assert recipe.value("t", "model.embed_tokens.weight", 6) == 0.5
    assert recipe.value("t", "model.norm.weight", 6) == 0.0
    same = read(sliced([0, 5], [5, 6]), layers=6)
    assert same == read(SLICES, layers=6)


PAIR = [{"model": "a", "layer_range": [3, 6]}, {"model": "c", "layer_range": [3, 6]}]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (r"layers \[3, 6\], \[0, 3\] of models with 6", sliced([3, 6], [0, 3])),
        (r"layers \[0, 3\], \[0, 6\]", sliced([0, 3], [0, 6])),
        (r"layers \[0, 2\], \[3, 6\]", sliced([0, 2], [3, 6])),
        (r"layers \[0, 3\], \[3, 3\], \[3, 6\]", sliced([0, 3], [3, 3], [3, 6])),
        (r"layers \[0, 7\] of models with 6", sliced([0, 7])),
        (r"layers \[0, 4\]", sliced([0, 4])),
        ("slice 2 merges a, c, slice 1 a, b", sliced([0, 3], [3, 6], sources=PAIR)),
        ("base_model is a, b", sliced([0, 3], [3, 6], base_model="b")),
        ("residual_weight is not supported", sliced([0, 3], [3, 6], residual_weight=0.5)),
        ("layer_range None of 'a'", sliced([0, 3], [3, 6], sources=[{"model": "a"}])),
        (
            "t: filter 'norm' cannot be told apart by layer",
            sliced([0, 3], [3, 6], parameters={"t": [{"filter": "norm", "value": 0}]}),
        ),
    ],
)
def test_other_slices_are_refused_by_name(message: str, text: str) -> None:
    with pytest.raises(BadInput, match=message) as error:
        read(text, layers=6)
    assert "\n" not in str(error.value)


def test_the_base_of_the_slices_is_the_base() -> None:
    data = yaml.safe_load(SLICES)
    data["slices"][0]["base_model"] = data.pop("base_model")
    assert read(yaml.safe_dump(data), layers=6) == read(SLICES, layers=6)
