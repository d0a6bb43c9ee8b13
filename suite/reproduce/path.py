"""A released checkpoint that holds a layer path among its weights, run without its own code.

EvoLLM-JP-v1-10B stores layers, and in ``model.input_layers`` and ``model.input_scales`` the order
they run in and the factor on the input of each. Its config.json names a class of its own; the
layers are Mistral's, and the path is run as every other layer path here (`suite.merging.hops`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from suite.checkpoints import hub, released_path
from suite.errors import BadInput

TENSORS = ("model.input_layers", "model.input_scales")
_PART = "released"
_FOREIGN = ("architectures", "auto_map", "model_type", "num_hops", "dtype", "torch_dtype")


def is_path(tensors: Iterable[str]) -> bool:
    """Whether a checkpoint with these tensors is a layer path."""
    return set(TENSORS) <= set(tensors)


def load(folder: Path, device: str, batch_size: int, dtype: str) -> Any:
    """A handle on the checkpoint in `folder`, whose weights are read once more than a plain one's.

    That the scale multiplies the whole residual stream before a layer is the format's description,
    not confirmed by its code. `BadInput` when the folder holds no path of Mistral's layers.
    """
    import torch
    import transformers

    from suite.checkpoints import local
    from suite.evaluators.models.handle import TransformersHandle
    from suite.experimental.cuda_merging import launch
    from suite.merging.hops import PathMerger
    from suite.merging.sources import Sources

    path = released_path.read_released(folder, _PART)
    sources = Sources.from_tensors({_PART: _stored(folder)}, device, streamed=device != "cpu")
    with local.quiet():  # of the unknown class, which is not used
        tokenizer = local.read_tokenizer(folder)
    with torch.device(device):
        model: Any = transformers.AutoModelForCausalLM.from_config(
            _config(folder, sources.layout.layers), dtype=getattr(torch, dtype)
        )
    PathMerger(sources, model, launch.runner("auto", device)).merge(path)
    if (folder / "generation_config.json").is_file():
        model.generation_config = transformers.GenerationConfig.from_pretrained(folder)
    return TransformersHandle(model, tokenizer, batch_size)


def _stored(folder: Path) -> dict[str, Any]:
    """The weights without the path; the indices of its layers are of no type that merges."""
    from safetensors.torch import load_file

    found: dict[str, Any] = {}
    for file in hub.shards(folder):
        found.update(load_file(folder / file))
    return {name: tensor for name, tensor in found.items() if name not in TENSORS}


def _config(folder: Path, layers: int) -> Any:
    """Mistral's configuration of the stored layers, from a config.json of another class."""
    import transformers

    try:
        said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        plain = {key: value for key, value in said.items() if key not in _FOREIGN}
        return transformers.MistralConfig.from_dict({**plain, "num_hidden_layers": layers})
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{folder}/config.json: damaged ({error})") from None
