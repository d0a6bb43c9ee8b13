"""Pictures as items hold them: a file's bytes, decoded when they are looked at. Pillow is used here only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from suite.errors import BadInput

MAX_PIXELS = 50_000_000  # 150 MB as RGB; a small file can claim to be far larger
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # others start helper programs or need plug-ins
_SCHEME = "data:"


@dataclass(frozen=True)
class Picture:
    """One picture file: its bytes, and where they came from for messages (no part of equality)."""

    data: bytes = field(repr=False)
    origin: str = field(default="a picture", compare=False)

    @classmethod
    def parse(cls, text: str, folder: Path, origin: str | None = None) -> Picture:
        """The picture that `text` holds, a base64 data URI, or names, a path relative to `folder`.

        `BadInput` for a path that is absolute or leaves `folder`, by symbolic links too.
        """
        where = origin or str(folder)
        if text.startswith(_SCHEME):
            return cls(_decoded(text, where), where)
        named = f"{where}: picture {text[:80]!r}"
        try:
            path = (folder / text).resolve()
            if Path(text).is_absolute() or not path.is_relative_to(folder.resolve()):
                raise BadInput(f"{named} is not inside the folder of the items")
            if not path.is_file():
                raise BadInput(f"{named}: no such file in {folder}")
            return cls(path.read_bytes(), f"{where}, {text}")
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or _line(error)
            raise BadInput(f"{named} cannot be read ({why})") from None

    @cached_property
    def digest(self) -> str:
        """sha256 of the file's bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    def image(self) -> Any:
        """The decoded picture, a Pillow image in RGB, turned upright as its EXIF data says.

        The first frame of an animation. `BadInput` when the bytes are no picture, are incomplete,
        or hold more than `MAX_PIXELS` pixels, which is found out before any of them is decoded.
        """
        from PIL import ImageOps

        opened = self._open()
        try:
            opened.load()
            return ImageOps.exif_transpose(opened).convert("RGB")
        except Exception as error:  # decoders raise nearly anything over damaged bytes
            raise BadInput(f"{self.origin}: the picture is damaged ({_line(error)})") from None

    def uri(self, side: int | None = None) -> str:
        """A data URI: of the file as it is, or of a thumbnail of at most `side` pixels a side.

        A thumbnail is a PNG or a JPEG: the file as it is, where it is one of these, its picture no
        larger than that and its bytes no more than those of the pixels; else a JPEG.
        """
        opened = self._open()
        mime = opened.get_format_mimetype()
        fits = side is not None and max(opened.size) <= side and len(self.data) <= 3 * side**2
        if side is None or (fits and mime in ("image/png", "image/jpeg")):
            return _uri(self.data, mime)
        small = self.image()
        small.thumbnail((side, side))
        buffer = BytesIO()
        small.save(buffer, "JPEG", quality=85)
        return _uri(buffer.getvalue(), "image/jpeg")

    def _open(self) -> Any:
        """The picture with its header read and its size checked."""
        try:
            from PIL import Image
        except ImportError:
            raise BadInput("pictures need Pillow: pip install 'merge-suite[vlm]'") from None

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                opened = Image.open(BytesIO(self.data), formats=FORMATS)
        except Image.DecompressionBombError:
            raise BadInput(f"{self.origin}: more than {MAX_PIXELS:,} pixels") from None
        except Exception:  # decoders raise nearly anything over damaged bytes
            raise BadInput(f"{self.origin}: not a picture ({', '.join(FORMATS)})") from None
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise BadInput(f"{self.origin}: {width} x {height} are more than {MAX_PIXELS:,} pixels")
        return opened


def _decoded(text: str, where: str) -> bytes:
    """The bytes of a base64 data URI."""
    head, comma, body = text.partition(",")
    if not comma or not head.endswith(";base64"):
        raise BadInput(f"{where}: picture {text[:40]!r} is not a base64 data URI")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{where}: the picture's data URI is not valid base64") from None


def _uri(data: bytes, mime: str) -> str:
    return f"{_SCHEME}{mime};base64,{base64.b64encode(data).decode('ascii')}"


def _line(error: Exception) -> str:
    """One line about `error`."""
    return " ".join(str(error).split()) or type(error).__name__
