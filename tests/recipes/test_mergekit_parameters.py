"""Parameters under gradients, filters and slices: for each tensor we read what mergekit 0.1.5 resolves."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.recipes.mergekit import read, write
from tests.mergekit_alone import LAYERS, planned

pytest.importorskip("mergekit")

numbers = st.floats(0.0, 1.0) | st.sampled_from(["1e-1", 1, 0])
gradients = numbers | st.lists(numbers, min_size=1, max_size=5)
wanted = st.sampled_from(["self_attn", "mlp", "mlp.up_proj", "layers.1", "lm_head", "model.norm"])
conditions = st.fixed_dictionaries({"filter": wanted, "value": gradients})
unconditional = gradients.map(lambda value: {"value": value})
settings_ = gradients | st.builds(
    lambda some, rest: [*some, rest], st.lists(conditions, max_size=3), unconditional
)
switches = st.booleans() | st.lists(st.booleans(), min_size=1, max_size=3)
some_settings = settings_ | st.lists(conditions, min_size=1, max_size=2) | conditions
PARTS = st.sampled_from([[4], [1, 3], [2, 2], [1, 1, 2], [1, 1, 1, 1], [3, 1]])


def _optional(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A ties configuration as models or slices, with parameters at every level."""
    own = _optional(weight=some_settings, density=some_settings)
    level = _optional(weight=some_settings, density=some_settings, **{"lambda": some_settings})
    top = {"weight": draw(settings_), **draw(level), "normalize": draw(switches)}
    top["weight"] = draw(settings_)
    data = {"merge_method": "ties", "base_model": "base", "parameters": top, "dtype": "float32"}
    if draw(st.booleans()):
        return {**data, "models": [{"model": m, "parameters": draw(own)} for m in "abc"]}
    edges = [0, *itertools.accumulate(draw(PARTS))]
    slices = [
        {
            "sources": [
                {"model": m, "layer_range": [a, b], "parameters": draw(own)}
                for m in ("a", "b", "base")
            ],
            "parameters": draw(level),
        }
        for a, b in itertools.pairwise(edges)
    ]
    return {**data, "slices": slices}


@settings(max_examples=60)
@given(configurations())
def test_parameters_resolve_as_in_mergekit(
    small_models: dict[str, Path], data: dict[str, Any]
) -> None:
    text = yaml.safe_dump(data)
    recipe = read(text, layers=LAYERS)
    assert read(write(recipe)) == recipe
    for tensor, (shared, own) in planned(text, small_models).items():
        for name in ("lambda", "normalize"):
            assert recipe.value(name, tensor, LAYERS) == shared[name], (name, tensor)
        for entry in recipe.inputs:
            for name in ("weight", "density"):
                found = recipe.value(name, tensor, LAYERS, entry)
                assert found == own[entry.model][name], (name, tensor, entry.model)
