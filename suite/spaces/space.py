"""Search spaces: named parameters with bounds, mapped to and from the unit cube."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.recipes.point import Setting as Setting

Kind = Literal["float", "log", "int", "choice"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """One searched parameter.

    `kind` is ``float`` (linear in [low, high]), ``log`` (geometric, low > 0), ``int`` (both ends
    included) or ``choice`` (one of `options`; the unit interval is cut into equal parts).
    """

    name: str
    kind: Kind = "float"
    low: float = 0.0
    high: float = 1.0
    options: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        if self.kind == "choice":
            if not self.options:
                raise BadInput(f"parameter {self.name!r}: a choice needs options")
            return
        bounds_fit = math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high
        if not bounds_fit or (self.kind == "log" and self.low <= 0):
            raise BadInput(
                f"parameter {self.name!r}: bounds [{self.low}, {self.high}] do not fit kind"
                f" {self.kind!r}; they must be finite, low < high, and positive for log"
            )

    @property
    def levels(self) -> int:
        """Number of distinct settings; 0 for continuous kinds."""
        if self.kind == "choice":
            return len(self.options)
        return int(self.high) - int(self.low) + 1 if self.kind == "int" else 0

    def decode(self, x: float) -> Setting:
        """The setting at `x` in [0, 1]; exactly the bounds at 0 and 1, never beyond them.

        >>> Parameter("weight", "float", 0.1, 0.45).decode(1.0)
        0.45
        """
        if self.kind in ("float", "log"):
            if x == 1:  # rounding may miss the bound
                return float(self.high)
            if self.kind == "float":
                return float(min(self.low + x * (self.high - self.low), self.high))
            return float(min(self.low * (self.high / self.low) ** x, self.high))
        level = min(int(x * self.levels), self.levels - 1)
        return self.options[level] if self.kind == "choice" else int(self.low) + level

    def encode(self, setting: Setting) -> float:
        """The unit-interval value of `setting`; the middle of its cell for ints and choices."""
        if self.kind == "choice":
            if setting not in self.options:
                raise BadInput(
                    f"parameter {self.name!r}: {setting!r} is not one of {list(self.options)}"
                )
            return (self.options.index(setting) + 0.5) / self.levels
        value = float(setting)
        if not self.low <= value <= self.high:  # also refuses NaN
            raise BadInput(
                f"parameter {self.name!r}: {setting!r} is outside [{self.low}, {self.high}]"
            )
        if self.kind == "int":
            return (value - int(self.low) + 0.5) / self.levels
        if self.kind == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class SearchSpace:
    """An ordered set of `d` parameters.

    >>> space = SearchSpace([Parameter("weight", "float", 0.0, 2.0)])
    >>> space.decode([0.25])
    {'weight': 0.5}
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        names = [parameter.name for parameter in self.parameters]
        if not names:
            raise BadInput("a search space needs at least one parameter")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise BadInput(f"search space: parameters named twice: {', '.join(repeated)}")

    @property
    def d(self) -> int:
        """Number of parameters, the length of a candidate."""
        return len(self.parameters)

    @property
    def names(self) -> list[str]:
        return [parameter.name for parameter in self.parameters]

    def decode(self, x: Sequence[float] | Vector) -> dict[str, Setting]:
        """Settings by name for a candidate `x`, shape (d,), in [0, 1]; `BadInput` otherwise."""
        values = np.asarray(x, dtype=float)
        if values.shape != (self.d,):
            raise BadInput(
                f"candidate has shape {values.shape}, the search space wants ({self.d},)"
            )
        inside = (values >= 0) & (values <= 1)
        if not inside.all():
            index = int(np.argmin(inside))
            raise BadInput(f"candidate: {self.names[index]!r} is {values[index]}, not in [0, 1]")
        return {p.name: p.decode(float(v)) for p, v in zip(self.parameters, values, strict=True)}

    def encode(self, settings: Mapping[str, Setting]) -> Vector:
        """The candidate, shape (d,), with these settings; every parameter must be given."""
        unknown = sorted(set(settings) - set(self.names))
        missing = sorted(set(self.names) - set(settings))
        if unknown or missing:
            raise BadInput(
                f"settings do not fit the search space: unknown {unknown}, missing {missing}"
            )
        return np.array([p.encode(settings[p.name]) for p in self.parameters])
