"""mergekit's slices folded into one level of filters: the same value on every tensor, slice or not.

Within a slice gradients run from its first layer to its last. Embeddings take the first slice's
values and everything after the layers the last one's, both at depth 0. So a configuration whose
slices take every layer once, in order, and merge the same models in each is one merge with
values per layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.errors import BadInput
from suite.recipes.parameters import Filtered, Gradient, Rule, Scalar, Value, interpolate

# What a layer is made of: a filter that begins with one of these holds for `layers.N.` + itself.
_PARTS = ("self_attn", "mlp", "input_layernorm", "post_attention_layernorm")
_OUTSIDE = ("embed_tokens", "model.embed_tokens", "lm_head", "model.norm")
_EMBEDDING = "embed_tokens"

Levels = tuple[dict[str, dict[str, Value]], dict[str, Value]]


@dataclass(frozen=True)
class Slice:
    """`layers` with the parameters of the inputs and those for all of them, top level included.

    None stands for all layers, where their number does not matter (see `chooses`).
    """

    layers: range | None
    inputs: Mapping[str, Mapping[str, Value]]
    shared: Mapping[str, Value]

    def depths(self) -> Iterator[tuple[int, float]]:
        """(layer, t) for each layer; a slice of one layer has it at t = 1."""
        layers = range(0) if self.layers is None else self.layers
        last = len(layers) - 1
        for index, layer in enumerate(layers):
            yield layer, index / last if last else 1.0


def chooses(s: Slice, rules: Mapping[str, Rule]) -> bool:
    """Whether a list of switches, which takes one by depth, makes the number of layers matter."""
    return any(
        isinstance(part.value, tuple)
        for level in (s.shared, *s.inputs.values())
        for name, value in level.items()
        for part in _filters(value)
        if rules[name].kind in ("switch", "choice")
    )


def ordered(slices: Sequence[Slice], layers: int) -> None:
    """`BadInput` unless the slices take layers 0 to `layers` in order and merge the same models."""
    taken = [range(0) if s.layers is None else s.layers for s in slices]
    if not all(taken) or [layer for part in taken for layer in part] != [*range(layers)]:
        found = ", ".join(f"[{part.start}, {part.stop}]" for part in taken)
        raise BadInput(
            f"slices take the layers {found} of models with {layers} layers; supported are slices"
            " that are not empty and take every layer once and in order"
        )
    for number, other in enumerate(slices[1:], 2):
        if set(other.inputs) != set(slices[0].inputs):
            raise BadInput(
                f"slices: slice {number} merges {', '.join(other.inputs)}, slice 1"
                f" {', '.join(slices[0].inputs)}; supported are the same models in each"
            )


def fold(slices: Sequence[Slice], rules: Mapping[str, Rule]) -> Levels:
    """The parameters of each input and those of the top level that say what `slices` say.

    `BadInput` for a filter that cannot be joined with a layer's number, and for a parameter
    without a default that only some slices give.
    """
    own: dict[str, dict[str, Value]] = {model: {} for model in slices[0].inputs}
    shared: dict[str, Value] = {}
    levels = [level for s in slices for level in (s.shared, *s.inputs.values())]
    for name in dict.fromkeys(name for level in levels for name in level):
        rule = rules[name]
        above = [s.shared.get(name) for s in slices]
        columns = {model: [s.inputs[model].get(name) for s in slices] for model in own}
        differ = any(
            value != column[0] for column in (above, *columns.values()) for value in column
        )
        if differ and rule.kind == "integer":
            raise BadInput(f"slices: {name} must be the same in every slice")
        if differ and rule.per_input:
            for model, column in columns.items():
                where = f"{name} of model {model!r}"
                own[model][name] = _joined(slices, where, rule, column, above)
            continue
        for model, column in columns.items():
            if column[0] is not None:
                own[model][name] = _repeated(slices, name, rule, column[0])
        if differ:
            shared[name] = _joined(slices, name, rule, above)
        elif above[0] is not None:
            shared[name] = _repeated(slices, name, rule, above[0])
    return own, shared


def stacked(upper: Mapping[str, Value], lower: Mapping[str, Value]) -> dict[str, Value]:
    """One level of parameters that reads like `upper` before `lower`, filter by filter."""
    found = {**lower, **upper}
    for name in upper.keys() & lower.keys():
        if _is_filters(upper[name]):
            found[name] = (*_filters(upper[name]), *_filters(lower[name]))
    return found


def _repeated(slices: Sequence[Slice], where: str, rule: Rule, value: Value) -> Value:
    """A value that all slices give: its gradients, which start anew in each, become filters.

    A single slice keeps gradients of numbers. Those of switches do not interpolate but choose.
    """
    kept = rule.kind == "integer" or (rule.kind == "number" and len(slices) == 1)
    if kept or not any(isinstance(part.value, tuple) for part in _filters(value)):
        return value
    parts: list[Filtered] = []
    for part in _filters(value):
        if isinstance(part.value, tuple):
            parts += [f for s in slices for f in _spread(s, where, rule, part)]
            parts += _outside([part], rule)
        else:
            parts.append(part)
    return _plain(parts)


def _joined(
    slices: Sequence[Slice], where: str, rule: Rule, *levels: Sequence[Value | None]
) -> Value:
    """Values that differ by slice, those of each level before the next's and the default last."""
    lists = [
        _complete(where, rule, number, values)
        for number, values in enumerate(zip(*levels, strict=True), 1)
    ]
    parts = [
        f
        for s, listed in zip(slices, lists, strict=True)
        for part in listed
        for f in _spread(s, where, rule, part)
    ]
    first = next(part for part in lists[0] if part.fits(f"model.{_EMBEDDING}.weight"))
    embedding = Filtered(_EMBEDDING, first.value)
    return _plain([*parts, *_outside([embedding, *lists[-1]], rule)])


def _outside(parts: Sequence[Filtered], rule: Rule) -> list[Filtered]:
    """`parts` as they hold outside the layers, at t = 0."""
    outer = [part for part in parts if not str(part.filter).startswith((*_PARTS, "layers."))]
    return [Filtered(part.filter, _at(part.value, 0.0, rule)) for part in outer]


def _complete(
    where: str, rule: Rule, number: int, values: Sequence[Value | None]
) -> list[Filtered]:
    """What holds in one slice, ending with a part for all tensors."""
    parts = [part for value in values if value is not None for part in _filters(value)]
    if rule.default is not None:
        parts.append(Filtered(None, rule.default))
    for index, part in enumerate(parts):
        if part.filter in (None, "*"):
            return parts[: index + 1]
    raise BadInput(f"slices: {where} has no value for every tensor of slice {number}")


def _spread(s: Slice, where: str, rule: Rule, part: Filtered) -> Iterator[Filtered]:
    """`part` on each layer of a slice, in a filter that holds there only."""
    for layer, t in s.depths():
        joined = _join(where, layer, part.filter)
        if joined is not None:
            yield Filtered(joined, _at(part.value, t, rule))


def _join(where: str, layer: int, wanted: str | None) -> str | None:
    """The filter that fits what `wanted` fits in one layer; None if that is nothing."""
    prefix = f"layers.{layer}."
    if wanted is None or wanted == "*" or wanted in f"model.{prefix}":
        return prefix
    if wanted.startswith(_PARTS):
        return prefix + wanted
    inner = wanted.removeprefix("model.")
    if inner.startswith("layers.") or wanted.startswith(_OUTSIDE):
        return inner if inner.startswith(prefix) else None
    raise BadInput(
        f"{where}: filter {wanted!r} cannot be told apart by layer; slices and lists of switches"
        f" take filters that begin with {', '.join((*_PARTS, *_OUTSIDE))}"
    )


def _at(value: Scalar | Gradient, t: float, rule: Rule) -> Scalar:
    if not isinstance(value, tuple):
        return value
    if rule.kind == "number":
        try:
            return interpolate(tuple(float(v) for v in value), t)
        except (TypeError, ValueError):
            raise BadInput(f"a gradient is {list(value)}; allowed are numbers") from None
    return value[int(t * (len(value) - 1))]


def _plain(parts: Sequence[Filtered]) -> Value:
    """`parts` up to the first that fits all, as one scalar where all are equal."""
    ends = [index for index, part in enumerate(parts) if part.filter in (None, "*")]
    kept = parts[: ends[0] + 1] if ends else parts
    same = all(part.value == kept[0].value for part in kept)
    return kept[0].value if ends and same else tuple(kept)


def _is_filters(value: Value) -> bool:
    return isinstance(value, tuple) and any(isinstance(part, Filtered) for part in value)


def _filters(value: Any) -> tuple[Filtered, ...]:
    return value if _is_filters(value) else (Filtered(None, value),)
