"""Merges that mergekit and the suite both make: recipes of every method, and configurations as published.

Their models are those of `mergekit_alone`.
"""

from __future__ import annotations

from typing import Any

from suite.recipes.parameters import Filtered
from suite.recipes.recipe import Input, Recipe

ABC = {"a": 0.6, "b": 0.3, "c": -0.2}
GRADIENT = (Filtered("self_attn", (0.0, 0.5, 0.3, 1.0)), Filtered("mlp", (1.0, 0.2)))


def inputs(**more: Any) -> tuple[Input, ...]:
    return tuple(Input(name, {"weight": weight, **more}) for name, weight in ABC.items())


PAIR = (Input("a"), Input("b"))
WEIGHTS = (Input("a", {"weight": 0.8}), Input("b", {"weight": (*GRADIENT, Filtered(None, 0.4))}))
RECIPES = {
    "linear": Recipe("linear", inputs(), None, {"normalize": False}),
    "linear_base": Recipe("linear", (Input("base", {"weight": 1.0}), *WEIGHTS), "base"),
    "linear_half": Recipe(
        "linear", (Input("half", {"weight": 0.5}), *WEIGHTS), None, {}, "bfloat16"
    ),
    "slerp": Recipe("slerp", PAIR, "a", {"t": (*GRADIENT, Filtered(None, 0.5))}),
    "slerp_base_last": Recipe("slerp", PAIR, "b", {"t": 0.3}),
    "nuslerp": Recipe("nuslerp", WEIGHTS),
    "nuslerp_base": Recipe("nuslerp", WEIGHTS, "base"),
    "nuslerp_columns": Recipe("nuslerp", WEIGHTS, "base", {"nuslerp_flatten": False}),
    "nuslerp_rows": Recipe(
        "nuslerp", WEIGHTS, None, {"nuslerp_flatten": False, "nuslerp_row_wise": True}
    ),
    "task_arithmetic": Recipe("task_arithmetic", inputs(), "base", {"lambda": (0.5, 1.5)}),
    "task_arithmetic_normalized": Recipe("task_arithmetic", inputs(), "base", {"normalize": True}),
    "ties": Recipe("ties", inputs(density=0.4), "base", {"lambda": 0.7}),
    "ties_filters": Recipe(
        "ties",
        inputs(density=(*GRADIENT, Filtered(None, 0.7))),
        "base",
        {"normalize": (Filtered("mlp", False), Filtered(None, True)), "rescale": "l1"},
        "bfloat16",
    ),
    "dare_linear_dense": Recipe("dare_linear", inputs(), "base", {"seed": 3}),
    "dare_ties_dense": Recipe("dare_ties", inputs(), "base", {"normalize": True}),
    "breadcrumbs": Recipe("breadcrumbs", inputs(density=0.6, gamma=0.1), "base"),
    "breadcrumbs_ties": Recipe(
        "breadcrumbs_ties", inputs(density=(0.2, 0.9)), "base", {"rescale": "l1", "normalize": True}
    ),
    "della_dense": Recipe("della", inputs(density=1.0), "base"),
    "della_linear_dense": Recipe("della_linear", inputs(), "base", {"lambda": -0.5}),
    "model_stock": Recipe("model_stock", tuple(map(Input, "abc")), "base"),
    "model_stock_rows": Recipe("model_stock", PAIR, "base", {"filter_wise": True}),
    "karcher": Recipe("karcher", tuple(map(Input, "abc"))),
    "karcher_short": Recipe("karcher", PAIR, "b", {"max_iter": 2, "tol": 1e-3}),
    "sce": Recipe("sce", tuple(map(Input, "abc")), "base", {"select_topk": (0.2, 1.0)}),
    "passthrough": Recipe("passthrough", (Input("c", {"scale": (Filtered("mlp", 0.5),)}),)),
}

PUBLISHED = {
    "slerp with gradients": """
slices:
  - sources:
      - {model: a, layer_range: [0, 4]}
      - {model: b, layer_range: [0, 4]}
merge_method: slerp
base_model: a
parameters:
  t:
    - filter: self_attn
      value: [0, 0.5, 0.3, 0.7, 1]
    - filter: mlp
      value: [1, 0.5, 0.7, 0.3, 0]
    - value: 0.5
dtype: float32
""",
    "slerp in several slices": """
slices:
  - sources:
      - {model: a, layer_range: [0, 2]}
      - {model: b, layer_range: [0, 2]}
    parameters: {t: 0.2}
  - sources:
      - {model: a, layer_range: [2, 3]}
      - {model: b, layer_range: [2, 3]}
    parameters:
      t: {filter: mlp, value: [0.1, 0.9]}
  - sources:
      - {model: a, layer_range: [3, 4]}
      - {model: b, layer_range: [3, 4]}
merge_method: slerp
base_model: b
parameters:
  t:
    - filter: self_attn
      value: [0, 1]
    - value: 0.6
tokenizer_source: base
dtype: float32
""",
    "gradients run within their slice": """
slices:
  - sources:
      - {model: a, layer_range: [0, 3], parameters: {weight: [0, 1]}}
      - {model: b, layer_range: [0, 3], parameters: {weight: 0.5}}
  - sources:
      - {model: a, layer_range: [3, 4], parameters: {weight: [0, 1]}}
      - {model: b, layer_range: [3, 4]}
merge_method: linear
parameters: {weight: [{filter: mlp, value: 0.2}, {value: 0.7}]}
dtype: float32
""",
    "ties with densities": """
models:
  - model: base
  - model: a
    parameters: {density: [1, 0.7, 0.1], weight: 1.0}
  - model: b
    parameters: {density: 0.5, weight: [0, 0.3, 0.7, 1]}
  - model: c
    parameters:
      density: 0.33
      weight:
        - filter: mlp
          value: 0.5
        - value: 0
merge_method: ties
base_model: base
parameters: {normalize: true, int8_mask: true}
dtype: float32
""",
    "ties whose switches follow the depth": """
models:
  - {model: a, parameters: {weight: 0.5, density: 0.5}}
  - {model: b, parameters: {weight: 0.5, density: 5e-1}}
merge_method: ties
base_model: base
parameters: {normalize: [true, 0], rescale: [{filter: mlp, value: [no, yes, no]}]}
dtype: float32
out_dtype: float32
""",
    "task arithmetic with what does nothing": """
models:
  - {model: a, parameters: {weight: 0.35, density: 0.5}}
  - {model: b, parameters: {weight: 0.65}}
merge_method: task_arithmetic
base_model: base
parameters: {rescale: true, int8_mask: true, normalize: 1.0}
dtype: float32
tokenizer: {source: base}
""",
    "model stock": """
models: [{model: a}, {model: b}, {model: c}]
merge_method: model_stock
base_model: base
dtype: float32
""",
    "karcher": """
models: [{model: a}, {model: b}, {model: c}]
merge_method: karcher
parameters: {max_iter: 5, tol: 1e-6}
dtype: float32
""",
    "sce": """
models: [{model: a}, {model: b}, {model: base}]
merge_method: sce
base_model: base
parameters: {select_topk: 0.15, int8_mask: true}
dtype: float32
""",
    "nuslerp with a base": """
models:
  - {model: a, parameters: {weight: 0.4}}
  - {model: c, parameters: {weight: 0.2}}
merge_method: nuslerp
base_model: base
dtype: float32
out_dtype: bfloat16
""",
    "breadcrumbs": """
models:
  - {model: a, parameters: {weight: 0.5, density: 0.9, gamma: 0.01}}
  - {model: b, parameters: {weight: 0.5, density: 0.5, gamma: [0, 0.2]}}
merge_method: breadcrumbs
base_model: base
dtype: float32
""",
    "linear rounded to bfloat16": """
models:
  - {model: a, parameters: {weight: 1}}
  - {model: half, parameters: {weight: {filter: self_attn, value: 0.3}}}
merge_method: linear
parameters: {weight: 0.5}
dtype: float32
out_dtype: bfloat16
""",
}
