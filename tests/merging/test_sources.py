from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from suite.errors import BadInput
from suite.merging.sources import Sources
from tests.merging.making import family

Weights = dict[str, torch.Tensor]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_loads_checkpoints_in_their_own_type(
    tmp_path: Path, tiny: Callable[..., Any], dtype: torch.dtype, streamed: bool
) -> None:
    """bfloat16 stays what it is; anything else is float32."""
    saved = {name: tiny(seed).to(dtype) for seed, name in enumerate(("base", "a"))}
    for name, model in saved.items():
        model.save_pretrained(tmp_path / name)
    sources = Sources.load({name: tmp_path / name for name in saved}, streamed=streamed)
    assert sources.names == ("base", "a") and sources.layout.layers == 3
    assert sources.dtype == (dtype if dtype == torch.bfloat16 else torch.float32)
    for name, model in saved.items():
        for segment in sources.layout.segments:
            found = sources.layout.view(sources.flat(name), segment)
            assert torch.equal(found.float(), model.state_dict()[segment.name].float())


def test_bfloat16_beside_float32_is_float32() -> None:
    models = family({"w": (5, 3)}, ("a", "b"))
    models["a"] = {"w": models["a"]["w"].bfloat16()}
    sources = Sources.from_tensors(models)
    assert sources.dtype == torch.float32
    assert torch.equal(sources.flat("a")[:15].view(5, 3), models["a"]["w"].float())


def test_parts_and_vectors_are_float32(models: dict[str, Weights]) -> None:
    narrow = {m: {n: t.bfloat16() for n, t in w.items()} for m, w in models.items()}
    sources, part = Sources.from_tensors(narrow), slice(5, 40)
    flats = {name: sources.flat(name).float()[part] for name in models}
    assert sources.part("a", part).dtype == torch.float32
    assert torch.equal(sources.part("a", part), flats["a"])
    assert torch.equal(sources.vector(None, "a", part), flats["a"])
    assert torch.equal(sources.vector("base", "a", part), flats["a"] - flats["base"])


def test_what_lies_between_tensors_is_zero() -> None:
    sources = Sources.from_tensors(family({"a": (3,), "b": (5,)}, ("m",)))
    inside = torch.zeros(sources.layout.size, dtype=torch.bool)
    for segment in sources.layout.segments:
        inside[segment.start : segment.stop] = True
    assert (sources.flat("m")[~inside] == 0).all() and (~inside).any()


def drop(weights: Weights) -> None:
    del weights["model.norm.weight"]


def add(weights: Weights) -> None:
    weights["extra.weight"] = torch.ones(1)


def reshape(weights: Weights) -> None:
    weights["model.norm.weight"] = torch.ones(25)


def poison(weights: Weights) -> None:
    weights["model.norm.weight"] = torch.full((24,), torch.nan)


def overflow(weights: Weights) -> None:
    weights["model.norm.weight"][3] = torch.inf


def lengthen(weights: Weights) -> None:
    weights["model.embed_tokens.weight"] = torch.ones(60, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"tensor 'model\.norm\.weight' is in 'base', not in 'b'"),
        (add, r"tensor 'extra\.weight' is in 'b', not in 'base'"),
        (reshape, r"'model\.norm\.weight' has shape \[24\] in 'base' and \[25\] in 'b'$"),
        (poison, r"model 'b': tensor 'model\.norm\.weight' holds NaN or infinity"),
        (overflow, r"model 'b': tensor 'model\.norm\.weight' holds NaN or infinity"),
        (lengthen, r"\[50, 24\] in 'base' and \[60, 24\] in 'b'; vocabulary: cut drops"),
    ],
)
def test_models_that_do_not_fit(
    models: dict[str, Weights], change: Callable[[Weights], None], message: str
) -> None:
    change(models["b"])
    with pytest.raises(BadInput, match=message) as error:
        Sources.from_tensors(models)
    assert "\n" not in str(error.value)


def test_a_longer_vocabulary_is_cut_to_the_firsts(models: dict[str, Weights]) -> None:
    name = "model.embed_tokens.weight"
    long = torch.cat([models["b"][name], torch.ones(7, 24)])
    sources = Sources.from_tensors({**models, "b": {**models["b"], name: long}}, vocabulary="cut")
    whole = Sources.from_tensors(models)
    assert torch.equal(sources.flat("b"), whole.flat("b"))
    for shape in ((40, 24), (60, 25), (60,)):  # shorter, wider, not a matrix
        with pytest.raises(BadInput, match="do not fit"):
            Sources.from_tensors({**models, "b": {**models["b"], name: torch.ones(shape)}},
                                 vocabulary="cut")  # fmt: skip
    other = {"w": torch.ones(3, 4)}
    with pytest.raises(BadInput, match="do not fit"):
        Sources.from_tensors({"a": other, "b": {"w": torch.ones(5, 4)}}, vocabulary="cut")
    with pytest.raises(BadInput, match="vocabulary is 'pad'; allowed are refuse, cut"):
        Sources.from_tensors(models, vocabulary="pad")


def saved(folder: Path, weights: Weights) -> Path:
    folder.mkdir(parents=True)
    save_file(weights, folder / "model.safetensors")
    return folder


def test_nothing_is_read_before_all_shapes_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suite.merging.checkpoint import Checkpoint

    folders = {
        "a": saved(tmp_path / "a", {"w": torch.ones(3)}),
        "b": saved(tmp_path / "b", {"w": torch.ones(4)}),
    }
    monkeypatch.setattr(Checkpoint, "tensors", lambda self: pytest.fail("tensors were read"))
    with pytest.raises(BadInput, match="do not fit"):
        Sources.load(folders)


def test_nonfinite_sources_when_allowed(tmp_path: Path) -> None:
    folder = {"a": saved(tmp_path / "a", {"w": torch.tensor([1.0, torch.nan, torch.inf])})}
    with pytest.raises(BadInput, match="model 'a': tensor 'w' holds NaN or infinity"):
        Sources.load(folder)
    found = Sources.load(folder, allow_nonfinite=True).flat("a")
    assert found[0] == 1 and found[1].isnan() and found[2].isinf()


def test_digests_are_of_the_files(tmp_path: Path) -> None:
    folder = saved(tmp_path / "a", {"w": torch.ones(3)})
    sources = Sources.load({"a": folder})
    inner = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert sources.digests["a"].hex == hashlib.sha256(inner.encode()).hexdigest()
    assert Sources.from_tensors({"a": {"w": torch.ones(3)}}).digests == {}


def test_unknown_and_no_models(models: dict[str, Weights]) -> None:
    with pytest.raises(BadInput, match="'x' is no source; there are base, a, b, c"):
        Sources.from_tensors(models).flat("x")
    with pytest.raises(BadInput, match="no source models"):
        Sources.from_tensors({})
    with pytest.raises(BadInput, match="model 'a' has no tensors"):
        Sources.from_tensors({"a": {}})
