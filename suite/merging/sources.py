"""Source models resident on a device, with what depends on them alone computed once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from suite.errors import BadInput
from suite.merging.checkpoint import Checkpoint
from suite.merging.layout import Layout, Segment
from suite.merging.masks import random_bits
from suite.merging.methods import l1_norm


class Sources:
    """Models of one shape, each a flat float32 vector, shape (layout.size,), on `device`.

    Memory: 4 bytes per parameter and model. From the first recipe that needs them on, 4 more for
    each model's task vector (all but linear and SLERP), 4 more for its ranks (TIES) and 4 more
    for its random bits (DARE; of one seed at a time).
    """

    def __init__(self, layout: Layout, flats: Mapping[str, torch.Tensor]) -> None:
        self.layout = layout
        self._flats = dict(flats)
        self._task_vectors: dict[tuple[str, str], torch.Tensor] = {}
        self._ranks: dict[tuple[str, str], torch.Tensor] = {}
        self._bits: dict[tuple[int, str], torch.Tensor] = {}
        self._norms: dict[tuple[str, str], tuple[float, ...]] = {}
        self._cosines: dict[tuple[str, str], tuple[float, ...]] = {}

    @classmethod
    def load(cls, folders: Mapping[str, str | Path], device: str | torch.device = "cpu") -> Sources:
        """Sources from checkpoint folders by name, in any floating type, made float32.

        `BadInput` when a checkpoint cannot be read, holds NaN or infinity, or does not fit the
        first one; nothing is read before all shapes are known to fit.
        """
        checkpoints = {name: Checkpoint(folder) for name, folder in folders.items()}
        layout = _common({name: c.shapes for name, c in checkpoints.items()})
        flats = {n: _flat(n, layout, c.tensors(), device) for n, c in checkpoints.items()}
        return cls(layout, flats)

    @classmethod
    def from_tensors(
        cls,
        models: Mapping[str, Mapping[str, torch.Tensor]],
        device: str | torch.device = "cpu",
    ) -> Sources:
        """Sources from state dicts by name, checked like those of `load`."""
        layout = _common({n: {k: tuple(t.shape) for k, t in m.items()} for n, m in models.items()})
        flats = {n: _flat(n, layout, m.items(), device) for n, m in models.items()}
        return cls(layout, flats)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._flats)

    @property
    def device(self) -> torch.device:
        return next(iter(self._flats.values())).device

    def flat(self, model: str) -> torch.Tensor:
        """The weights of `model`; `BadInput` when there is no such source."""
        if model not in self._flats:
            raise BadInput(f"model {model!r} is no source; there are {', '.join(self._flats)}")
        return self._flats[model]

    def task_vector(self, base: str, model: str) -> torch.Tensor:
        """d = m − b, kept."""
        key = base, model
        if key not in self._task_vectors:
            self._task_vectors[key] = self.flat(model) - self.flat(base)
        return self._task_vectors[key]

    def ranks(self, base: str, model: str) -> torch.Tensor:
        """Rank of each |d| within its tensor, int32, 0 for the largest, kept.

        The k largest of a tensor are those with rank < k, for any k and without a sort; equal
        magnitudes rank by index, so that exactly k are kept. Padding ranks last.
        """
        key = base, model
        if key not in self._ranks:
            vector = self.task_vector(base, model)
            ranks = torch.full_like(vector, torch.iinfo(torch.int32).max, dtype=torch.int32)
            for segment in self.layout.segments:
                inside = slice(segment.start, segment.stop)
                order = torch.argsort(vector[inside].abs(), descending=True, stable=True)
                index = torch.arange(segment.size, dtype=torch.int32, device=vector.device)
                ranks[inside].scatter_(0, order, index)
            self._ranks[key] = ranks
        return self._ranks[key]

    def l1_norms(self, base: str, model: str) -> tuple[float, ...]:
        """Σ |d| of each tensor, one per segment, kept."""
        key = base, model
        if key not in self._norms:
            parts = self._segments(self.task_vector(base, model))
            self._norms[key] = tuple(l1_norm(part) for part in parts)
        return self._norms[key]

    def random_bits(self, seed: int, model: str) -> torch.Tensor:
        """`masks.random_bits` of every tensor, int32, kept until another seed is asked for."""
        if any(other != seed for other, _ in self._bits):
            self._bits.clear()
        if (seed, model) not in self._bits:
            flat = self.flat(model)
            bits = torch.zeros_like(flat, dtype=torch.int32)
            for s in self.layout.segments:
                drawn = random_bits(seed, s.name, model, 0, s.size, flat.device)
                bits[s.start : s.stop] = drawn
            self._bits[seed, model] = bits
        return self._bits[seed, model]

    def cosines(self, a: str, b: str) -> tuple[float, ...]:
        """Cosine of two models' flattened tensors, one per segment, in float64, kept."""
        key = a, b
        if key not in self._cosines:
            pairs = zip(self._segments(self.flat(a)), self._segments(self.flat(b)), strict=True)
            self._cosines[key] = tuple(_cosine(left, right) for left, right in pairs)
        return self._cosines[key]

    def _segments(self, flat: torch.Tensor) -> Iterable[torch.Tensor]:
        return (flat[segment.start : segment.stop] for segment in self.layout.segments)


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    """Cosine of two vectors; norms up to 1e-8 count as 1, as in mergekit."""
    a, b = a.double(), b.double()
    norms = (float(torch.linalg.vector_norm(v)) for v in (a, b))
    scale = math.prod(norm if norm > 1e-8 else 1.0 for norm in norms)
    return max(-1.0, min(1.0, float(a @ b) / scale))


def _common(shapes: Mapping[str, Mapping[str, tuple[int, ...]]]) -> Layout:
    """The layout all models share; `BadInput` names the first tensor that does not fit."""
    if not shapes:
        raise BadInput("there are no source models")
    (first, expected), *others = shapes.items()
    if not expected:
        raise BadInput(f"model {first!r} has no tensors")
    for name, found in others:
        for left, right, here, there in (
            (expected, found, first, name),
            (found, expected, name, first),
        ):
            lacking = sorted(set(left) - set(right))
            if lacking:
                raise BadInput(
                    f"models do not fit: tensor {lacking[0]!r} is in {here!r}, not in {there!r}"
                )
        for tensor, shape in expected.items():
            if found[tensor] != shape:
                raise BadInput(
                    f"models do not fit: tensor {tensor!r} has shape {list(shape)} in {first!r}"
                    f" and {list(found[tensor])} in {name!r}"
                )
    return Layout.of(expected)


def _flat(
    model: str,
    layout: Layout,
    tensors: Iterable[tuple[str, torch.Tensor]],
    device: str | torch.device,
) -> torch.Tensor:
    flat = torch.zeros(layout.size, dtype=torch.float32, device=device)
    places: dict[str, Segment] = {segment.name: segment for segment in layout.segments}
    for name, tensor in tensors:
        place = layout.view(flat, places[name])
        place.copy_(tensor.detach())
        if place.numel() and not bool(torch.isfinite(place).all()):
            raise BadInput(f"model {model!r}: tensor {name!r} holds NaN or infinity")
    return flat
