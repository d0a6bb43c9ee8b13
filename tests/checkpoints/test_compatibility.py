"""The metadata-only check: what is read, what is refused, and what is counted."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite import resources
from suite.checkpoints import compatibility
from suite.checkpoints.compatibility import Header
from suite.errors import BadInput
from tests.hub_server import HubServer

MICRO = resources.ZOO / "ja_math_micro"
SHAPES = {"model.embed_tokens.weight": (32000, 8), "w": (8, 8), "lm_head.weight": (32000, 8)}
EMBED = "model.embed_tokens.weight"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    with HubServer() as server:
        server.redirect(monkeypatch, tmp_path)
        yield server


def header(name: str, dtype: str = "BF16", **shapes: tuple[int, ...]) -> Header:
    """A header of the usual shapes; those given replace them (a key's dots written ``__``)."""
    tensors = SHAPES | {key.replace("__", "."): shape for key, shape in shapes.items()}
    return Header(
        name,
        tensors,
        dict.fromkeys(tensors, dtype),
        "MistralForCausalLM",
        "mistral",
        vocabulary=32000,
    )


def longer(rows: int) -> Header:
    return header("abel", "F32", model__embed_tokens__weight=(rows, 8), lm_head__weight=(rows, 8))


def test_a_local_header_is_what_the_tensors_are() -> None:
    from safetensors.torch import load_file

    found = compatibility.read("base", "zoo:ja_math_micro/base")
    tensors = load_file(MICRO / "base" / "model.safetensors")
    assert found.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert found.bytes == sum(t.numel() * t.element_size() for t in tensors.values())
    assert found.parameters == sum(t.numel() for t in tensors.values())
    assert (found.dtype, found.architecture) == ("BF16", "MistralForCausalLM")
    assert found.vocabulary == tensors[EMBED].shape[0]
    assert (found.licence, found.revision, found.download) == (None, None, 0)


def test_a_remote_header_is_the_local_one_without_the_weights(server: HubServer) -> None:
    files = {path.name: path.read_bytes() for path in (MICRO / "base").iterdir()}
    files["README.md"] = b"---\nlicense: apache-2.0\n---\n# A model\n"
    sha = server.add("lab/base", files)
    found = compatibility.read("base", "lab/base")
    local = compatibility.read("base", str(MICRO / "base"))
    more = {"licence": "apache-2.0", "revision": sha, "download": sum(map(len, files.values()))}
    assert found == dataclasses.replace(local, **more)
    ranges = [request.range for request in server.fetched("model.safetensors")]
    assert ranges and all(ranges) and "bytes=0-100000" in ranges
    assert not server.fetched("tokenizer.json")


def test_what_is_in_the_cache_is_not_counted_as_download(server: HubServer) -> None:
    from suite.checkpoints import hub

    server.add("lab/base", MICRO / "base")
    weights = (MICRO / "base" / "model.safetensors").stat().st_size
    assert compatibility.read("base", "lab/base").download > weights
    hub.locate("lab/base")
    found = compatibility.read("base", "lab/base")
    assert found.download == 0 and found.revision == server.get("lab/base").refs["main"]
    files = {path.name: path.read_bytes() for path in (MICRO / "base").iterdir()}
    server.get("lab/base").commit({**files, "README.md": b"# The same weights"})
    assert compatibility.read("base", "lab/base").download == len(b"# The same weights")


def test_a_gated_model_is_refused_before_anything_is_downloaded(server: HubServer) -> None:
    server.add("lab/base", MICRO / "base")
    server.get("lab/base").gated = True
    with pytest.raises(BadInput, match="lab/base: gated"):
        compatibility.read("base", "lab/base")


@pytest.mark.parametrize(
    ("front", "licence"),
    [
        ("license: mit", "mit"),
        ("license: [mit, apache-2.0]", "mit, apache-2.0"),
        ("license: other\nlicense_name: gemma", "gemma"),
        ("tags: [merge]", None),
    ],
)
def test_licences(tmp_path: Path, front: str, licence: str | None) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n# A model\n")
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).write_bytes((MICRO / "base" / file).read_bytes())
    assert compatibility.read("base", str(tmp_path)).licence == licence


def test_a_quantised_model_is_refused(tmp_path: Path) -> None:
    config = json.loads((MICRO / "base" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((MICRO / "base/model.safetensors").read_bytes())
    with pytest.raises(BadInput, match=r"'q' is quantised \(gptq\)"):
        compatibility.check([compatibility.read("q", str(tmp_path))], "q")


def test_integers_are_refused_by_tensor(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file(
        {"a": torch.ones(2), "b": torch.ones(2, dtype=torch.int8)}, tmp_path / "model.safetensors"
    )
    with pytest.raises(BadInput, match="'m': tensor 'b' is I8; allowed are F64, F32, F16, BF16"):
        compatibility.check([compatibility.read("m", str(tmp_path))], "m")


def test_models_that_fit_are_counted() -> None:
    base, other = header("base"), header("maths", "F32")
    found = compatibility.check([base, other], "base")
    n = sum(map(math.prod, SHAPES.values()))
    assert found.memory == 2 * n + 4 * n + 4 * n  # bfloat16, float32, and the live model
    assert found.download == 0 and not found.cut
    assert found.warnings == ("maths: F32, where the base is BF16",)


def test_architectures_must_agree() -> None:
    other = dataclasses.replace(header("llama"), architecture="LlamaForCausalLM", family="llama")
    with pytest.raises(
        BadInput, match="'base' is a MistralForCausalLM, 'llama' a LlamaForCausalLM"
    ):
        compatibility.check([header("base"), other], "base")


@pytest.mark.parametrize("base", ["few", "many"])
def test_a_missing_tensor_is_named_from_either_side(base: str) -> None:
    with pytest.raises(BadInput, match="tensor 'extra' is in 'many', not in 'few'"):
        compatibility.check([header("few"), header("many", extra=(2,))], base)


def test_shapes_that_differ_are_both_said() -> None:
    with pytest.raises(BadInput, match=r"'w' has shape \[8, 8\] in 'base' and \[8, 9\] in 'wide'$"):
        compatibility.check([header("base"), header("wide", w=(8, 9))], "base", "cut")


def test_a_longer_vocabulary_is_refused_or_cut_as_configured() -> None:
    with pytest.raises(BadInput, match=r"\[32032, 8\] in 'abel'; task.vocabulary=cut"):
        compatibility.check([header("base"), longer(32032)], "base")
    found = compatibility.check([header("base"), longer(32032)], "base", "cut")
    assert found.cut == {"abel": (EMBED, "lm_head.weight")}
    assert found.memory == compatibility.check([header("base"), longer(32000)], "base").memory


@pytest.mark.parametrize("vocabulary", ["refuse", "cut"])
def test_a_shorter_vocabulary_is_always_refused(vocabulary: str) -> None:
    with pytest.raises(BadInput, match=f"{EMBED}.*smaller than the base's cannot be merged"):
        compatibility.check([header("base"), longer(31999)], "base", vocabulary)


def test_other_tensors_are_never_cut() -> None:
    with pytest.raises(BadInput, match="tensor 'w'"):
        compatibility.check([header("base"), header("tall", w=(9, 8))], "base", "cut")


def test_words_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="vocabulary=pad: allowed are refuse, cut"):
        compatibility.check([header("base")], "base", "pad")
    with pytest.raises(BadInput, match="base 'nobody' is not one of base"):
        compatibility.check([header("base")], "nobody")


def test_too_little_disk_is_said_before_any_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "disk_free", lambda: 13_000_000_000)
    headers = [header("base"), dataclasses.replace(header("maths"), download=14_500_000_000)]
    with pytest.raises(BadInput, match=r"disk: 14\.5 GB to download, 13\.0 GB free"):
        compatibility.check(headers, "base")
    monkeypatch.setattr(compatibility, "disk_free", lambda: 15_000_000_000)
    assert compatibility.check(headers, "base").download == 14_500_000_000


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    need = compatibility.check([header("base"), header("maths")], "base").memory
    monkeypatch.setattr(compatibility, "memory_of", lambda device: need - 1)
    with pytest.raises(BadInput, match=r"memory: 2 models need .* at least, cpu has"):
        compatibility.check([header("base"), header("maths")], "base")
    monkeypatch.setattr(compatibility, "memory_of", lambda device: need)
    assert any(
        "memory is tight" in w
        for w in compatibility.check([header("base"), header("maths")], "base").warnings
    )


def test_licences_that_differ_are_noted() -> None:
    headers = [dataclasses.replace(header(n), licence=n, revision="0" * 40) for n in ("mit", "gpl")]
    headers.append(dataclasses.replace(header("none"), revision="0" * 40))
    found = compatibility.check(headers, "mit").warnings
    assert "none: no licence stated" in found
    assert "the models have different licences: gpl, mit" in found


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (2_618_560, "2.619 MB"),
        (14_483_464_192, "14.5 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert compatibility.size(count) == text


def test_this_machine_has_memory_and_disk() -> None:
    assert compatibility.memory_of("cpu") > 1 << 28 and compatibility.disk_free() >= 0
