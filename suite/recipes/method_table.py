"""What each merge method takes: parameters with mergekit's defaults, base and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from suite.recipes.parameters import Rule


@dataclass(frozen=True)
class Method:
    """A merge method as recipes see it.

    `base` says what the base is: ``subtracted`` (task vectors are taken from it; it is no input),
    ``if_given`` (the same, but a recipe may do without), ``input`` (it is one of the inputs), or
    ``optional`` (it is an input like any other; its tokenizer is kept). `inputs` is the number of
    inputs, `least` the smallest where the number is free.
    """

    parameters: Mapping[str, Rule]
    base: Literal["subtracted", "if_given", "input", "optional"] = "subtracted"
    inputs: int | None = None
    least: int = 1

    def allows(self, count: int) -> bool:
        """Whether `count` inputs can be merged, the base not counted unless it is one of them."""
        return count == self.inputs if self.inputs is not None else count >= self.least

    @property
    def wanted(self) -> str:
        """The number of inputs in words."""
        if self.inputs is None:
            return "at least one model" if self.least == 1 else f"at least {self.least} models"
        return "exactly one model" if self.inputs == 1 else f"exactly {self.inputs} models"


def _task_vectors(normalize: bool, **more: Rule) -> Method:
    weight, scale = Rule(per_input=True), Rule(default=1.0)
    switch = Rule("switch", default=normalize)
    return Method({"weight": weight, "lambda": scale, "normalize": switch, **more})


def _rescale(default: str, *options: str) -> Rule:
    return Rule("choice", default=default, options=options)


def _share(default: float | None = None, per_input: bool = False) -> Rule:
    return Rule(per_input=per_input, default=default, low=0.0, high=1.0)


_DENSITY = _share(1.0, per_input=True)
_SEED = Rule("integer", default=0, low=0, high=2**63 - 1)
_TRIMMED = {"density": _DENSITY, "rescale": _rescale("none", "l1", "none")}
_OUTLIERS = {**_TRIMMED, "gamma": _share(0.01, per_input=True)}
# l1: mergekit since 2025-02; inverse_density: Yu et al. 2024, eq. 3 (DARE), Deep et al. 2024 (DELLA).
_DROPPED = {
    "density": _DENSITY,
    "rescale": _rescale("l1", "l1", "inverse_density", "none"),
    "seed": _SEED,
}
_RANKED = {**_DROPPED, "epsilon": _share(0.15, per_input=True)}
METHODS: Mapping[str, Method] = {
    "linear": Method(
        {"weight": Rule(per_input=True), "normalize": Rule("switch", default=True)}, "optional"
    ),
    "slerp": Method({"t": _share()}, "input", 2),
    "nuslerp": Method(
        {
            "weight": Rule(per_input=True),
            "nuslerp_flatten": Rule("switch", default=True),
            "nuslerp_row_wise": Rule("switch", default=False),
        },
        "if_given",
        2,
    ),
    "task_arithmetic": _task_vectors(False),
    "ties": _task_vectors(True, **_TRIMMED),
    "dare_linear": _task_vectors(False, **_DROPPED),
    "dare_ties": _task_vectors(False, **_DROPPED),
    "breadcrumbs": _task_vectors(False, **_OUTLIERS),
    "breadcrumbs_ties": _task_vectors(False, **_OUTLIERS),
    "della": _task_vectors(True, **_RANKED),
    "della_linear": _task_vectors(False, **_RANKED),
    "model_stock": Method({"filter_wise": Rule("switch", default=False)}, least=2),
    "karcher": Method(
        {
            "max_iter": Rule("integer", default=10, low=0, high=10_000),
            "tol": _share(1e-5),
        },
        "optional",
    ),
    "sce": Method({"select_topk": _share(1.0)}),
    "passthrough": Method({"scale": Rule(per_input=True, default=1.0)}, "optional", 1),
}
"""Every method with mergekit's defaults; `seed` and ``inverse_density`` exist here only."""
