"""A merge planned: for some tensors of a model, all that the element-wise pass has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from suite.merging import methods

Mask = Literal["all", "window", "random", "ranked", "variance"]


@dataclass(frozen=True)
class Edges:
    """Thresholds on the bits of a magnitude: `before` ahead of element `cut`, `after` from it on.

    Equal magnitudes are thus told apart by their index, and a trim keeps an exact number. Arrays
    of one shape: `cut` int64, `before` and `after` int32.
    """

    cut: NDArray[np.int64]
    before: NDArray[np.int32]
    after: NDArray[np.int32]

    @classmethod
    def constant(cls, shape: tuple[int, ...], bits: int) -> Edges:
        value = np.full(shape, bits, np.int32)
        return cls(np.zeros(shape, np.int64), value, value)


@dataclass(frozen=True)
class Plan:
    """S tensors of one method: out = Σ w_i m_i, or b + λ · election of the w_i · mask(d_i).

    ``places`` (S,) are positions in the layout; ``weights`` (S, K); ``scale`` (S,), λ where there
    is an election (elsewhere it is in the weights). By `mask`: ``low`` and ``high`` edges (S, K),
    low ≤ bits < high staying (of the variance: (S, 1), and low alone); ``keys`` (S, K, 2) and
    ``bounds`` (S, K) of random bits; ``chance`` and ``slope`` (S, K) by rank. ``shares`` (S, K) are
    what `divide` sums, where a rescaling makes that differ from the weights.
    """

    places: NDArray[np.int64]
    base: str | None
    models: tuple[str, ...]
    weights: methods.Column
    scale: methods.Column
    mask: Mask = "all"
    low: Edges | None = None
    high: Edges | None = None
    keys: NDArray[np.uint32] | None = None
    bounds: NDArray[np.int64] | None = None
    chance: methods.Column | None = None
    slope: methods.Column | None = None
    inverse: bool = False  # what stays by rank is divided by its chance
    elect: Literal["no", "weighted", "plain"] = "no"
    divide: Literal["no", "kept", "clamped"] = "no"
    shares: methods.Column | None = None
    measure: Literal["no", "l1", "squares"] = "no"
    whole: methods.Column | None = None  # L1 norms of the d_i, for `measure` l1

    def with_weights(self, sums: methods.Column, sizes: NDArray[Any]) -> Plan:
        """The plan with the weights that follow from `sums` (S, K) of what stays, as measured."""
        if self.measure == "l1" and self.whole is not None:
            weights = methods.rescaled(self.weights, self.whole, sums)
        else:
            weights = methods.sce(sums / np.maximum(sizes, 1)[:, None])
        return replace(self, weights=weights, measure="no")

    def rows(self, chosen: slice) -> Plan:
        """The plan of some of its tensors."""

        def some(value: Any) -> Any:
            if isinstance(value, Edges):
                return Edges(value.cut[chosen], value.before[chosen], value.after[chosen])
            return value[chosen] if isinstance(value, np.ndarray) else value

        return replace(self, **{name: some(value) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Whole:
    """Tensors merged by a formula of whole tensors: `formula(base or None, models) -> tensor`.

    For options whose coefficients differ from row to row; float32, in the tensors' own shape.
    """

    places: NDArray[np.int64]
    base: str | None
    models: tuple[str, ...]
    formulas: Sequence[Callable[[torch.Tensor | None, list[torch.Tensor]], torch.Tensor]]
