from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from suite.errors import BadInput
from suite.merging.checkpoint import INDEX, SINGLE, Checkpoint


def weights() -> dict[str, torch.Tensor]:
    return {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}


def sharded(folder: Path) -> None:
    for number, (name, tensor) in enumerate(weights().items()):
        save_file({name: tensor}, folder / f"part-{number}.safetensors")
    index = {"weight_map": {"a": "part-0.safetensors", "b": "part-1.safetensors"}}
    (folder / INDEX).write_text(json.dumps(index))


def single(folder: Path) -> None:
    save_file(weights(), folder / SINGLE)


@pytest.mark.parametrize("write", [single, sharded])
def test_reads_what_was_written(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.shapes == {"a": (2, 3), "b": (4,)}
    found = dict(checkpoint.tensors())
    for name, tensor in weights().items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor)


def test_a_model_that_transformers_sharded(tmp_path: Path, tiny: Callable[..., Any]) -> None:
    model = tiny()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert (tmp_path / INDEX).exists()
    found = dict(Checkpoint(tmp_path).tensors())
    assert found.keys() == dict(model.named_parameters()).keys()
    assert all(torch.equal(found[name], p) for name, p in model.named_parameters())


def truncate(folder: Path) -> None:
    single(folder)
    data = (folder / SINGLE).read_bytes()
    (folder / SINGLE).write_bytes(data[:-5])


def pickled(folder: Path) -> None:
    torch.save(weights(), folder / "pytorch_model.bin")


def disguised(folder: Path) -> None:
    torch.save(weights(), folder / SINGLE)


def whole_numbers(folder: Path) -> None:
    save_file({"a": torch.arange(3)}, folder / SINGLE)


def shard_gone(folder: Path) -> None:
    sharded(folder)
    (folder / "part-1.safetensors").unlink()


def shard_incomplete(folder: Path) -> None:
    sharded(folder)
    save_file({"other": torch.ones(1)}, folder / "part-1.safetensors")


def index_damaged(folder: Path) -> None:
    (folder / INDEX).write_text("{")


def index_elsewhere(folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "../x.safetensors"}}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: folder.rmdir(), "no such checkpoint folder"),
        (lambda folder: None, "neither model.safetensors nor"),
        (truncate, "model.safetensors: not a whole safetensors file"),
        (disguised, "model.safetensors: not a whole safetensors file"),
        (pickled, "pytorch_model.bin is not safetensors; save the model again"),
        (whole_numbers, "tensor 'a' is I64; allowed are F64"),
        (shard_gone, "part-1.safetensors: no such file"),
        (shard_incomplete, "part-1.safetensors: tensor 'b' of .* is missing"),
        (index_damaged, "index.json: damaged"),
        (index_elsewhere, "is not a safetensors file of the same folder"),
    ],
)
def test_bad_checkpoints(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(tmp_path)
    with pytest.raises(BadInput, match=message) as error:
        Checkpoint(tmp_path)
    assert "\n" not in str(error.value)
