"""Search spaces over layer paths: which layers of which parts run, in which order, at which scale.

Both kinds decide which *steps* of a fixed sequence run.

``slots``
    The published space (Akiba et al. 2025, "data flow"): all layers of all parts, in order and
    `repeats` times over, M x r slots with a variable in [-1, 1] each; a slot runs iff its variable
    is positive. Before them runs the first layer of part A and after them its last, whatever the
    variables say. Both have slots too, since the published count, 192 = 3 x (32 + 32), is of all
    layers; there they may run again. Where more is on than `max_hops` allows, the slots with the
    largest variables run (of equal ones the earlier), in their order.
``compact``
    After SMM-Bench (Akizuki et al. 2025, arXiv:2509.02555): for parts of equally many layers, a
    choice per layer of one part or of all parts, one after the other. Its files do not say what
    stands at the ends; with `fixed_ends` part A runs alone in the first and the last layer.

Scales multiply the residual stream before a hop; the first hop has none.

============  ====================================================================================
``none``      every scale is 1
``hop``       one per step but the first (compact: 2 L - 1 for two parts, SMM-Bench's 63; which of
              the 64 goes without is not said there)
``matrix``    W[i, j] for the input of layer j after layer i, M x M (slots only)
``low_rank``  W = 1 + U V^T, with U and V of shape (M, `rank`), clipped to the bounds (slots only)
============  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.errors import BadInput
from suite.recipes.layer_path import Hop, LayerPath, whole
from suite.recipes.recipe import Recipe
from suite.spaces.path_scales import SCALES, make_scales
from suite.spaces.path_steps import Compact, Slots, Step, Steps
from suite.spaces.space import SearchSpace, Setting, Vector

KINDS = ("slots", "compact")


class PathSpace:
    """Candidates to layer paths over `parts`, and hand-made paths to candidates.

    `parts` maps each part to its number of layers; the first is A, the frame. `merges` has the
    recipes of parts that are merges. `scale` is ``{low, high}``, with 1 between them; scales are
    rounded to 12 decimals, so that a path survives the way through the unit cube unchanged.
    """

    def __init__(
        self,
        kind: str,
        parts: Mapping[str, int],
        merges: Mapping[str, Recipe] | None = None,
        *,
        repeats: int = 3,
        scales: str = "none",
        rank: int = 1,
        scale: Mapping[str, Any] | None = None,
        max_hops: int | None = None,
        fixed_ends: bool | None = None,
    ) -> None:
        self.kind, self.parts, self.merges = kind, dict(parts), dict(merges or {})
        self.repeats, self.scales, self.max_hops = repeats, scales, max_hops
        self.fixed_ends = kind == "slots" if fixed_ends is None else fixed_ends
        self._check()
        self.frame = next(iter(self.parts))
        self._ends = self._fixed()
        self._steps = self._free_steps()
        every = [*self._ends[:1], *self._steps.free, *self._ends[1:]]
        if kind == "compact" and max_hops is not None:
            _count("max_hops of compact", max_hops, len(every))
        self._scales = make_scales(scales, every, _count("rank", rank, 1), scale)
        self.space = SearchSpace([*self._steps.parameters(), *self._scales.parameters()])

    @property
    def title(self) -> str:
        """The space in a few words."""
        repeated = f", {self.repeats} times over" if self.kind == "slots" else ""
        layers = " + ".join(f"{count} of {name}" for name, count in self.parts.items())
        scaled = "no scales" if self.scales == "none" else f"{self.scales} scales"
        return f"layer paths ({self.kind}) over {layers} layers{repeated}, {scaled}"

    def recipe(self, settings: Mapping[str, Setting]) -> LayerPath:
        """The path with these settings (all of `space`'s names)."""
        steps = [*self._ends[:1], *self._steps.running(settings), *self._ends[1:]]
        factors = [1.0, *(round(s, 12) for s in self._scales.read(settings, steps))]
        hops = [Hop(s.part, s.layer, f) for s, f in zip(steps, factors, strict=True)]
        used = {self.frame, *(hop.part for hop in hops)}
        merges = {name: merge for name, merge in self.merges.items() if name in used}
        return LayerPath(self.frame, tuple(hops), merges)

    def settings(self, recipe: Recipe | LayerPath) -> dict[str, Setting]:
        """The point of this space that is `recipe`: ``space.recipe(space.settings(path)) == path``.

        A merge, or a source alone, stands for part A unchanged. `BadInput` for what the space
        cannot say: other parts, an order without room, two factors where there is one variable, a
        first hop with a scale, low-rank scales that are not all 1. Slots that are off stand at 0.
        """
        path = self._as_path(recipe)
        if path.frame != self.frame:
            raise BadInput(f"path: frame {path.frame!r}; in the search space it is {self.frame!r}")
        path.check_layers(self.parts, self.max_hops)
        for name in path.parts:
            if path.merges.get(name) != self.merges.get(name):
                raise BadInput(f"path: part {name!r} is not what it is in the search space")
        if path.hops[0].scale != 1:
            raise BadInput(f"path: hop 0 has scale {path.hops[0].scale:g}; it must be 1")
        steps = [*self._placed(path.hops)]
        factors = [hop.scale for hop in path.hops[1:]]
        return {**self._steps.write(set(steps)), **self._scales.write(steps, factors)}

    def encode(self, recipe: Recipe | LayerPath) -> Vector:
        """`settings` as a candidate, shape (d,)."""
        return self.space.encode(self.settings(recipe))

    def start(self) -> Vector:
        """Part A alone, shape (d,): the published start, its slots at two sigma and all else at 0.

        Its first and last layer run anyhow, so that their slots are off.
        """
        return self.encode(self.part_a())

    def part_a(self) -> LayerPath:
        """Part A alone, as a path."""
        own = {name: merge for name, merge in self.merges.items() if name == self.frame}
        return whole(self.frame, self.parts[self.frame], own)

    def _check(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"path: kind {self.kind!r} is unknown; there are {', '.join(KINDS)}")
        allowed = SCALES if self.kind == "slots" else SCALES[:2]
        if self.scales not in allowed:
            raise BadInput(
                f"path: {self.kind} has no scales {self.scales!r}; allowed: {', '.join(allowed)}"
            )
        if not self.parts:
            raise BadInput("path: no parts; there must be at least one model")
        for name, layers in self.parts.items():
            _count(f"the number of layers of {name!r}", layers, 2)
        for name in self.merges:
            if name not in self.parts:
                raise BadInput(f"path: merge {name!r} is none of the parts {', '.join(self.parts)}")
        if self.kind == "slots" and not self.fixed_ends:
            raise BadInput("path: fixed_ends must be true for slots, where all might be off")
        if self.kind == "compact" and (len(self.parts) < 2 or len({*self.parts.values()}) > 1):
            counts = ", ".join(f"{name} with {layers}" for name, layers in self.parts.items())
            raise BadInput(f"path: compact wants two parts or more of equal depth, not {counts}")

    def _fixed(self) -> list[Step]:
        """The first and the last step, where they run whatever the variables say."""
        ends = [Step("first", self.frame, 0), Step("last", self.frame, self.parts[self.frame] - 1)]
        return ends if self.fixed_ends else []

    def _free_steps(self) -> Steps:
        if self.kind == "slots":
            most = None if self.max_hops is None else _count("max_hops", self.max_hops, 2) - 2
            return Slots(self.parts, _count("repeats", self.repeats, 1), most)
        layers = range(self.parts[self.frame])
        return Compact(list(self.parts), layers[1:-1] if self.fixed_ends else layers)

    def _as_path(self, recipe: Recipe | LayerPath) -> LayerPath:
        if isinstance(recipe, LayerPath):
            return recipe
        part_a = self.part_a()
        merge = part_a.merges.get(self.frame)
        if recipe != merge and (merge is not None or not _is_model(recipe, self.frame)):
            raise BadInput(
                f"path: {recipe.title} of {', '.join(recipe.models)} is not part {self.frame!r},"
                " the only merge that is a path of this search space"
            )
        return part_a

    def _placed(self, hops: Sequence[Hop]) -> Iterator[Step]:
        """A step for each hop: the earliest after the step before."""
        last, ahead = len(hops) - 1, iter(self._steps.free)
        if self._ends and not last:
            raise BadInput("path: 1 hop; in the search space two layers run whatever is chosen")
        for place, hop in enumerate(hops):
            if self._ends and place in (0, last):
                steps = iter(self._ends[:1] if place == 0 else self._ends[1:])
            else:
                steps = ahead
            found = next((s for s in steps if (s.part, s.layer) == (hop.part, hop.layer)), None)
            if found is None:
                raise BadInput(
                    f"path: the search space has no room for hop {place} (layer {hop.layer} of"
                    f" {hop.part!r}) at its place among the others"
                )
            yield found


def _count(what: str, value: int, least: int) -> int:
    """`value` if it is a whole number, `least` or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadInput(f"path: {what} is {value!r}; allowed are whole numbers from {least}")
    return value


def _is_model(recipe: Recipe, name: str) -> bool:
    """Whether `recipe` is the source `name` left as it is."""
    if recipe.models != (name,) or recipe.methods not in (("linear",), ("passthrough",)):
        return False
    given = {**recipe.parameters, **recipe.inputs[0].parameters}
    return given.get("scale", given.get("weight", 1.0)) == 1.0
