"""Source models on a device, or in host memory and streamed to it, each one flat vector."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import torch

from suite.checkpoints.compatibility import ROWS, VOCABULARY
from suite.checkpoints.hub import sha256
from suite.errors import BadInput
from suite.merging.checkpoint import Checkpoint
from suite.merging.donor import Donor
from suite.merging.layout import Layout, Segment


class Digest:
    """sha256 over a checkpoint's weight files, taken when it is first asked for."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)

    @cached_property
    def hex(self) -> str:
        return hashlib.sha256("".join(map(sha256, self._files)).encode()).hexdigest()


class Sources:
    """Models of one shape, each a flat vector of shape (layout.size,), all of one floating type.

    The type is bfloat16 when every model is, else float32. Memory: 2 or 4 bytes per parameter
    and model, on `device`, or in (pinned) host memory when they are streamed.
    """

    def __init__(
        self,
        layout: Layout,
        flats: Mapping[str, torch.Tensor],
        device: str | torch.device = "cpu",
        digests: Mapping[str, Digest] | None = None,
    ) -> None:
        self.layout, self.device = layout, torch.device(device)
        self.digests = dict(digests or {})
        self._flats = dict(flats)
        self._donors: dict[str, torch.Tensor] = {}

    @classmethod
    def load(
        cls,
        folders: Mapping[str, str | Path],
        device: str | torch.device = "cpu",
        streamed: bool = False,
        vocabulary: str = "refuse",
        allow_nonfinite: bool = False,
    ) -> Sources:
        """Sources from checkpoint folders by name, the first one's layout being everybody's.

        `streamed` keeps them in host memory. `vocabulary` ``cut`` drops the rows of embeddings and
        head beyond the first model's, ``refuse`` does not. `BadInput` when a checkpoint cannot be
        read, holds NaN or infinity (unless allowed), or does not fit the first one; nothing is
        read before all shapes are known to fit.
        """
        checkpoints = {name: Checkpoint(folder) for name, folder in folders.items()}
        layout = _common({name: c.shapes for name, c in checkpoints.items()}, vocabulary)
        narrow = all(c.dtypes == {"BF16"} for c in checkpoints.values())
        dtype = torch.bfloat16 if narrow else torch.float32
        flats = {
            name: _flat(name, layout, c.tensors(), dtype, allow_nonfinite)
            for name, c in checkpoints.items()
        }
        digests = {name: Digest(c.files) for name, c in checkpoints.items()}
        return cls(layout, _placed(flats, device, streamed), device, digests)

    @classmethod
    def from_tensors(
        cls,
        models: Mapping[str, Mapping[str, torch.Tensor]],
        device: str | torch.device = "cpu",
        streamed: bool = False,
        vocabulary: str = "refuse",
    ) -> Sources:
        """Sources from state dicts by name, checked like those of `load`."""
        shapes = {n: {k: tuple(t.shape) for k, t in m.items()} for n, m in models.items()}
        layout = _common(shapes, vocabulary)
        narrow = all(t.dtype == torch.bfloat16 for m in models.values() for t in m.values())
        dtype = torch.bfloat16 if narrow else torch.float32
        flats = {n: _flat(n, layout, m.items(), dtype, False) for n, m in models.items()}
        return cls(layout, _placed(flats, device, streamed), device)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._flats)

    @property
    def dtype(self) -> torch.dtype:
        return next(iter(self._flats.values())).dtype

    def flat(self, model: str) -> torch.Tensor:
        """The weights of `model` where they are kept; `BadInput` when there is no such source.

        A random donor (`Donor`) is made when it is first asked for, and kept.
        """
        if model in self._flats:
            return self._flats[model]
        donor = Donor.parse(model)
        if donor is None:
            raise BadInput(f"model {model!r} is no source; there are {', '.join(self._flats)}")
        if model not in self._donors:
            of = self.flat(donor.model), self.flat(donor.base)
            self._donors[model] = donor.flat(*of, self.layout)
        return self._donors[model]

    def part(self, model: str, part: slice) -> torch.Tensor:
        """Some elements of `model` in float32 on the device."""
        return self.flat(model)[part].to(self.device, non_blocking=True).float()

    def vector(self, base: str | None, model: str, part: slice) -> torch.Tensor:
        """Some elements of d = m − b, or of m without a base, in float32 on the device."""
        if base is None:
            return self.part(model, part)
        return self.part(model, part) - self.part(base, part)


def _common(shapes: Mapping[str, Mapping[str, tuple[int, ...]]], vocabulary: str) -> Layout:
    """The layout all models share; `BadInput` names the first tensor that does not fit."""
    if not shapes:
        raise BadInput("there are no source models")
    if vocabulary not in VOCABULARY:
        raise BadInput(f"vocabulary is {vocabulary!r}; allowed are {', '.join(VOCABULARY)}")
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
            if not fits(tensor, shape, found[tensor], vocabulary):
                raise BadInput(
                    f"models do not fit: tensor {tensor!r} has shape {list(shape)} in {first!r}"
                    f" and {list(found[tensor])} in {name!r}"
                    + _advice(tensor, shape, found[tensor], vocabulary)
                )
    return Layout.of(expected)


def _longer(tensor: str, shape: tuple[int, ...], found: tuple[int, ...]) -> bool:
    """Whether `found` is a longer vocabulary of the same width."""
    same = len(shape) == len(found) == 2 and shape[1] == found[1]
    return same and found[0] > shape[0] and tensor.endswith(ROWS)


def fits(tensor: str, shape: tuple[int, ...], found: tuple[int, ...], vocabulary: str) -> bool:
    """Whether `found` is `shape`, or with ``cut`` a longer vocabulary of the same width."""
    return shape == found or (vocabulary == "cut" and _longer(tensor, shape, found))


def _advice(tensor: str, shape: tuple[int, ...], found: tuple[int, ...], vocabulary: str) -> str:
    if vocabulary == "refuse" and _longer(tensor, shape, found):
        return "; vocabulary: cut drops the rows beyond the base's"
    return ""


def _placed(
    flats: dict[str, torch.Tensor], device: str | torch.device, streamed: bool
) -> dict[str, torch.Tensor]:
    if not streamed:
        return {name: flats.pop(name).to(device) for name in list(flats)}
    if torch.cuda.is_available():  # pinned memory is what copies at the bus's speed
        return {name: flats.pop(name).pin_memory() for name in list(flats)}
    return flats


def _flat(
    model: str,
    layout: Layout,
    tensors: Iterable[tuple[str, torch.Tensor]],
    dtype: torch.dtype,
    allow_nonfinite: bool,
) -> torch.Tensor:
    flat = torch.zeros(layout.size, dtype=dtype)
    places: dict[str, Segment] = {segment.name: segment for segment in layout.segments}
    for name, tensor in tensors:
        place = layout.view(flat, places[name])
        place.copy_(tensor.detach()[: place.shape[0]] if place.dim() else tensor.detach())
        if not allow_nonfinite and place.numel() and not bool(torch.isfinite(place).all()):
            raise BadInput(f"model {model!r}: tensor {name!r} holds NaN or infinity")
    return flat
