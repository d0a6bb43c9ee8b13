"""How much of each source's task vector a merge holds, as far as its recipe tells.

A merge of any method is read as base + Σ m d, with the sources' task vectors d (source - base) and
multipliers m: normalisation is folded in, and SLERP's and NuSLERP's t becomes 1 - t and t. Exact for
linear recipes and for sums of task vectors (task arithmetic, and dare_linear, della_linear and
breadcrumbs for what their densities keep). With an election of signs (ties, dare_ties,
breadcrumbs_ties, della) the normalisation differs by element and only λ is folded in; the multipliers
of model_stock, karcher and sce depend on the tensors, and 1/N stands for them.
"""

from __future__ import annotations

from suite.recipes.method_table import METHODS
from suite.recipes.recipe import Input, Recipe

# base + λ Σ w d / Σ w: normalised by one number, so that it can be folded into the weights
_SUMS = ("linear", "task_arithmetic", "dare_linear", "della_linear", "breadcrumbs")


def multiplier(
    recipe: Recipe, source: Input, tensor: str, layers: int, fold_lambda: bool = True
) -> float:
    """The multiplier m of one `source` of the recipe on a tensor of models with so many `layers`.

    λ, which multiplies all of them, is left out unless `fold_lambda`.
    """

    def value(name: str, of: Input | None = None) -> float:
        return float(recipe.value(name, tensor, layers, of))

    method = recipe.method_on(tensor)
    rules = METHODS[method].parameters
    if method == "slerp":
        return 1 - value("t") if source.model == recipe.base else value("t")
    if "weight" not in rules:
        return value("scale", source) if "scale" in rules else 1 / len(recipe.inputs)
    factor = value("lambda") if fold_lambda and "lambda" in rules else 1.0
    total = sum(value("weight", of) for of in recipe.inputs)
    if method == "nuslerp":
        return value("weight", source) / total if abs(total) >= 1e-6 else 0.5
    if method in _SUMS and value("normalize"):
        factor /= total or 1.0
    return factor * value("weight", source)
