"""The steps of a layer path as variables: slots that are on or off, or a choice per layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from suite.errors import BadInput
from suite.spaces.space import Parameter, Setting

ON = 2 / 3
"""A slot that is on at the start: two standard deviations above 0, of 1/6 of the range [-1, 1]."""


@dataclass(frozen=True)
class Step:
    """Layer `layer` of `part` at one place of the sequence; `name` tells it from the others."""

    name: str
    part: str
    layer: int

    @property
    def place(self) -> str:
        """The layer that it runs, the same for every step that runs it."""
        return f"{self.part}.{self.layer}"


class Steps(Protocol):
    """A sequence of steps, `free` of which may run or not, and the variables that decide."""

    @property
    def free(self) -> Sequence[Step]: ...

    def parameters(self) -> list[Parameter]: ...

    def running(self, settings: Mapping[str, Setting]) -> list[Step]: ...

    def write(self, running: Collection[Step]) -> dict[str, Setting]: ...


class Slots:
    """All layers of all parts, `repeats` times over: a variable in [-1, 1] each, on above 0.

    Of more than `most` that are on, those with the largest variables run.
    """

    def __init__(self, parts: Mapping[str, int], repeats: int, most: int | None) -> None:
        self.free = [
            Step(f"{turn}.{part}.{layer}", part, layer)
            for turn in range(repeats)
            for part, layers in parts.items()
            for layer in range(layers)
        ]
        self._most = most

    def parameters(self) -> list[Parameter]:
        return [Parameter(f"use.{step.name}", "float", -1.0, 1.0) for step in self.free]

    def running(self, settings: Mapping[str, Setting]) -> list[Step]:
        values = {step: float(settings[f"use.{step.name}"]) for step in self.free}
        on = [step for step in self.free if values[step] > 0]
        if self._most is not None and len(on) > self._most:
            largest = set(sorted(on, key=lambda step: -values[step])[: self._most])
            on = [step for step in on if step in largest]
        return on

    def write(self, running: Collection[Step]) -> dict[str, Setting]:
        return {f"use.{step.name}": ON if step in running else 0.0 for step in self.free}


class Compact:
    """A choice for each of `layers`: the layer of one part, or of all parts one after the other."""

    def __init__(self, parts: Sequence[str], layers: Sequence[int]) -> None:
        self.free = [Step(f"{part}.{layer}", part, layer) for layer in layers for part in parts]
        self._layers = layers
        self._options = {**{part: (part,) for part in parts}, "+".join(parts): tuple(parts)}

    def parameters(self) -> list[Parameter]:
        options = tuple(self._options)
        return [Parameter(f"layer.{layer}", "choice", options=options) for layer in self._layers]

    def running(self, settings: Mapping[str, Setting]) -> list[Step]:
        chosen = {layer: self._options[str(settings[f"layer.{layer}"])] for layer in self._layers}
        return [step for step in self.free if step.part in chosen[step.layer]]

    def write(self, running: Collection[Step]) -> dict[str, Setting]:
        names = {parts: option for option, parts in self._options.items()}
        found: dict[str, Setting] = {}
        for layer in self._layers:
            parts = tuple(s.part for s in self.free if s.layer == layer and s in running)
            if parts not in names:
                raise BadInput(
                    f"path: layer {layer} runs of {', '.join(parts) or 'no part'}; the choices are"
                    f" {', '.join(self._options)}"
                )
            found[f"layer.{layer}"] = names[parts]
        return found
