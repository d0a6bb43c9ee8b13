"""Layer paths: which layers of which models run, in which order, how often, at which input scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from suite.errors import BadInput
from suite.recipes.point import METHOD as POINT
from suite.recipes.point import Point
from suite.recipes.recipe import Recipe, digest_of

METHOD = "path"  # stands where a merge's JSON names its method


@dataclass(frozen=True)
class Hop:
    """Layer `layer` of `part`, entered with the residual stream multiplied by `scale`."""

    part: str
    layer: int
    scale: float = 1.0


@dataclass(frozen=True)
class LayerPath:
    """A model whose layers are `hops`, one after the other (Akiba et al. 2025, section "data flow").

    A part is a source model or, if `merges` has its name, a merge of sources. Embeddings, final
    norm, head and tokenizer are those of the part `frame`. Checked when it is made; that layers
    exist is known to whoever has the models (`check_layers`).

    >>> LayerPath("a", (Hop("a", 0), Hop("b", 1, 0.5))).title
    'path of 2 hops over a, b'
    """

    frame: str
    hops: tuple[Hop, ...]
    merges: Mapping[str, Recipe] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hops", tuple(self.hops))
        object.__setattr__(self, "merges", MappingProxyType(dict(self.merges)))
        if not self.hops:
            raise BadInput("path: no hops; at least one layer must run")
        for place, hop in enumerate(self.hops):
            where = f"path: hop {place} ({hop.part!r} layer {hop.layer})"
            if not isinstance(hop.part, str) or not hop.part:
                raise BadInput(f"{where}: {hop.part!r} is not the name of a part")
            if not isinstance(hop.layer, int) or isinstance(hop.layer, bool) or hop.layer < 0:
                raise BadInput(f"{where}: the layer must be a whole number, 0 or more")
            if not math.isfinite(hop.scale):
                raise BadInput(f"{where}: scale {hop.scale!r} is not a finite number")
        hops = tuple(Hop(hop.part, hop.layer, float(hop.scale)) for hop in self.hops)
        object.__setattr__(self, "hops", hops)  # 1 and 1.0 are one path with one digest
        if unused := sorted(set(self.merges) - set(self.parts)):
            raise BadInput(
                f"path: merge {unused[0]!r} is no part; parts are {', '.join(self.parts)}"
            )

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, the frame first, each once."""
        return tuple(dict.fromkeys([self.frame, *(hop.part for hop in self.hops)]))

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Names of the source models it reads, each once."""
        named = [
            name
            for part in self.parts
            for name in (self.merges[part].models if part in self.merges else (part,))
        ]
        return tuple(dict.fromkeys(named))

    @property
    def title(self) -> str:
        """The path in a few words."""
        return f"path of {len(self.hops)} hops over {', '.join(self.parts)}"

    @cached_property
    def cumulative(self) -> tuple[float, ...]:
        """c_t = s_1 … s_t for each hop: what the stream has been multiplied by when it enters."""
        found, product = [], 1.0
        for hop in self.hops:
            product *= hop.scale
            found.append(product)
        return tuple(found)

    def check_layers(self, layers: Mapping[str, int], most: int | None = None) -> None:
        """`BadInput` unless every hop's layer exists; `layers` counts them, by part or model.

        `most` is the depth limit, in hops.
        """
        if most is not None and len(self.hops) > most:
            raise BadInput(f"path: {len(self.hops)} hops; the depth limit is {most}")
        for place, hop in enumerate(self.hops):
            if hop.part not in layers:
                raise BadInput(
                    f"path: hop {place}: no part {hop.part!r}; {', '.join(layers)} exist"
                )
            if hop.layer >= layers[hop.part]:
                raise BadInput(
                    f"path: hop {place}: layer {hop.layer} of {hop.part!r};"
                    f" it has layers 0 to {layers[hop.part] - 1}"
                )

    @cached_property
    def digest(self) -> str:
        """Name of the path: sha256 of its canonical JSON, 64 hex digits."""
        return digest_of(self.to_json())

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return LayerPath.from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Plain types; `from_json` gives the same path back."""
        return {
            "method": METHOD,
            "frame": self.frame,
            "hops": [[hop.part, hop.layer, hop.scale] for hop in self.hops],
            "merges": {name: recipe.to_json() for name, recipe in self.merges.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LayerPath:
        """The path of `to_json`; `BadInput` when `data` is not one."""
        try:
            hops = tuple(Hop(part, layer, float(scale)) for part, layer, scale in data["hops"])
            merges = {name: Recipe.from_json(recipe) for name, recipe in data["merges"].items()}
            return cls(data["frame"], hops, merges)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"not a layer path: {error!r}") from error


def whole(part: str, layers: int, merges: Mapping[str, Recipe] | None = None) -> LayerPath:
    """The path that is `part` itself: its layers in order."""
    return LayerPath(part, tuple(Hop(part, layer) for layer in range(layers)), merges or {})


def read_json(data: Mapping[str, Any]) -> Recipe | LayerPath | Point:
    """What a journal holds: a merge, a layer path, or a point of a task without models."""
    method = data.get("method") if isinstance(data, Mapping) else None
    if method == METHOD:
        return LayerPath.from_json(data)
    return Point.from_json(data) if method == POINT else Recipe.from_json(data)


def released(arrays: Mapping[str, Any], part: str) -> LayerPath:
    """The path of a checkpoint in the format of EvoLLM-JP-v1-10B, named `part`.

    `arrays` has the list ``input_layers`` (the stored layer each hop runs) and the list
    ``input_scales`` (the factor on its input), as whole numbers and floats.
    """
    layers, scales = arrays.get("input_layers"), arrays.get("input_scales")
    if not (_numbers(layers) and _numbers(scales)):
        raise BadInput(f"{part}: no lists of numbers input_layers and input_scales")
    if len(layers) != len(scales):  # type: ignore[arg-type]
        raise BadInput(
            f"{part}: {len(layers)} input_layers, but {len(scales)} input_scales"  # type: ignore[arg-type]
        )
    pairs: Iterable[tuple[int, float]] = zip(layers, scales, strict=True)  # type: ignore[arg-type]
    return LayerPath(part, tuple(Hop(part, layer, float(scale)) for layer, scale in pairs))


def _numbers(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values
    )
