"""Local checkpoint folders: safetensors, in one file or sharded, read through a memory map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from suite.checkpoints import tower_names
from suite.checkpoints.hub import INDEX, SINGLE
from suite.errors import BadInput

_FLOATS = ("F64", "F32", "F16", "BF16")


class Checkpoint:
    """The tensors of a checkpoint folder, known by name and shape before any is read.

    Of a vision-language model they are its language tower's, by their plain names
    (`suite.checkpoints.tower_names`).
    `BadInput` names a folder or file that is missing, damaged or not safetensors.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._files: dict[str, tuple[Path, str]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: set[str] = set()
        own: dict[Path, list[str]] = {}
        for path, expected in _shards(self.folder):
            with _opened(path) as file:
                names = set(file.keys())
            missing = sorted((names if expected is None else expected) - names)
            if missing:
                raise BadInput(f"{path}: tensor {missing[0]!r} of {INDEX} is missing")
            own[path] = sorted(names if expected is None else expected)
        plain = tower_names.plain_names(name for held in own.values() for name in held)
        for path, held in own.items():
            with _opened(path) as file:
                for name in (name for name in held if name in plain):
                    self._add(plain[name], path, name, file.get_slice(name))

    def _add(self, name: str, path: Path, own: str, tensor: Any) -> None:
        if tensor.get_dtype() not in _FLOATS:
            raise BadInput(
                f"{path}: tensor {name!r} is {tensor.get_dtype()}; allowed are {', '.join(_FLOATS)}"
            )
        self._files[name] = (path, own)
        self.dtypes.add(tensor.get_dtype())
        self.shapes[name] = tuple(tensor.get_shape())

    @property
    def files(self) -> tuple[Path, ...]:
        """The weight files, in order of their names."""
        return tuple(sorted({path for path, _ in self._files.values()}))

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Every tensor with its name, in the file's own type, one at a time."""
        for path in self.files:
            with _opened(path) as file:
                for name, own in ((n, own) for n, (p, own) in self._files.items() if p == path):
                    yield name, file.get_tensor(own)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path}: not a whole safetensors file ({error})") from error


def _shards(folder: Path) -> list[tuple[Path, set[str] | None]]:
    """Files of a checkpoint with the tensors that the index expects in each (None: any)."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such checkpoint folder")
    if (folder / INDEX).is_file():
        return _indexed(folder / INDEX)
    if (folder / SINGLE).is_file():
        return [(folder / SINGLE, None)]
    pickled = sorted(p.name for s in ("*.bin", "*.pt", "*.pth") for p in folder.glob(s))
    if pickled:
        raise BadInput(
            f"{folder}: {pickled[0]} is not safetensors; save the model again with"
            " save_pretrained, which writes safetensors"
        )
    raise BadInput(f"{folder}: neither {SINGLE} nor {INDEX} in it")


def _indexed(index: Path) -> list[tuple[Path, set[str] | None]]:
    files: dict[Path, set[str]] = {}
    try:
        for name, file in json.loads(index.read_text(encoding="utf-8"))["weight_map"].items():
            if Path(file).name != file or not file.endswith(".safetensors"):
                raise BadInput(f"{index}: {file!r} is not a safetensors file of the same folder")
            files.setdefault(index.parent / file, set()).add(name)
    except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
        raise BadInput(f"{index}: damaged ({error!r})") from error
    if not files:
        raise BadInput(f"{index}: names no tensors")
    return [(path, files[path]) for path in sorted(files)]
