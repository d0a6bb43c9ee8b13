"""The handle that sees against the ordinary call, for each architecture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models import vision
from suite.evaluators.models.handle import Decoding
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators import tiny_vlm
from tests.evaluators.seeing import (
    BEAMS,
    PICTURES,
    altered,
    counted,
    handle,
    made,
    ordinary,
    prompts,
    replies,
    watched,
)
from tests.nonempty import some

BOUND = 1e-5  # of the largest logit; measured: 9e-7

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(params=tiny_vlm.ARCHITECTURES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("decoding", [Decoding(), BEAMS], ids=["greedy", "beams"])
@pytest.mark.parametrize("batch_size", [1, 10, 256])
def test_replies_are_those_of_ordinary_calls(
    name: str, decoding: Decoding, batch_size: int
) -> None:
    found = replies(handle(name, batch_size=batch_size), name, decoding)
    each = zip(prompts(name), PICTURES, strict=True)
    assert found == [ordinary(name, prompt, picture, decoding) for prompt, picture in each]
    assert len(set(found)) > 1


def test_new_weights_are_seen_and_the_tower_runs_once_a_picture(name: str) -> None:
    live = handle(name)
    with counted(name) as calls:
        first = replies(live, name, Decoding())
        assert len(calls) == len(PICTURES)
        assert replies(live, name, Decoding()) == first
        live.generate(prompts(name), 2, PICTURES[::-1], BEAMS)
        live.loglikelihood(prompts(name), ["red"] * 4, PICTURES)
        with altered(name):
            other = replies(live, name, Decoding())
        assert len(calls) == len(PICTURES)
    assert other != first
    with altered(name):
        each = zip(prompts(name), PICTURES, strict=True)
        assert other == [ordinary(name, prompt, picture, Decoding()) for prompt, picture in each]


@pytest.mark.parametrize("beams", [1, 5])
@pytest.mark.parametrize("count", [1, 4])
def test_logits_are_those_of_an_ordinary_batch(name: str, count: int, beams: int) -> None:
    model, processor = made(name)
    live = handle(name)
    asked = sorted(prompts(name), key=lambda prompt: len(processor.tokenizer(prompt).input_ids))
    asked, images = asked[:count], [PICTURES[0]] * count  # lengths then sort as the prompts do
    inputs = processor(
        text=asked,
        images=[picture.image() for picture in images],
        padding=True,
        return_tensors="pt",
    )
    theirs: list[torch.Tensor] = []
    ours: list[torch.Tensor] = []
    options = {"max_new_tokens": 6, "do_sample": False, "num_beams": beams}
    with watched(model, "forward", lambda out: theirs.append(out.logits[:, -1])):
        model.generate(**inputs, **options)
    with watched(model, "forward", lambda out: ours.append(out.logits[:, -1])):
        live.generate(asked, 6, images, Decoding(beams))
    assert len(ours) == len(theirs) > 1 and ours[0].shape == theirs[0].shape
    for mine, usual in zip(ours, theirs, strict=True):
        if count == 1:
            assert torch.equal(mine, usual)
        assert (mine - usual).abs().max() <= BOUND * usual.abs().max()


def test_features_do_not_depend_on_company(name: str) -> None:
    together, alone = handle(name), handle(name)
    together.features.learn(PICTURES)
    for picture in PICTURES[::-1]:
        alone.features.learn([picture])
        one, other = together.features.get(picture), alone.features.get(picture)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in some(one))


def test_features_are_stored_by_what_they_depend_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = made(name)

    def key() -> str:
        return VisionHandle(model, processor, store=tmp_path).features.folder.name

    usual = key()
    with altered(name):
        assert key() == usual
    frozen = [p for n, p in model.model.named_parameters() if not n.startswith("language_model")]
    for parameter in (frozen[0], frozen[-1]):
        before = parameter.detach().clone()
        with torch.no_grad():
            parameter.add_(1.0)
            assert key() != usual
            parameter.copy_(before)
    assert key() == usual
    monkeypatch.setattr(processor.image_processor, "image_mean", [0.5, 0.5, 0.5])
    assert key() != usual


def test_likelihoods_are_those_of_ordinary_calls(name: str) -> None:
    model, processor = made(name)
    found = handle(name).loglikelihood(prompts(name), ["赤い", "red", "12", ""], PICTURES)
    for prompt, reply, picture, ours in zip(
        prompts(name), ["赤い", "red", "12", ""], PICTURES, found, strict=True
    ):
        inputs = processor(text=[prompt + reply], images=[picture.image()], return_tensors="pt")
        head = processor(text=[prompt], images=[picture.image()], return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logits = model(**inputs).logits[0].log_softmax(-1)
        ids = inputs["input_ids"][0]
        assert torch.equal(ids[: head.shape[1]], head[0])
        total = sum(float(logits[i - 1, ids[i]]) for i in range(head.shape[1], len(ids)))
        assert ours == pytest.approx(total, abs=1e-4)


def test_prompts_without_pictures_may_stand_between_others(name: str) -> None:
    live = handle(name)
    seen = [None, PICTURES[0], None, PICTURES[1]]
    asked = ["red", prompts(name)[0], "まるは何色ですか。\n", prompts(name)[1]]
    for decoding in (Decoding(), BEAMS):
        mixed = live.generate(asked, 6, seen, decoding)
        blind = live.generate(asked[::2], 6, decoding=decoding)
        seeing = live.generate(asked[1::2], 6, seen[1::2], decoding)
        assert mixed == [blind[0], seeing[0], blind[1], seeing[1]]


def test_a_prompt_may_begin_with_the_picture_itself(name: str) -> None:
    # Without a start of sequence the first id is the image token, which padding must not repeat.
    live = handle(name)
    real = live.tokenizer

    class Bare(tiny_vlm.Spelt):
        def __call__(self, *args: Any, **options: Any) -> Any:
            return real(*args, **{**options, "add_special_tokens": False})

    live.tokenizer = Bare(real)
    token = tiny_vlm.PLACEHOLDER[name]
    asked = [token, f"{token}What colour is the circle ?\n"]
    together = live.generate(asked, 6, PICTURES[:2])
    assert together == [
        live.generate([prompt], 6, [picture])[0]
        for prompt, picture in zip(asked, PICTURES[:2], strict=True)
    ]


def test_a_picture_and_its_place_belong_together(name: str) -> None:
    token = tiny_vlm.PLACEHOLDER[name]
    live = handle(name)
    for prompt, picture, said in (
        ("red", PICTURES[0], "0 times and comes with 1"),
        (token * 2, PICTURES[0], "2 times and comes with 1"),
        (f"{token}red", None, "1 times and comes with 0"),
    ):
        with pytest.raises(BadInput, match=said):
            live.generate([prompt], 2, [picture])


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(BadInput, match="item 7: not a picture"):
        handle("llava").generate(["<image>"], 2, [Picture(b"GIF89a", "item 7")])


def test_a_handle_fits_its_model() -> None:
    model, processor = made("llava")
    with pytest.raises(BadInput, match="MistralModel cannot take pictures"):
        VisionHandle(model.model.language_model, processor)
    processor = tiny_vlm.make("qwen2_vl")[1]
    processor.image_token = "red"
    with pytest.raises(BadInput, match=r"image token red has id \d+, the model's \d+"):
        VisionHandle(model, processor)


@pytest.fixture
def saved(name: str, tmp_path: Path) -> Path:
    model, processor = made(name)
    folder = tmp_path / "saved"
    model.save_pretrained(folder)
    if name == "qwen2_vl":  # as its checkpoints lie on the Hub
        processor.tokenizer.save_pretrained(folder)
        processor.image_processor.save_pretrained(folder)
    else:
        processor.save_pretrained(folder)
    return folder


def test_a_saved_checkpoint_is_loaded_whole(name: str, saved: Path, tmp_path: Path) -> None:
    live = vision.load(saved, "cpu", batch_size=3, store=tmp_path / "store")
    assert live.batch_size == 3 and live.tokenizer.padding_side == "left"
    live.tokenizer = tiny_vlm.Spelt(live.tokenizer)
    assert replies(live, name, BEAMS) == replies(handle(name), name, BEAMS)
    assert live.features.folder.parent == tmp_path / "store"
    inputs = live.processor(
        text=prompts(name)[:1], images=[PICTURES[0].image()], return_tensors="pt"
    )
    usual = made(name)[1](text=prompts(name)[:1], images=[PICTURES[0].image()], return_tensors="pt")
    assert inputs.keys() == usual.keys()
    assert all(torch.equal(inputs[key], usual[key]) for key in usual)


@pytest.mark.parametrize("name", ["llava"], indirect=True)
def test_missing_files_are_named(name: str, saved: Path, tmp_path: Path) -> None:
    cases = {
        "processor_config.json": "no processor: preprocessor_config.json, or processor_config.json",
        "tokenizer*": "no tokenizer: tokenizer.json is missing",
        "config.json": "config.json",
        "*.safetensors": "safetensors",
    }
    for pattern, said in cases.items():
        broken = tmp_path / pattern.strip("*")
        shutil.copytree(saved, broken)
        for file in broken.glob(pattern):
            file.unlink()
        with pytest.raises(BadInput, match=said) as caught:
            vision.load(broken, "cpu")
        assert "\n" not in str(caught.value)
