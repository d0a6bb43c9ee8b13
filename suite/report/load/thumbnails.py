"""The pictures that the report shows, decoded: their pixels, and the size they are shown at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.report.load.samples import picture_bytes

SIDE = 160  # CSS pixels that a picture may take up
KEPT = 256  # pixels a side that are kept of a picture, whatever the file holds
TINY = 64  # a picture of at most this side is enlarged by whole factors, its pixels left crisp


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture as data URI, and its pixels, at most `KEPT` a side: (height, width, 3), 8 bits."""

    uri: str
    pixels: NDArray[np.uint8]

    @property
    def tiny(self) -> bool:
        return bool(max(self.pixels.shape[:2]) <= TINY)

    def shown(self, side: int = SIDE) -> tuple[int, int]:
        """Width and height of the picture fitted into a square of `side`; only tiny ones grow."""
        height, width = self.pixels.shape[:2]
        if self.tiny:
            factor = max(1, side // max(width, height))
            return width * factor, height * factor
        scale = min(1.0, side / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))


@lru_cache(maxsize=256)
def read(uri: str) -> Thumbnail | None:
    """The picture in `uri`; None where it cannot be decoded."""
    from suite.evaluators.datasets.pictures import Picture

    data = picture_bytes(uri)
    if data is None:
        return None
    try:
        image = Picture(data).image()
    except BadInput:
        return None
    image.thumbnail((KEPT, KEPT))
    return Thumbnail(uri, np.asarray(image, dtype=np.uint8))
