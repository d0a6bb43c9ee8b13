from __future__ import annotations

import base64
import hashlib
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import MAX_PIXELS, Picture

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray = PIXELS, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header says that it is this large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def decoded(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def test_a_picture_is_its_bytes() -> None:
    data = encoded()
    assert Picture(data, "here") == Picture(data, "there") != Picture(data + b" ")
    assert Picture(data).digest == hashlib.sha256(data).hexdigest()
    assert (np.asarray(Picture(data).image()) == PIXELS).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_lossless_formats_give_the_same_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (np.asarray(Picture(encoded(kind=kind, **options)).image()) == PIXELS).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    buffer = BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, "PNG")
    image = Picture(buffer.getvalue()).image()
    assert image.mode == "RGB" and image.size == (32, 24)


def test_a_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # what is right in the file is below
    buffer = BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG", exif=exif)
    assert (np.asarray(Picture(buffer.getvalue()).image()) == np.rot90(PIXELS, -1)).all()


@given(st.binary(max_size=200))
def test_what_is_no_picture_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadInput, match="items x, item 'a': ") as caught:
        Picture(data, "items x, item 'a'").image()
    assert "\n" not in str(caught.value)


@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP"]),
    st.integers(0, 2**16),
    st.integers(0, 255),
    st.integers(0, 2**16),
)
def test_damaged_bytes_give_a_picture_or_one_line(
    kind: str, at: int, byte: int, length: int
) -> None:
    whole = encoded(kind=kind)
    data = bytearray(whole)
    data[at % len(data)] = byte
    for damaged in (bytes(data), whole[: length % len(whole)]):
        try:
            assert Picture(damaged, "here").image().mode == "RGB"
        except BadInput as error:
            assert str(error).startswith("here: ") and "\n" not in str(error)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_half_a_picture_is_damaged(kind: str) -> None:
    data = encoded(np.tile(PIXELS, (9, 9, 1)), kind)
    with pytest.raises(BadInput, match="file f: the picture is damaged"):
        Picture(data[: len(data) // 2], "file f").image()


@pytest.mark.parametrize(
    ("width", "height"), [(MAX_PIXELS // 1000 + 1, 1000), (12_000, 9_000), (2**20, 2**20)]
)
def test_a_small_file_that_would_be_huge_is_refused_undecoded(width: int, height: int) -> None:
    with (
        warnings.catch_warnings(),
        pytest.raises(BadInput, match=r"bomb: .*more than 50,000,000 pixels"),
    ):
        warnings.simplefilter("error")
        Picture(claiming(width, height), "bomb").image()


def test_formats_that_need_other_programs_are_not_tried() -> None:
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(BadInput, match="not a picture"):
        Picture(script).image()


def test_a_uri_holds_the_file_itself() -> None:
    picture = Picture(encoded())
    assert picture.uri().startswith("data:image/png;base64,")
    assert Picture.parse(picture.uri(), Path()) == picture
    assert picture.uri(32) == picture.uri() == picture.uri(256)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (1000, 3)])
def test_thumbnails_keep_within_the_side_and_the_shape(size: tuple[int, int]) -> None:
    flat = np.full((size[1], size[0], 3), 99, dtype=np.uint8)
    small = Image.open(BytesIO(decoded(Picture(encoded(flat)).uri(100))))
    assert max(small.size) == 100
    assert abs(small.size[0] / 100 - size[0] / max(size)) <= 0.01
    assert np.abs(np.asarray(small).astype(int) - 99).max() <= 2


def test_thumbnails_are_png_or_jpeg_and_small() -> None:
    assert Picture(encoded(kind="BMP")).uri(256).startswith("data:image/jpeg;")
    padded = encoded() + bytes(3 * 32**2)
    assert len(decoded(Picture(padded).uri(32))) < len(padded)
    assert Picture(encoded(kind="JPEG")).uri(32).startswith("data:image/jpeg;")


def test_paths_are_relative_to_the_items(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.png").write_bytes(encoded())
    assert Picture.parse("deep/a.png", tmp_path / "in") == Picture(encoded())
    assert Picture.parse("deep/../deep/a.png", tmp_path / "in") == Picture(encoded())


def test_paths_stay_inside_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "a.png"
    outside.write_bytes(encoded())
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.png").symlink_to(outside)
    for text in ("../a.png", str(outside), "link.png", "x/../../a.png"):
        with pytest.raises(BadInput, match=r"line 3: .* not inside the folder"):
            Picture.parse(text, folder, "items x, line 3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("none.png", "no such file"),
        ("", "no such file"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("data:image/png,abc", "not a base64 data URI"),
        ("data:image/png;base64", "not a base64 data URI"),
        ("data:image/png;base64,a*b=", "not valid base64"),
        ("data:image/png;base64,日本", "not valid base64"),
    ],
)
def test_bad_references_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=f"items x, line 3: .*{said}") as caught:
        Picture.parse(text, tmp_path, "items x, line 3")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
