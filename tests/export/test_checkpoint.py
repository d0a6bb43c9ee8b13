from __future__ import annotations

import json
import resource
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from suite.errors import BadInput
from suite.evaluators.models import handle
from suite.export import checkpoint
from suite.export.checkpoint import Plan
from suite.merging import Merger, Sources

MakePlan = Callable[..., Plan]


def nothing(weights: checkpoint.Weights) -> dict[str, str]:
    return {}


def live(plan: Plan) -> dict[str, torch.Tensor]:
    """The merge as a search has it in memory."""
    model = handle.load(plan.folders[plan.base], "cpu").model
    Merger(Sources.load(dict(plan.folders), "cpu"), model).merge(plan.recipe)
    return dict(model.state_dict())


def same(out: Path, wanted: dict[str, torch.Tensor]) -> bool:
    found = handle.load(out, "cpu").model.state_dict()
    return found.keys() == wanted.keys() and all(torch.equal(found[n], wanted[n]) for n in wanted)


def test_the_folder_holds_the_merge_bit_for_bit(plan: MakePlan, tmp_path: Path) -> None:
    out = tmp_path / "below" / "out"
    weights = checkpoint.write(plan(), out, lambda w: {"note.txt": w.dtype})
    assert same(out, live(plan()))
    assert (weights.merged, weights.dtype, weights.altered) == ("float32", "float32", 0.0)
    assert weights.parameters == sum(t.numel() for t in live(plan()).values())
    assert (out / "note.txt").read_text() == "float32"
    assert json.loads((out / "config.json").read_text())["dtype"] == "float32"
    base = plan().folders["base"]
    assert (out / "generation_config.json").is_file()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (out / name).read_bytes() == (base / name).read_bytes()
    modes = {file.stat().st_mode for file in out.iterdir()}
    assert len(modes) == 1  # whoever may read the config may read the weights
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_shards_are_no_larger_than_asked_and_load_the_same(plan: MakePlan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    checkpoint.write(plan(shard=checkpoint.shard_bytes("800KB")), out, nothing)
    files = sorted(out.glob("*.safetensors"))
    assert len(files) >= 6
    assert not (out / "model.safetensors").exists()
    assert all(sum(t.nbytes for t in load_file(file).values()) <= 800_000 for file in files)
    index = json.loads((out / "model.safetensors.index.json").read_text())
    assert {out / file for file in index["weight_map"].values()} == set(files)
    assert same(out, live(plan()))


@pytest.mark.parametrize("shard", ["5GB", "800KB"])
def test_tied_weights_are_written_once_and_stay_tied(
    plan: MakePlan, parents: dict[str, Path], tmp_path: Path, shard: str
) -> None:
    for folder in parents.values():
        tie(folder)
    out = tmp_path / "out"
    weights = checkpoint.write(plan(shard=checkpoint.shard_bytes(shard)), out, nothing)
    names = [name for file in out.glob("*.safetensors") for name in load_file(file)]
    assert "lm_head.weight" not in names
    assert "model.embed_tokens.weight" in names
    model = handle.load(out, "cpu").model
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert same(out, live(plan()))
    assert weights.parameters == sum(parameter.numel() for parameter in model.parameters())


def tie(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_another_dtype_is_rounded_to_once(plan: MakePlan, tmp_path: Path, dtype: str) -> None:
    out = tmp_path / "out"
    weights = checkpoint.write(plan(dtype=dtype), out, nothing)
    wanted = {name: tensor.to(getattr(torch, dtype)) for name, tensor in live(plan()).items()}
    found = load_file(out / "model.safetensors")
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    before = live(plan())
    changed = sum(int((wanted[n].float() != before[n]).sum()) for n in wanted)
    assert weights.altered == changed / weights.parameters > 0
    assert json.loads((out / "config.json").read_text())["dtype"] == dtype


def test_a_recipe_that_rounds_itself_loses_nothing(plan: MakePlan, tmp_path: Path) -> None:
    from dataclasses import replace

    rounded = plan(recipe=replace(plan().recipe, dtype="bfloat16"))
    weights = checkpoint.write(rounded, tmp_path / "out", nothing)
    assert (weights.dtype, weights.altered) == ("bfloat16", 0)
    assert same(tmp_path / "out", live(rounded))


def test_generation_settings_are_kept_even_odd_ones(
    plan: MakePlan, parents: dict[str, Path], tmp_path: Path
) -> None:
    odd = '{"do_sample": false, "temperature": 0.6, "eos_token_id": 2, "pad_token_id": 3}'
    (parents["base"] / "generation_config.json").write_text(odd)
    checkpoint.write(plan(), tmp_path / "out", nothing)
    found = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert json.loads(odd).items() <= found.items()
    assert same(tmp_path / "out", live(plan()))


def test_code_beside_the_base_is_not_taken(
    plan: MakePlan, parents: dict[str, Path], tmp_path: Path
) -> None:
    (parents["base"] / "tokenization_own.py").write_text("raise SystemExit")
    (parents["base"] / "chat_template.jinja").write_text("{{ messages }}")
    checkpoint.write(plan(), tmp_path / "out", nothing)
    assert not list((tmp_path / "out").glob("*.py"))
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == "{{ messages }}"


def refused(plan: Plan, out: Path, describe: checkpoint.Describe = nothing) -> str:
    before = sorted(path for path in out.parent.iterdir())
    with pytest.raises(BadInput) as error:
        checkpoint.write(plan, out, describe)
    assert sorted(path for path in out.parent.iterdir()) == before  # no folder, no draft
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_that_exists_is_refused_and_kept(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "exists; name a new folder" in refused(plan(), tmp_path / "out")
    assert "exists" in refused(plan(), tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="not a writable folder"):
        checkpoint.write(plan(), tmp_path / "file" / "out", nothing)


def test_too_little_disk_is_seen_before_anything_is_loaded(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    free = [0]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, free[0]))
    monkeypatch.setattr(handle, "load", lambda *_: pytest.fail("loaded"))
    size = sum(tensor.nbytes for tensor in live_shapes(plan()))
    free[0] = size
    assert "too little disk: 0.01 GB to write" in refused(plan(), tmp_path / "out")
    free[0] = size + 2 * 10**6
    checkpoint.check(plan(), tmp_path / "out")
    free[0] = size // 2 + 2 * 10**6
    checkpoint.check(plan(dtype="bfloat16"), tmp_path / "out")
    assert "too little disk" in refused(plan(), tmp_path / "out")


def live_shapes(plan: Plan) -> list[torch.Tensor]:
    return [t.float() for t in load_file(plan.folders["base"] / "model.safetensors").values()]


@contextmanager
def small_files(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_leaves_nothing(plan: MakePlan, tmp_path: Path) -> None:
    with small_files(1_000_000):
        assert "cannot be written" in refused(plan(), tmp_path / "out")


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupt_leaves_nothing(
    plan: MakePlan, tmp_path: Path, trouble: type[BaseException]
) -> None:
    def interrupted(weights: checkpoint.Weights) -> dict[str, str]:
        assert list(tmp_path.glob(".out.*.draft"))
        raise trouble

    with pytest.raises(trouble):
        checkpoint.write(plan(), tmp_path / "out", interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["parents"]


def test_a_merge_that_is_not_finite_is_refused(plan: MakePlan, tmp_path: Path) -> None:
    from suite.recipes.recipe import Input, Recipe

    heavy = Recipe("task_arithmetic", (Input("japanese", {"weight": 1e39}),), "base")
    said = refused(plan(recipe=heavy), tmp_path / "out")
    assert said.startswith("task_arithmetic: ")
    assert "NaN" in said or "infinity" in said


def test_a_dtype_too_narrow_for_the_merge_is_refused(plan: MakePlan, tmp_path: Path) -> None:
    from suite.recipes.recipe import Input, Recipe

    wide = Recipe("task_arithmetic", (Input("japanese", {"weight": 1e7}),), "base")
    assert "overflows" in refused(plan(recipe=wide, dtype="float16"), tmp_path / "out")


def test_a_parent_that_is_missing_or_does_not_fit_is_refused(
    plan: MakePlan, parents: dict[str, Path], tmp_path: Path
) -> None:
    weights = parents["japanese"] / "model.safetensors"
    tensors = load_file(weights)
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:-3].clone()
    save_file(tensors, weights, metadata={"format": "pt"})
    assert "lm_head.weight" in refused(plan(), tmp_path / "out")
    shutil.rmtree(parents["japanese"])
    assert str(parents["japanese"]) in refused(plan(), tmp_path / "out")
    shutil.rmtree(parents["base"])
    assert str(parents["base"]) in refused(plan(), tmp_path / "out")


@pytest.mark.parametrize(("text", "size"), [("5GB", 5 * 10**9), ("0.5mb", 500_000), ("7KB", 7000)])
def test_shard_sizes(text: str, size: int) -> None:
    assert checkpoint.shard_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "5", "-1GB", "0GB", "nanGB", "infGB", "5 gigabytes"])
def test_shard_sizes_that_are_none(text: str) -> None:
    with pytest.raises(BadInput, match="--max-shard-size"):
        checkpoint.shard_bytes(text)
