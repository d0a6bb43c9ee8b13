"""LLaVA-NeXT loaded through the class of LLaVA-1.5, against that model built by hand from its weights."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models import vision
from suite.evaluators.models.handle import Decoding
from tests.evaluators import tiny_vlm
from tests.export import towers

BEAMS = Decoding(num_beams=5, repetition_penalty=1.5)
PROMPTS = ["<image>\nWhat colour is the circle ?", "赤い<image>red", "<image>まるは何色ですか。"]
SIDE = 32


def photograph(width: int, height: int) -> Picture:
    """Smooth colours that tell every place from every other, as a JPEG."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    bands = [x / width, y / height, (x / width + y / height) % 1]
    pixels = np.stack([255 * band for band in bands], -1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return Picture(buffer.getvalue())


PICTURES = [photograph(64, 48), photograph(33, 120), photograph(200, 40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA-NeXT as it lies on the Hub."""
    made = towers.make(tmp_path_factory.mktemp("models"), "llava_next")["vlm"]
    towers.age(made)
    return made


def by_hand(**text: Any) -> tuple[Any, Any]:
    """LLaVA-1.5 with the weights of `tiny_vlm`'s LLaVA-NeXT, and its processor."""
    import transformers

    tiled, processor = tiny_vlm.make("llava_next")
    config = transformers.LlavaConfig(
        text_config={**copy.deepcopy(tiled.config.text_config.to_dict()), **text},
        vision_config=tiled.config.vision_config.to_dict(),
        image_token_index=tiled.config.image_token_id,
        **{f"{word}_token_id": getattr(tiled.config, f"{word}_token_id") for word in ("bos", "eos", "pad")},
    )  # fmt: skip
    model = transformers.LlavaForConditionalGeneration(config).eval()
    weights = {n: t for n, t in tiled.state_dict().items() if not n.endswith("image_newline")}
    model.load_state_dict(weights)
    return model, transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessorPil(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
        ),
        tokenizer=processor.tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def ordinary(model: Any, processor: Any, decoding: Decoding) -> list[str]:
    """Replies as ids, of ``model.generate(**processor(...))``, one prompt at a time."""
    replies = []
    for prompt, picture in zip(PROMPTS, PICTURES, strict=True):
        inputs = processor(text=[prompt], images=[picture.image()], return_tensors="pt")
        out = model.generate(
            **inputs,
            max_new_tokens=8,
            do_sample=False,
            num_beams=decoding.num_beams,
            repetition_penalty=decoding.repetition_penalty,
        )
        replies.append(" ".join(map(str, out[0, inputs["input_ids"].shape[1] :].tolist())))
    return replies


def spelt(live: vision.VisionHandle, decoding: Decoding) -> list[str]:
    live.tokenizer = tiny_vlm.Spelt(live.tokenizer)
    return [reply.text for reply in live.generate(PROMPTS, 8, PICTURES, decoding)]


@pytest.mark.parametrize("decoding", [Decoding(), BEAMS], ids=["greedy", "beams"])
def test_it_is_llava_1_5_built_by_hand(folder: Path, decoding: Decoding) -> None:
    model, processor = by_hand()
    live = vision.load(folder, "cpu", tiling=False)
    assert type(live.model).__name__ == "LlavaForConditionalGeneration"
    found = dict(live.model.state_dict().items())
    assert found.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, found[n]) for n, tensor in model.state_dict().items())
    replies = spelt(live, decoding)
    assert replies == ordinary(model, processor, decoding) and len(set(replies)) > 1
    assert replies != spelt(vision.load(folder, "cpu"), decoding)  # as with tiling


def test_a_picture_is_one_view_of_its_middle(folder: Path) -> None:
    live, tiled = vision.load(folder, "cpu", tiling=False), vision.load(folder, "cpu")
    for each in (live, tiled):
        each.features.learn(PICTURES)
    assert [live.features.rows(picture) for picture in PICTURES] == [(SIDE // 8) ** 2] * 3
    assert min(tiled.features.rows(picture) for picture in PICTURES) > (SIDE // 8) ** 2
    eyes = live.processor.image_processor
    mean, deviation = (np.array(getattr(eyes, f"image_{word}")) for word in ("mean", "std"))
    for picture in PICTURES:
        image = picture.image()
        scale = SIDE / min(image.size)
        small = image.resize([int(side * scale) for side in image.size], Image.Resampling.BICUBIC)
        left, top = ((side - SIDE) // 2 for side in small.size)
        view = np.asarray(small.crop((left, top, left + SIDE, top + SIDE))) / 255
        (made,) = eyes(images=[image], return_tensors="np")["pixel_values"]
        np.testing.assert_allclose(
            made.transpose(1, 2, 0), (view - mean) / deviation, rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("tiling", [True, False])
def test_the_rotary_base_is_replaced(folder: Path, tiling: bool) -> None:
    turned = {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}
    live = vision.load(folder, "cpu", tiling=tiling, rope_theta=50)
    assert live.model.config.text_config.rope_parameters["rope_theta"] == 50.0
    replies = spelt(live, BEAMS)
    assert replies != spelt(vision.load(folder, "cpu", tiling=tiling), BEAMS)
    if not tiling:
        assert replies == ordinary(*by_hand(**turned), BEAMS)


def test_a_llava_1_5_has_no_tiles_to_leave_out(tmp_path: Path) -> None:
    folder = towers.make(tmp_path, "llava")["vlm"]
    one, other = (vision.load(folder, "cpu", tiling=tiling) for tiling in (True, False))
    assert spelt(one, BEAMS) == spelt(other, BEAMS)


def test_what_cannot_be_is_refused(folder: Path, tmp_path: Path) -> None:
    qwen = towers.make(tmp_path, "qwen2_vl")["vlm"]
    with pytest.raises(BadInput, match="a qwen2_vl cannot be loaded without tiling"):
        vision.load(qwen, "cpu", tiling=False)
    for theta in (0, -1.0, "1e4", True):
        with pytest.raises(BadInput, match="must be a positive number"):
            vision.load(folder, "cpu", rope_theta=theta)  # type: ignore[arg-type]
