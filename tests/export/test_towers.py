"""Exports of merged vision-language models: whole, loadable by transformers alone, asked about pictures."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.checkpoints import metadata
from suite.errors import BadInput
from suite.evaluators.models import vision
from suite.export import checkpoint
from suite.export.checkpoint import Plan, Weights
from suite.merging import PathMerger, Sources
from suite.merging.language_tower import LanguageTower
from suite.recipes.layer_path import Hop, LayerPath
from tests.evaluators import tiny_vlm
from tests.export import towers
from tests.export.towers import SOUP

HOPS = (Hop("vlm", 0, 0.7), Hop("soup", 1, 1.3), Hop("japanese", 1), Hop("vlm", 1, 1.2))
PATH = LayerPath("soup", HOPS, {"soup": SOUP})
Folders = Callable[..., dict[str, Path]]
each_vlm = pytest.mark.parametrize(
    ("architecture", "tied", "old"),
    [
        ("llava", False, False),
        ("llava", True, True),
        ("llava_next", False, False),
        ("qwen2_vl", True, False),
    ],
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return towers.maker(tmp_path_factory)


def plan(folders: dict[str, Path], **changes: Any) -> Plan:
    plain: dict[str, Any] = {"recipe": SOUP, "vocabulary": "cut", "vlm": "vlm", **changes}
    return Plan(folders=folders, base="base", **plain)


def nothing(weights: Weights) -> dict[str, str]:
    return {}


def searched(plan: Plan) -> vision.VisionHandle:
    """The model as the search has it."""
    live = vision.load(plan.folders["vlm"], "cpu", dtype=plan.live)
    sources = Sources.load(dict(plan.folders), vocabulary="cut")
    PathMerger(sources, LanguageTower(live.model)).merge(plan.recipe)
    return live


def same(found: Any, wanted: Any) -> bool:
    a, b = found.state_dict(), wanted.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@each_vlm
@pytest.mark.parametrize("shard", [5 * 10**9, 40_000])
def test_transformers_alone_loads_the_whole_model(
    folders: Folders, tmp_path: Path, architecture: str, tied: bool, old: bool, shard: int
) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    here, out = folders(architecture, tied, old), tmp_path / "out"
    weights = checkpoint.write(plan(here, shard=shard), out, nothing)
    assert (len(list(out.glob("*.safetensors"))) > 1) == (shard < 10**6)
    loaded: Any = AutoModelForImageTextToText.from_pretrained(
        out, trust_remote_code=False, output_loading_info=True
    )
    model, info = loaded
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    before = AutoModelForImageTextToText.from_pretrained(here["vlm"])
    eyes, own = towers.eyes_of(model), towers.eyes_of(before)
    assert eyes.keys() == own.keys()
    assert all(torch.equal(eyes[n], own[n]) for n in own)
    assert ("model.image_newline" in eyes) == (architecture == "llava_next")
    live = searched(plan(here)).model
    assert same(model, live)
    assert not same(model, before)
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == tied
    assert weights.parameters == sum(p.numel() for p in live.parameters())
    assert weights.altered == 0.0
    kept = [f for f in here["vlm"].iterdir() if "token" in f.name or "processor" in f.name]
    assert len(kept) >= 3
    assert all((out / file.name).read_bytes() == file.read_bytes() for file in kept)
    assert type(model.config) is type(before.config)
    assert (out / "generation_config.json").is_file()
    if architecture != "qwen2_vl":  # whose processor, for its videos, needs torchvision
        assert AutoProcessor.from_pretrained(out).image_token == "<image>"


@each_vlm
def test_pictures_are_answered_as_in_the_search(
    folders: Folders, tmp_path: Path, architecture: str, tied: bool, old: bool
) -> None:
    here, out = folders(architecture, tied, old), tmp_path / "out"
    checkpoint.write(plan(here), out, nothing)
    pictures = tiny_vlm.pictures(3)
    prompts = [tiny_vlm.PLACEHOLDER[architecture] + text for text in ("red", "まる は", "What ?")]
    answers = [
        handle.generate(prompts, 6, pictures)
        for handle in (
            vision.load(out, "cpu"),
            searched(plan(here)),
            vision.load(here["vlm"], "cpu"),
        )
    ]
    assert answers[0] == answers[1] != answers[2]


@each_vlm
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_eyes_are_stored_in_the_type_of_the_rest_and_count_as_altered(
    folders: Folders, tmp_path: Path, architecture: str, tied: bool, old: bool, dtype: str
) -> None:
    here, out = folders(architecture, tied, old), tmp_path / "out"
    weights = checkpoint.write(plan(here, dtype=dtype), out, nothing)
    wanted = dict(searched(plan(here)).model.named_parameters())
    narrow = {name: p.to(getattr(torch, dtype)) for name, p in wanted.items()}
    found = vision.load(out, "cpu", dtype=dtype).model
    assert all(torch.equal(found.get_parameter(n), p) for n, p in narrow.items())
    changed = sum(int((narrow[n].float() != p).sum()) for n, p in wanted.items())
    assert weights.altered == changed / sum(p.numel() for p in wanted.values()) > 0
    assert {tensor.dtype for tensor in towers.read(out).values()} == {getattr(torch, dtype)}
    assert json.loads((out / "config.json").read_text())["dtype"] == dtype


@each_vlm
@pytest.mark.parametrize("scaled", [True, False])
def test_a_layer_path_is_unrolled_in_the_language_tower(
    folders: Folders, tmp_path: Path, architecture: str, tied: bool, old: bool, scaled: bool
) -> None:
    hops = HOPS if scaled else tuple(Hop(hop.part, hop.layer) for hop in HOPS)
    wanted = plan(folders(architecture, tied, old), recipe=LayerPath("soup", hops, {"soup": SOUP}))
    weights = checkpoint.write(wanted, tmp_path / "out", nothing)
    found, live = vision.load(tmp_path / "out", "cpu"), searched(wanted)
    text = json.loads((tmp_path / "out" / "config.json").read_text())["text_config"]
    assert text["num_hidden_layers"] == len(found.model.get_decoder().layers) == 4
    assert weights.parameters == sum(p.numel() for p in found.model.parameters())
    eyes = towers.eyes_of(live.model)
    assert all(torch.equal(t, eyes[n]) for n, t in towers.eyes_of(found.model).items())
    ids = found.encode(["What colour is the circle ?"])
    with torch.no_grad():
        a, b = (each.model(input_ids=torch.tensor(ids)).logits for each in (found, live))
    assert torch.equal(a, b) != scaled
    assert (a - b).norm() / b.norm() < 2e-3  # the norms' epsilon; see test_unrolled


def test_the_disk_is_checked_for_the_eyes_too(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = folders("llava")
    known = metadata.read("vlm", str(here["vlm"]))
    texts = sum(f.stat().st_size for f in checkpoint._tokenizer_files(here["vlm"]))
    needed = 4 * (known.parameters + known.eyes) + texts + checkpoint._SLACK
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed))
    checkpoint.check(plan(here), tmp_path / "out")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed - 1))
    with pytest.raises(BadInput, match="too little disk"):
        checkpoint.check(plan(here), tmp_path / "out")
    path = metadata.read("vlm", str(here["vlm"])).shapes
    layer = sum(torch.Size(s).numel() for n, s in path.items() if n.startswith("model.layers.0."))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed + 8 * layer - 1))
    with pytest.raises(BadInput, match="too little disk"):  # four layers instead of two
        checkpoint.check(plan(here, recipe=PATH), tmp_path / "out")


def test_a_missing_processor_is_said_and_nothing_is_written(
    folders: Folders, tmp_path: Path
) -> None:
    blind = Path(shutil.copytree(folders("llava")["vlm"], tmp_path / "blind"))
    for file in blind.glob("*processor*"):
        file.unlink()
    with pytest.raises(BadInput, match=r"blind: no processor: preprocessor_config\.json") as error:
        checkpoint.write(plan({**folders("llava"), "vlm": blind}), tmp_path / "out", nothing)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["blind"]
