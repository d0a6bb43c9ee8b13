"""Formulas of whole tensors whose coefficients differ from row to row or column to column."""

from __future__ import annotations

import torch

Tensor = torch.Tensor


def nuslerp(base: Tensor | None, models: list[Tensor], weights: list[float], by: str) -> Tensor:
    """NuSLERP with one angle per vector along the last axis (`by` ``last``) or the first.

    Float32 tensors of one shape; formula and limits as in `methods.nuslerp`.
    """
    axis = 0 if by == "first" and models[0].dim() > 1 else -1
    a, b = models if base is None else [model - base for model in models]
    total = sum(weights)
    t = 0.5 if abs(total) < 1e-6 else weights[1] / total
    norms = [v.norm(dim=axis, keepdim=True).clamp(min=1e-7) for v in (a, b)]
    cosine = ((a / norms[0]) * (b / norms[1])).sum(axis, keepdim=True).clamp(-1, 1)
    straight = 1 - cosine.square() <= 1e-16
    theta = torch.acos(torch.where(straight, torch.zeros_like(cosine), cosine))
    left = torch.where(straight, 1 - t, torch.sin((1 - t) * theta) / torch.sin(theta))
    right = torch.where(straight, t, torch.sin(t * theta) / torch.sin(theta))
    merged = left * a + right * b
    return merged if base is None else merged + base


def model_stock(base: Tensor, models: list[Tensor]) -> Tensor:
    """Model Stock with one t per row (Jang et al. 2024, eq. 5); a vector is one row."""
    vectors = [model - base for model in models]
    count = len(vectors)
    cosines = []
    for index, left in enumerate(vectors):
        for right in vectors[index + 1 :]:
            norms = left.norm(dim=-1, keepdim=True) * right.norm(dim=-1, keepdim=True)
            inner = (left * right).sum(-1, keepdim=True)
            cosines.append((inner / norms.clamp(min=1e-6)).clamp(-1, 1))
    c = torch.stack(cosines).mean(0)
    denominator = 1 + (count - 1) * c
    singular = denominator.abs() < 1e-6
    safe = torch.where(singular, torch.ones_like(c), denominator)
    t = torch.where(singular, torch.zeros_like(c), count * c / safe)
    return base + t * (torch.stack(vectors).sum(0) / count)
