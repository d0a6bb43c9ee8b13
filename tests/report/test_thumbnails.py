"""Thumbnails: tiny pictures grow by whole factors, large ones shrink, damaged ones are none."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pictured
import pytest
from PIL import Image

from suite.report.load import thumbnails


def uri(width: int, height: int, cut: int = 0) -> str:
    buffer = BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "png")
    data = buffer.getvalue()
    return f"data:image/png;base64,{base64.b64encode(data[: len(data) - cut]).decode()}"


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [
        (32, 32, (160, 160)),
        (20, 30, (100, 150)),
        (64, 64, (128, 128)),
        (65, 40, (65, 40)),
        (240, 160, (160, 107)),
        (200, 1, (160, 1)),
    ],
)
def test_sizes(width: int, height: int, shown: tuple[int, int]) -> None:
    picture = thumbnails.read(uri(width, height))
    assert picture is not None
    assert picture.pixels.shape == (height, width, 3)
    assert picture.shown() == shown
    assert picture.tiny == (max(width, height) <= 64)


def test_pixels_are_those_of_the_file() -> None:
    text = pictured.uri("ja_vqa", 1)
    picture = thumbnails.read(text)
    assert picture is not None and picture.uri == text
    with Image.open(BytesIO(base64.b64decode(text.partition(",")[2]))) as image:
        np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))


def test_a_picture_that_is_large_after_all_is_kept_small() -> None:
    picture = thumbnails.read(uri(500, 300))
    assert picture is not None
    assert picture.pixels.shape == (154, 256, 3)


@pytest.mark.parametrize("text", [uri(32, 32, cut=200), "data:image/png;base64,iVBORw0KGgo="])
def test_damaged_pictures_are_none(text: str) -> None:
    assert thumbnails.read(text) is None
