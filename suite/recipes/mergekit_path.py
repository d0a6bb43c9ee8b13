"""Layer paths as mergekit's passthrough slices, and back.

mergekit has no scales of hops. A stream multiplied by s_t before each layer t is, up to the norms'
epsilon, the plain stack whose ``o_proj`` and ``down_proj`` are divided by c_t = s_1 … s_t, for an
RMSNorm forgets the factor of what it reads; that is what is written, as filters of ``scale``.

There the embeddings are those of the first slice's model, final norm and head those of the last
one's. Where another part than the frame runs there, a slice of no layers of the frame stands
before or after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from suite.errors import BadInput
from suite.recipes import mergekit_fields as fields
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.mergekit_slices import stacked
from suite.recipes.parameters import Filtered, Value, interpolate
from suite.recipes.recipe import DTYPES

Layers = int | Mapping[str, int] | Callable[[str], int]
METHOD = "passthrough"
_KEYS = {
    "merge_method", "slices", "base_model", "parameters",
    "dtype", "out_dtype", "tokenizer_source", "tokenizer",
}  # fmt: skip
_DIVIDED = ("o_proj", "down_proj")
_SCALED = [
    f"{part}.{end}" for part in ("self_attn.o_proj", "mlp.down_proj") for end in ("weight", "bias")
]
_PLAIN = [f"{part}.weight" for part in (
    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
    "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj",
)]  # fmt: skip


@dataclass(frozen=True)
class _Slice:
    model: str
    layers: range
    scale: Value | None = None


def write(path: LayerPath, names: Mapping[str, str] | None = None) -> str:
    """mergekit YAML of `path`; ``read(yaml.safe_load(write(path))) == path``.

    (For scales of at most 14 digits.) `names` turns the names of the models into the file's.
    Neighbouring hops over consecutive layers of one part share a slice while c_t is the same. The
    result keeps the dtype of the models. `BadInput` for a part that is a merge and for a scale
    that is not positive.
    """
    if path.merges:
        raise BadInput(
            f"path: part {next(iter(path.merges))!r} is a merge, which mergekit's passthrough cannot"
            " make; export it first and name the exported checkpoint as the part"
        )
    told = _told(path.parts, names)
    slices: list[tuple[_Slice, float]] = []
    for place, (hop, c) in enumerate(zip(path.hops, path.cumulative, strict=True)):
        if not (hop.scale > 0 and 1e-300 < c < 1e300):
            raise BadInput(
                f"path: hop {place} has scale {hop.scale:g} (cumulative {c:g}); as plain weights"
                " it must be positive and finite"
            )
        if slices and slices[-1][1] == c and _follows(slices[-1][0], hop):
            slices[-1] = (_Slice(hop.part, range(slices[-1][0].layers.start, hop.layer + 1)), c)
        else:
            slices.append((_Slice(hop.part, range(hop.layer, hop.layer + 1)), c))
    nothing = (_Slice(path.frame, range(0)), 1.0)
    before = [nothing] * (slices[0][0].model != path.frame)
    after = [nothing] * (slices[-1][0].model != path.frame)
    data = {
        "merge_method": METHOD,
        "base_model": told[path.frame],  # config.json and tokenizer
        "slices": [_entry(s, c, told) for s, c in (*before, *slices, *after)],
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def is_path(
    data: Mapping[str, Any], layers: Layers | None = None, resolve: fields.Resolve | None = None
) -> bool:
    """Whether passthrough slices are anything but the layers of one model, each once and in order.

    `layers` as in `read`; without it, leaving out the last layers goes unnoticed.
    """
    if data.get("merge_method") != METHOD or not isinstance(data.get("slices"), list):
        return False
    try:
        slices = list(_slices(data, resolve))
    except BadInput:
        return False
    taken = [layer for s in slices for layer in s.layers]
    if len({s.model for s in slices}) > 1 or taken != [*range(len(taken))]:
        return True
    return layers is not None and len(taken) != _depth(layers, slices[0].model)


def read(
    data: Mapping[str, Any], layers: Layers | None = None, resolve: fields.Resolve | None = None
) -> LayerPath:
    """The path of a passthrough configuration with slices, given as the mapping that its YAML is.

    `layers` is the number of layers of the models, or gives it for a name of the path; `resolve`
    turns the file's names into the path's. Of ``scale`` it reads what divides ``o_proj`` and
    ``down_proj`` alike and leaves all else as it is. A path has no dtype of its own, so the file's
    only has to be one there is. `BadInput` names what is not supported.
    """
    data = fields.only(data, _KEYS, "the configuration")
    if data.get("merge_method") != METHOD:
        raise BadInput(f"merge_method {data.get('merge_method')!r} is no layer path; {METHOD} is")
    for key in ("dtype", "out_dtype"):
        if str(data.get(key, DTYPES[0])).removeprefix("torch.") not in DTYPES:
            raise BadInput(f"{key} {data[key]!r} is unknown; there are {', '.join(DTYPES)}")
    slices = list(_slices(data, resolve))
    frame = _frame(data, slices, resolve)
    hops, before = [], 1.0
    for number, s in enumerate(slices, 1):
        for index, layer in enumerate(s.layers):
            depth = index / (len(s.layers) - 1) if len(s.layers) > 1 else 1.0
            c = _cumulative(s, f"slices: slice {number}", layer, depth)
            # a division brings back fewer than 16 digits; 14 are beyond its error
            hops.append(Hop(s.model, layer, float(f"{c / before:.14g}")))
            before = c
    path = LayerPath(frame, tuple(hops))
    if layers is not None:
        path.check_layers({part: _depth(layers, part) for part in path.parts})
    return path


def _told(parts: Sequence[str], names: Mapping[str, str] | None) -> dict[str, str]:
    told: dict[str, str] = {}
    for part in parts:
        if names is not None and part not in names:
            raise BadInput(f"model {part!r} has no name; there are {', '.join(sorted(names))}")
        name = fields.name(part if names is None else names[part], None)
        if name in told.values():
            raise BadInput(f"model {part!r}: the name {name!r} stands for another model already")
        told[part] = name
    return told


def _follows(s: _Slice, hop: Hop) -> bool:
    return s.model == hop.part and s.layers.stop == hop.layer


def _entry(s: _Slice, c: float, told: Mapping[str, str]) -> dict[str, Any]:
    source: dict[str, Any] = {
        "model": told[s.model], "layer_range": [s.layers.start, s.layers.stop]
    }  # fmt: skip
    if c != 1:
        source["parameters"] = {"scale": [{"filter": part, "value": 1 / c} for part in _DIVIDED]}
    return {"sources": [source]}


def _slices(data: Mapping[str, Any], resolve: fields.Resolve | None) -> Iterator[_Slice]:
    top = fields.parameters(data, METHOD)
    for number, entry in enumerate(
        fields.listed(data.get("slices"), "slices", {"sources", "parameters", "base_model"}), 1
    ):
        sources = fields.listed(
            entry.get("sources"), "sources", {"model", "layer_range", "parameters"}
        )
        if len(sources) != 1:
            raise BadInput(f"slices: slice {number} has {len(sources)} sources; {METHOD} takes one")
        found: Any = sources[0].get("layer_range")
        pair = isinstance(found, list) and len(found) == 2 and all(type(e) is int for e in found)
        if not pair or not 0 <= found[0] <= found[1]:
            raise BadInput(
                f"slices: slice {number}: layer_range {found} is not two whole numbers in order"
            )
        scale = stacked(
            fields.parameters(sources[0], METHOD), stacked(fields.parameters(entry, METHOD), top)
        ).get("scale")
        yield _Slice(fields.name(sources[0].get("model"), resolve), range(*found), scale)


def _frame(
    data: Mapping[str, Any], slices: Sequence[_Slice], resolve: fields.Resolve | None
) -> str:
    """The model of embeddings, final norm, head and tokenizer; they must be one's, and as they are."""
    first, last = slices[0], slices[-1]
    if first.model != last.model:
        raise BadInput(
            f"slices: embeddings are of {first.model!r}, final norm and head of {last.model!r};"
            " a layer path has both of one model (a slice of no layers, [0, 0], may name it)"
        )
    bases = [data.get("base_model"), *(entry.get("base_model") for entry in data["slices"])]
    for base in bases:
        if base is not None and fields.name(base, resolve) != first.model:
            raise BadInput(f"base_model {base!r} must be {first.model!r}, which has the embeddings")
    tokenizer = fields.only(
        fields.mapping(data.get("tokenizer", {}), "tokenizer"), {"source"}, "tokenizer"
    )
    for source in (data.get("tokenizer_source"), tokenizer.get("source")):
        if source not in (None, "base"):
            raise BadInput(f"tokenizer source {source!r} is not supported; only base is")
    for s, tensor in ((first, "model.embed_tokens"), (last, "model.norm"), (last, "lm_head")):
        _only_one(s.scale, f"{tensor}.weight", 0.0)
    return first.model


def _cumulative(s: _Slice, where: str, layer: int, depth: float) -> float:
    """c_t of one layer, from the scales of its tensors."""
    prefix = f"model.layers.{layer}."
    for tensor in _PLAIN:
        _only_one(s.scale, prefix + tensor, depth)
    scales = {tensor: _value(s.scale, prefix + tensor, depth) for tensor in _SCALED}
    factor = scales[_SCALED[0]]
    if len(set(scales.values())) > 1 or not 0 < factor < math.inf or math.isinf(1 / factor):
        found = ", ".join(f"{value:g} on {tensor}" for tensor, value in scales.items())
        raise BadInput(
            f"{where}: layer {layer}: scale {found}; a layer path has one positive scale for all four"
        )
    return 1 / factor


def _only_one(scale: Value | None, tensor: str, depth: float) -> None:
    value = _value(scale, tensor, depth)
    if value != 1:
        raise BadInput(
            f"slices: scale {value:g} on {tensor}; a layer path scales {' and '.join(_DIVIDED)} only"
        )


def _value(scale: Any, tensor: str, depth: float) -> float:
    """What mergekit multiplies a tensor by, which it names as the slice's model does."""
    if isinstance(scale, tuple):
        if not any(isinstance(part, Filtered) for part in scale):
            return interpolate(tuple(_value(anchor, tensor, depth) for anchor in scale), depth)
        fitting = next((part for part in scale if part.fits(tensor)), None)
        return 1.0 if fitting is None else _value(fitting.value, tensor, depth)
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, int | float)):
        raise BadInput(f"slices: scale {scale!r} is not a number")
    return 1.0 if scale is None else float(scale)


def _depth(layers: Layers, model: str) -> int:
    if isinstance(layers, Mapping):
        if model not in layers:
            raise BadInput(f"model {model!r} is unknown; there are {', '.join(layers)}")
        return layers[model]
    return layers(model) if callable(layers) else layers
