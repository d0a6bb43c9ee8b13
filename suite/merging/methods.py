"""Merge methods: pure functions of tensors, element by element unless they say otherwise.

Notation: b the base, m_i the models, d_i = m_i − b the task vectors, w_i the weights. Semantics are
those of mergekit 0.1.5, where it leaves something open of the papers. Shapes are (n,) per tensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

Tensor = torch.Tensor
PARALLEL = 0.9995  # |cosine| beyond which SLERP is a straight line, as in mergekit
_SILENT = 1e-7  # L1 norms below it are not rescaled, as in mergekit


def weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Σ w_i m_i: linear merges, model soups (Wortsman et al. 2022), and every last step here.

    A single model of weight 1 comes out bit for bit.
    """
    total = tensors[0] * weights[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        total.add_(tensor, alpha=weight)
    return total


def linear_weights(weights: Sequence[float], normalize: bool) -> list[float]:
    """The weights of `weighted_sum` for a linear merge: / Σ w_i; NaN where the sum is 0."""
    total = math.fsum(weights) if normalize else 1.0
    return [weight / total if total else math.nan for weight in weights]


def task_weights(weights: Sequence[float], scale: float, normalize: bool) -> list[float]:
    """λ w_i, and / Σ w_i when normalised; a sum within 1e-8 of 0 counts as 1."""
    total = math.fsum(weights) if normalize else 1.0
    scale /= total if abs(total) >= 1e-8 else 1.0
    return [scale * weight for weight in weights]


def task_arithmetic(base: Tensor, vectors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """b + Σ w_i d_i (Ilharco et al. 2023), weights from `task_weights`."""
    return weighted_sum(vectors, weights).add_(base)


def slerp_weights(cosine: float, t: float) -> tuple[float, float]:
    """Weights of a and b in SLERP: (sin((1−t)θ), sin(tθ)) / sin θ (Shoemake 1985, p. 247).

    θ is the angle of the whole tensors, the vectors are not normalised; almost parallel or
    opposite tensors are interpolated linearly.
    """
    if abs(cosine) > PARALLEL:
        return 1 - t, t
    theta = math.acos(cosine)
    return math.sin((1 - t) * theta) / math.sin(theta), math.sin(t * theta) / math.sin(theta)


def kept(density: float, n: int) -> int:
    """Elements of a tensor of `n` that trimming leaves: max(1, ⌊density n⌋)."""
    return max(1, int(density * n))


def masked(vector: Tensor, marks: Tensor, bound: int) -> Tensor:
    """d where ``marks < bound``, 0 elsewhere: TIES' trim by rank and DARE's drop by random bits.

    `vector` is float32; `marks` int32, not negative; `bound` in [0, 2³¹). Done on the bits, since
    masks of booleans cost a CPU several times as much.
    """
    mask = (marks - bound).bitwise_right_shift_(31)  # all ones where the difference is negative
    return mask.bitwise_and_(vector.view(torch.int32)).view(torch.float32)


def elect(weighted: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Sum of the w_i d_i that agree with the sign of their sum (Yadav et al. 2023, steps 2 and 3).

    `weighted` has shape (models, n) and is used up. A sum of 0 counts as positive; zeros agree with
    neither sign. With `weights` the result is divided by the sum of those that agree (0 → 1).
    """
    sign = (weighted.sum(0) >= 0).to(weighted.dtype).mul_(2).sub_(1)
    agreeing = weighted.mul_(sign).clamp_(min=0)  # turned upward, so that one bound serves both
    total = agreeing.sum(0).mul_(sign)
    if weights is not None:
        column = torch.tensor(weights, dtype=total.dtype, device=total.device).unsqueeze(1)
        divisor = agreeing.sign_().mul_(column).sum(0)
        total.div_(divisor.add_(divisor == 0))
    return total


def dare_scale(rescale: str, density: float, whole: float, dropped: Tensor) -> float:
    """Factor on a task vector of which elements were dropped, tensor by tensor.

    ``inverse_density``: 1/density (Yu et al. 2024, eq. 3); ``l1``: `whole`, the vector's L1
    norm, over that of `dropped`, but 1 if either is below 1e-7 (mergekit since 2025-02);
    ``none``: 1.
    """
    if rescale == "inverse_density":
        return 1 / density if density > 0 else 1.0
    if rescale == "none":
        return 1.0
    rest = l1_norm(dropped)
    return whole / rest if whole >= _SILENT and rest >= _SILENT else 1.0


def l1_norm(vector: Tensor) -> float:
    """Σ |d|, in float64: in float32 its last digits would depend on the number of threads."""
    return float(vector.abs().sum(dtype=torch.float64))
