"""Random donors: a source's task vector with its entries shuffled, as large and without its skill.

A merge with one is a control: what it gains, any disturbance of that size gains.
In a recipe a donor stands where a model does, ``shuffled(math_add - base, 0)``: base plus the shuffled
task vector of math_add, with the seed 0. It needs no files, and every merge method takes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from suite.merging.layout import Layout

_NAME = re.compile(r"shuffled\((.+) - (.+), (\d{1,18})\)")


@dataclass(frozen=True)
class Donor:
    """base + the task vector model − base, its entries shuffled within each tensor by `seed`."""

    model: str
    base: str
    seed: int

    @classmethod
    def parse(cls, name: str) -> Donor | None:
        """The donor that `name` describes; None where it is the name of a model.

        >>> Donor.parse("shuffled(math_add - base, 0)")
        Donor(model='math_add', base='base', seed=0)
        """
        found = _NAME.fullmatch(name)
        return None if found is None else cls(found[1], found[2], int(found[3]))

    def flat(self, model: torch.Tensor, base: torch.Tensor, layout: Layout) -> torch.Tensor:
        """The donor's weights from those of the model and the base, all of shape (layout.size,).

        In the sources' own type and place. The order of a tensor's entries depends on the seed and
        the names of tensor and model alone; each tensor's norm is kept to the type's rounding.
        """
        import torch

        from suite.merging import masks

        made = base.clone()
        for segment in layout.segments:
            part = slice(segment.start, segment.stop)
            key = masks.keys(self.seed, segment.name, self.model)
            bits = masks.random_bits(key, 0, segment.size, base.device)
            vector = (model[part].float() - base[part].float())[torch.argsort(bits, stable=True)]
            made[part] = (base[part].float() + vector).to(made.dtype)
        return made


def models(name: str) -> tuple[str, ...]:
    """The models that are needed for what a recipe calls `name`: itself, or what a donor is made of."""
    donor = Donor.parse(name)
    return (name,) if donor is None else (donor.model, donor.base)
