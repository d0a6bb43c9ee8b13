"""A layer path as a released checkpoint holds it, among its weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from suite.checkpoints import hub, metadata
from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath, released
from suite.recipes.parameters import layer_of

_NUMPY = {
    "I64": "<i8",
    "I32": "<i4",
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
}  # by safetensors' names


def read_released(folder: str | Path, part: str) -> LayerPath:
    """The path of a checkpoint folder in the format of EvoLLM-JP-v1-10B, named `part`.

    The published checkpoint has its path among the weights, as the vectors ``model.input_layers``
    and ``model.input_scales`` of 65 numbers each (its config.json only counts them, as
    ``num_hops``), beside 44 stored layers. `BadInput` when the folder is none or is damaged.
    """
    folder = Path(folder).resolve()
    found = metadata.read(part, str(folder))
    arrays = {}
    for name in ("input_layers", "input_scales"):
        shape = found.shapes.get(f"model.{name}")
        if shape is None:
            raise BadInput(f"{folder}: no tensor model.{name}; this checkpoint holds no layer path")
        if len(shape) != 1:
            raise BadInput(f"{folder}: model.{name} has shape {shape}; it must be a vector")
        arrays[name] = _vector(folder, f"model.{name}")
    if any(not float(layer).is_integer() for layer in arrays["input_layers"]):
        raise BadInput(f"{folder}: model.input_layers are not whole numbers")
    arrays["input_layers"] = [int(layer) for layer in arrays["input_layers"]]
    path = released(arrays, part)
    stored = {layer_of(tensor) for tensor in found.shapes} - {None}
    path.check_layers({part: len(stored)})
    return path


def _vector(folder: Path, tensor: str) -> list[float]:
    """The numbers of one tensor; read from its bytes, for NumPy knows no bfloat16."""
    for file in hub.shards(folder):
        with (folder / file).open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            entry = json.loads(stream.read(length)).get(tensor)
            if entry is None:
                continue
            start, end = entry["data_offsets"]
            stream.seek(8 + length + start)
            data = stream.read(end - start)
        if entry["dtype"] == "BF16":  # the upper half of a float32
            return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").tolist()  # type: ignore[no-any-return]
        if entry["dtype"] not in _NUMPY:
            raise BadInput(
                f"{folder}: {tensor} is {entry['dtype']}; known are BF16, {', '.join(_NUMPY)}"
            )
        return np.frombuffer(data, _NUMPY[entry["dtype"]]).tolist()  # type: ignore[no-any-return]
    raise BadInput(f"{folder}: no tensor {tensor}")
