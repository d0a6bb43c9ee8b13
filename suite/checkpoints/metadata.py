"""What a checkpoint says of itself, without its weights.

Of a vision-language model it is the language tower that merges: its tensors go by their plain names.

A Hub model that is not in the cache is read by range requests: the headers of its safetensors
files, config.json and the model card; no weight crosses the network.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.checkpoints import hub, tower_names
from suite.checkpoints.network import explained, online
from suite.errors import BadInput

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # element sizes of the types that merge


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself: `shapes` and `dtypes` by tensor, `download` in bytes.

    `family` is the kind of decoder (``mistral``), `eyes` the parameters outside the language tower.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    architecture: str | None = None
    family: str | None = None
    eyes: int = 0
    vocabulary: int | None = None
    licence: str | None = None
    revision: str | None = None
    quantised: str | None = None
    download: int = 0

    @property
    def parameters(self) -> int:
        return sum(map(math.prod, self.shapes.values()))

    @property
    def bytes(self) -> int:
        """Size of its weights in their own types."""
        return sum(
            math.prod(shape) * BYTES.get(self.dtypes[tensor], 1)
            for tensor, shape in self.shapes.items()
        )

    @property
    def dtype(self) -> str:
        """Its types, the commonest first, as in ``BF16`` or ``BF16, F32``."""
        counts: dict[str, int] = {}
        for tensor, kind in self.dtypes.items():
            counts[kind] = counts.get(kind, 0) + math.prod(self.shapes[tensor])
        return ", ".join(sorted(counts, key=lambda kind: -counts[kind]))


def read(name: str, model: str) -> Header:
    """The header of `model` (a name that `hub.locate` takes), called `name` in the task.

    `BadInput` when it cannot be read or reached.
    """
    if hub.parse(model) is None:
        return _local(name, hub.locate(model).folder)
    repo, commit = hub.commit_of(hub.pinned(model))
    folder = hub.cached(repo, commit)
    if folder is not None:
        return _local(name, folder, commit)
    return _remote(name, model, repo, commit)


def _local(name: str, folder: Path, revision: str | None = None) -> Header:
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    for path in (folder / file for file in hub.shards(folder)):
        if not path.is_file():
            raise BadInput(_no_weights(folder, path))
        try:
            with safe_open(path, framework="np") as file:
                for tensor in file.keys():  # noqa: SIM118 (no mapping)
                    view = file.get_slice(tensor)
                    shapes[tensor], dtypes[tensor] = tuple(view.get_shape()), view.get_dtype()
        except (SafetensorError, OSError) as error:
            raise BadInput(f"{path}: not a whole safetensors file ({error})") from None
    return _header(name, shapes, dtypes, folder, revision)


def _no_weights(folder: Path, path: Path) -> str:
    pickles = sorted(p.name for s in ("*.bin", "*.pt", "*.pth") for p in folder.glob(s))
    if not folder.is_dir():
        return f"{folder}: no such checkpoint folder"
    if pickles:
        return (
            f"{folder}: {pickles[0]} is not safetensors; save the model again with"
            " save_pretrained, which writes safetensors"
        )
    return f"{path}: no such file"


def _remote(name: str, model: str, repo: str, commit: str) -> Header:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    missing = hub.missing(model, repo, commit)
    weights = [f for f in hub.wanted(model, repo, commit) if f not in hub.SMALL]
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    with explained(model), online():
        folder = Path(hf_hub_download(repo, "config.json", revision=commit)).parent
        for file in weights:
            found = HfApi().parse_safetensors_file_metadata(repo, file, revision=commit)
            shapes |= {tensor: tuple(info.shape) for tensor, info in found.tensors.items()}
            dtypes |= {tensor: str(info.dtype) for tensor, info in found.tensors.items()}
        with contextlib.suppress(EntryNotFoundError):  # the card is voluntary
            hf_hub_download(repo, "README.md", revision=commit)
    return _header(name, shapes, dtypes, folder, commit, sum(missing.values()))


def _header(
    name: str,
    shapes: Mapping[str, tuple[int, ...]],
    dtypes: Mapping[str, str],
    folder: Path,
    revision: str | None,
    download: int = 0,
) -> Header:
    plain = tower_names.plain_names(shapes)
    eyes = sum(math.prod(shape) for own, shape in shapes.items() if own not in plain)
    return Header(
        name,
        {plain[own]: shapes[own] for own in plain},
        {plain[own]: dtypes[own] for own in plain},
        eyes=eyes,
        revision=revision,
        download=download,
        **_described(folder),
    )


def _described(folder: Path) -> dict[str, Any]:
    """Architecture, vocabulary, quantisation and licence from config.json and the model card."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        text = config.get("text_config") or config
        quantised = config.get("quantization_config") or {}
        return {
            "architecture": (config.get("architectures") or [None])[0],
            "family": tower_names.family(config),
            "vocabulary": text.get("vocab_size"),
            "quantised": quantised.get("quant_method", "unknown") if quantised else None,
            "licence": _licence(folder / "README.md"),
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path}: damaged ({error})") from None


def _licence(card: Path) -> str | None:
    """The licence that a model card's metadata states; its name where it says only ``other``."""
    if not card.is_file():
        return None
    from huggingface_hub import metadata_load

    try:
        stated: dict[str, Any] = metadata_load(card) or {}
    except ValueError:
        return None
    licence = stated.get("license")
    if licence == "other":
        licence = stated.get("license_name") or licence
    return ", ".join(licence) if isinstance(licence, list) else licence
