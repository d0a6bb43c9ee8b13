"""Points: the complete description of a candidate of a task without models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from suite.errors import BadInput
from suite.recipes.recipe import digest_of

Setting = float | int | str  # one parameter, in natural units

METHOD = "point"  # stands where a merge's JSON names its method


@dataclass(frozen=True)
class Point:
    """The settings of a candidate by parameter name, in natural units; checked when it is made.

    >>> Point({"x1": 0.25, "kind": "linear"}).title
    'point'
    """

    settings: Mapping[str, Setting]

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        if not self.settings:
            raise BadInput("point: no settings")
        for name, value in self.settings.items():
            known = isinstance(value, str | int) or (
                isinstance(value, float) and math.isfinite(value)
            )
            if not (isinstance(name, str) and known):
                raise BadInput(f"point: {name!r} is {value!r}; allowed are finite numbers and text")

    @property
    def title(self) -> str:
        """What it is in a word."""
        return METHOD

    @cached_property
    def digest(self) -> str:
        """Name of the point: sha256 of its canonical JSON, 64 hex digits."""
        return digest_of(self.to_json())

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Point, (dict(self.settings),)

    def to_json(self) -> dict[str, Any]:
        """Plain types; `from_json` gives the same point back."""
        return {"method": METHOD, "settings": dict(self.settings)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Point:
        """The point of `to_json`; `BadInput` when `data` is not one."""
        try:
            return cls(data["settings"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"not a point: {error!r}") from error
