"""Configurations in mergekit's words, to read, to change and to break: of merges, and of a layer path."""

from __future__ import annotations

from typing import Any

TIES = """
models:
  - model: base
  - model: org/a@abc123
    parameters: {weight: 0.5, density: [1, 0.5, 1e-1]}
  - model: org/b
    parameters:
      weight:
        - filter: mlp
          value: [0, 1]
        - value: 0.25
merge_method: ties
base_model: base
parameters: {normalize: false, int8_mask: true, lambda: 0.7}
dtype: bfloat16
"""

SLICES = """
slices:
  - sources:
      - {model: a, layer_range: [0, 6]}
      - {model: b, layer_range: [0, 6]}
    parameters:
      t: [{filter: mlp, value: 0.1}]
merge_method: slerp
base_model: a
parameters: {t: 0.5}
"""


def path_slices(scale: Any, top: Any = None, where: str = "source") -> dict[str, Any]:
    """A path of three layers of a, the last two scaled."""
    source: dict[str, Any] = {"model": "a", "layer_range": [1, 3]}
    second: dict[str, Any] = {"sources": [source]}
    (source if where == "source" else second)["parameters"] = {"scale": scale}
    data = {
        "merge_method": "passthrough",
        "slices": [{"sources": [{"model": "a", "layer_range": [0, 1]}]}, second],
    }
    return {**data, **({} if top is None else {"parameters": {"scale": top}})}


def both(value: Any) -> list[dict[str, Any]]:
    """A scale of both projections that end a block."""
    return [{"filter": part, "value": value} for part in ("down_proj", "o_proj")]
