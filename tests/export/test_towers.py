"""Exports of merged vision-language models: whole, loadable by transformers alone, and their texts."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from suite import header, mergekit
from suite.errors import BadInput
from suite.evaluators import vision
from suite.export import card, checkpoint, recipes
from suite.export import towers as texts
from suite.export.card import Made
from suite.export.checkpoint import Plan, Weights
from suite.export.parents import Parent
from suite.layer_path import Hop, LayerPath
from suite.merging import PathMerger, Sources
from suite.merging.language_tower import LanguageTower
from suite.recipe import Input, Recipe
from tests.evaluators import tiny_vlm
from tests.export import towers

SOUP = Recipe(
    "task_arithmetic", (Input("japanese", {"weight": 0.4}), Input("vlm", {"weight": 0.7})), "base"
)
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
    assert eyes.keys() == own.keys() and all(torch.equal(eyes[n], own[n]) for n in own)
    assert ("model.image_newline" in eyes) == (architecture == "llava_next")
    live = searched(plan(here)).model
    assert same(model, live) and not same(model, before)
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == tied
    assert weights.parameters == sum(p.numel() for p in live.parameters())
    assert weights.altered == 0.0
    kept = [f for f in here["vlm"].iterdir() if "token" in f.name or "processor" in f.name]
    assert len(kept) >= 3
    assert all((out / file.name).read_bytes() == file.read_bytes() for file in kept)
    assert type(model.config) is type(before.config) and (out / "generation_config.json").is_file()
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
    known = header.read("vlm", str(here["vlm"]))
    texts = sum(f.stat().st_size for f in checkpoint._tokenizer_files(here["vlm"]))
    needed = 4 * (known.parameters + known.eyes) + texts + checkpoint._SLACK
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed))
    checkpoint.check(plan(here), tmp_path / "out")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(needed - 1))
    with pytest.raises(BadInput, match="too little disk"):
        checkpoint.check(plan(here), tmp_path / "out")
    path = header.read("vlm", str(here["vlm"])).shapes
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


PARENTS = {
    "base": Parent("base", "org/mistral@" + "a" * 40, Path("x"), "org/mistral", "a" * 40),
    "japanese": Parent("japanese", "local/ja", Path("y")),
    "vlm": Parent("vlm", "org/llava@" + "b" * 40, Path("z"), "org/llava", "b" * 40, eyes=12_345),
}
STAND_IN = "./language-tower-of-vlm"
NAMES = {"org/mistral@" + "a" * 40: "base", "local/ja": "japanese", STAND_IN: "vlm"}


def made(**changes: Any) -> Made:
    return Made(
        "seeing", "suite export", "x86_64", {}, **{"vlm": "vlm", "vocabulary": "cut", **changes}
    )


EXACT = Weights(9, "float32", "float32", 0.0)


def test_the_card_says_what_was_merged_and_who_lends_the_eyes() -> None:
    text = card.texts(SOUP, PARENTS, made(), EXACT)[card.CARD]
    front = yaml.safe_load(text.split("---")[1])
    assert front["pipeline_tag"] == "image-text-to-text"
    assert front["base_model"] == ["org/mistral", "org/llava"]
    said = " ".join(text.split())
    assert (
        "Only the language tower was merged: vision tower and projector (12,345 parameters),"
        in said
    )
    assert "tokenizer and processor are those of vlm, and so are the rows of embeddings" in said
    refuse = card.texts(SOUP, PARENTS, made(vocabulary="refuse"), EXACT)[card.CARD]
    assert "are those of vlm." in refuse
    plain = card.texts(SOUP, PARENTS, made(vlm=None), EXACT)[card.CARD]
    assert "language tower was" not in plain and "pipeline_tag" not in plain


def test_the_yaml_is_the_same_recipe_over_plain_towers() -> None:
    files = card.texts(SOUP, PARENTS, made(), EXACT)
    text = files[card.MERGEKIT]
    assert mergekit.read(text, NAMES) == SOUP
    comment = [line for line in text.splitlines() if line.startswith("#")]
    assert text.startswith("\n".join(comment)) and all(len(line) <= 100 for line in comment)
    assert "#   suite merge language-tower-of-vlm.json language-tower-of-vlm" in comment
    assert f"#   suite merge MADE OUT --vlm {PARENTS['vlm'].where} --vocabulary cut" in comment
    straight = LayerPath("japanese", (Hop("japanese", 0), Hop("vlm", 1), Hop("japanese", 1)))
    text = card.texts(straight, PARENTS, made(), EXACT)[card.MERGEKIT]
    assert mergekit.read(text, NAMES, layers=2) == straight and STAND_IN in text


def test_the_recipe_names_the_vlm_and_the_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(card.texts(SOUP, PARENTS, made(), EXACT)[card.RECIPE])
    found = recipes.read(tmp_path / "recipe.json", lambda name: 2)
    assert found.recipe == SOUP and (found.vlm, found.vocabulary) == ("vlm", "cut")
    assert found.models == {name: parent.where for name, parent in PARENTS.items()}
    plain = card.texts(SOUP, PARENTS, made(vlm=None, vocabulary="refuse"), EXACT)[card.RECIPE]
    (tmp_path / "recipe.json").write_text(plain)
    found = recipes.read(tmp_path / "recipe.json", lambda name: 2)
    assert (found.vlm, found.vocabulary) == (None, None)


def test_eyes_that_only_look_on_need_no_plain_tower() -> None:
    blind = Recipe("linear", (Input("base", {"weight": 1.0}), Input("japanese", {"weight": 1.0})))
    files = card.texts(blind, PARENTS, made(), EXACT)
    assert files.keys() == {card.CARD, card.RECIPE, card.MERGEKIT}
    assert mergekit.read(files[card.MERGEKIT], NAMES) == blind
    assert "cannot read a language tower" not in files[card.MERGEKIT]
    assert "--vlm org/llava@" in files[card.MERGEKIT]


def test_without_a_plain_parent_mergekit_is_left_out() -> None:
    seeing = {name: Parent(name, name, Path(name), eyes=5) for name in PARENTS}
    files = card.texts(SOUP, seeing, made(), EXACT)
    assert files.keys() == {card.CARD, card.RECIPE}
    assert "mergekit cannot express it (mergekit 0.1.5 merges plain" in files[card.CARD]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("vlm", "vlm"),
        ("org/llava-1.6@abc", "llava-1.6"),
        ("/data/my models/llava", "llava"),
        ("a+b", "a-b"),
    ],
)
def test_stand_ins_are_names_that_mergekit_takes_for_folders(name: str, word: str) -> None:
    assert texts.stand_in(Parent(name, name, Path())) == f"./language-tower-of-{word}"
