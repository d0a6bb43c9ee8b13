"""Where each tensor of a model lies in one flat buffer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from suite.recipes.parameters import layer_of

ALIGNMENT = 16  # elements; 64 bytes of float32, a cache line and more than any kernel asks for


@dataclass(frozen=True)
class Segment:
    """One tensor's place: elements [start, stop) of the flat buffer."""

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class Layout:
    """The tensors of a model side by side, layer after layer, each on an aligned start.

    Neighbours mostly share their parameters, so that a merge handles them as one stretch; the
    elements between them are zero in every source and stay zero.
    """

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Layout:
        segments, start = [], 0
        for name in sorted(shapes, key=_natural):
            segments.append(Segment(name, tuple(shapes[name]), start))
            start += -(-segments[-1].size // ALIGNMENT) * ALIGNMENT
        return cls(tuple(segments))

    @cached_property
    def size(self) -> int:
        """Length of the flat buffer, at least the number of parameters."""
        last = self.segments[-1]
        return last.start + -(-last.size // ALIGNMENT) * ALIGNMENT

    @cached_property
    def layers(self) -> int:
        """Number of layers, from the tensors' names."""
        return max((layer_of(s.name) or 0 for s in self.segments), default=0) + 1

    def view(self, flat: torch.Tensor, segment: Segment) -> torch.Tensor:
        """The tensor of a segment, a view into `flat`."""
        return flat[segment.start : segment.stop].view(segment.shape)


def _natural(name: str) -> list[tuple[int, int | str]]:
    """Sorting key that puts layer 10 after layer 9."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]
