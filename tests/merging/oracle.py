"""mergekit on one tensor in memory, through its method objects."""

from __future__ import annotations

from typing import Any

import torch

from suite.recipes.method_table import METHODS
from suite.recipes.recipe import Recipe
from tests.merging.making import Weights

_SHARED = {
    "normalize", "lambda", "t", "nuslerp_flatten", "nuslerp_row_wise",
    "filter_wise", "max_iter", "tol", "select_topk",
}  # fmt: skip


def theirs(
    recipe: Recipe, models: dict[str, Weights], tensor: str = "w", layers: int = 1, **types: Any
) -> torch.Tensor:
    """What mergekit makes of `tensor`; `types` are its dtype and out_dtype."""
    from mergekit.merge_methods import registry
    from mergekit.merge_methods.base import TensorEntry, TensorGroup

    name = recipe.method_on(tensor)
    rule = METHODS[name]
    parameters: dict[str, Any] = {}
    for parameter, how in rule.parameters.items():
        if how.per_input:
            parameters[parameter] = {
                i.model: recipe.value(parameter, tensor, layers, i) for i in recipe.inputs
            }
        elif parameter in _SHARED:
            parameters[parameter] = recipe.value(parameter, tensor, layers)
        elif parameter == "rescale":
            parameters[parameter] = recipe.value(parameter, tensor, layers) == "l1"
    ids = [i.model for i in recipe.inputs]
    if recipe.base is not None and recipe.base not in ids:
        ids.append(recipe.base)
    entries = [TensorEntry(i, models[i][tensor], i == recipe.base) for i in ids]
    found: torch.Tensor = registry.get(name)(
        [TensorGroup(tuple(entries))], parameters=parameters, **types
    )[0]
    return found
