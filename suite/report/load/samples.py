"""Sample answers as judged.jsonl holds them: whose they are, what they scored, what was seen.

The file may come from anywhere, so a picture counts only if it is what it must be: a small PNG or
JPEG in a data URI. It is written out where it comes first in a file, and by its digest after that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.records.picture_names import picture_name
from suite.records.trial import Score
from suite.report.load.results import Sample

LARGEST = 2**20  # bytes of a picture; a thumbnail of 256 by 256 pixels has at most a quarter of it
OPENINGS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
SIDE = 160  # CSS pixels that a picture may take up
KEPT = 256  # pixels a side that are kept of a picture, whatever the file holds
TINY = 64  # a picture of at most this side is enlarged by whole factors, its pixels left crisp
_URI = re.compile(r"data:image/(png|jpeg);base64,([A-Za-z0-9+/]+={0,2})")


def picture_bytes(uri: str) -> bytes | None:
    """Decode a data URI.

    Parameters
    ----------
    uri : str

    Returns
    -------
    bytes or None
        The PNG or JPEG in it, of at most `LARGEST` bytes; None for anything else.
    """
    match = _URI.fullmatch(uri)
    if not match or len(match[2]) > LARGEST * 4 / 3 + 4:
        return None
    try:
        data = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return None
    fits = len(data) <= LARGEST and data.startswith(OPENINGS[match[1]])
    return data if fits else None


class Pictures:
    """The pictures of one file, read in its order."""

    def __init__(self) -> None:
        """Start with no picture known."""
        self._known: dict[str, str] = {}

    def read(self, value: object) -> str | None:
        """Find the picture that a value is or stands for.

        Parameters
        ----------
        value : object
            A data URI, or the digest of one that came before.

        Returns
        -------
        str or None
            The data URI; None when it is no picture to be shown.
        """
        if not isinstance(value, str):
            return None
        if value.startswith("sha256:"):
            return self._known.get(value)
        if picture_bytes(value) is None:
            return None
        self._known[picture_name(value)] = value
        return value


def read(
    rows: Iterable[Mapping[str, Any]], scores: Mapping[str, Score], pictures: Pictures
) -> tuple[Sample, ...]:
    """Read the samples of one line.

    Parameters
    ----------
    rows : iterable of mapping
        As journaled.
    scores : mapping of str to Score
        Those of the same model, by metric.
    pictures : Pictures
        Those of the file so far.

    Returns
    -------
    tuple of Sample

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        Where they are no samples.
    """
    samples = [
        Sample(
            prompt=str(row["prompt"]),
            reply=str(row["reply"]),
            expected=str(row["expected"]),
            outcome=float(row["outcome"]),
            evaluator=str(row.get("evaluator", "")),
            figures=_figures(row.get("outcomes") or {}),
            picture=pictures.read(row.get("picture")),
        )
        for row in rows
    ]
    known = {sample.evaluator for sample in samples if sample.evaluator}
    labels = iter(_labelled([s for s in samples if not s.evaluator], scores, known))
    return tuple(sample if sample.evaluator else next(labels) for sample in samples)


def _figures(outcomes: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    return tuple((str(figure), float(value)) for figure, value in outcomes.items())


def _labelled(
    samples: Sequence[Sample], scores: Mapping[str, Score], known: set[str]
) -> Sequence[Sample]:
    """Give samples that do not say whose they are what the `scores` tell of it.

    A judge keeps the first items of every evaluator, as many of each as it has up to a number, and
    the scores hold every item's outcome in the same order. Where the two do not agree to the last
    outcome nothing is claimed. `known` are the evaluators that the other samples name.
    """
    outcomes: dict[str, dict[str, tuple[float, ...]]] = {}
    for metric, score in scores.items():
        evaluator, _, figure = metric.rpartition(".")
        if score.items and evaluator not in known:
            outcomes.setdefault(evaluator, {})[figure] = score.items
    counts = {name: min(map(len, figures.values())) for name, figures in outcomes.items()}
    for most in range(1, len(samples) + 1):
        places = [(name, k) for name, n in counts.items() for k in range(min(most, n))]
        if len(places) == len(samples):
            break
    else:
        return samples
    labelled = [
        replace(
            sample,
            evaluator=name,
            figures=tuple((figure, items[k]) for figure, items in outcomes[name].items()),
        )
        for sample, (name, k) in zip(samples, places, strict=True)
    ]
    agree = all(each.outcome == min(value for _, value in each.figures) for each in labelled)
    return labelled if agree else samples


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture that the report shows.

    Attributes
    ----------
    uri : str
        A data URI.
    pixels : ndarray of uint8, shape (height, width, 3)
        At most `KEPT` a side.
    """

    uri: str
    pixels: NDArray[np.uint8]

    @property
    def tiny(self) -> bool:
        """Whether it is enlarged by whole factors, its pixels left crisp."""
        return bool(max(self.pixels.shape[:2]) <= TINY)

    def shown(self, side: int = SIDE) -> tuple[int, int]:
        """Fit the picture into a square; only tiny ones grow.

        Parameters
        ----------
        side : int
            Of the square, in pixels.

        Returns
        -------
        width, height : int
            In pixels, 1 or more.

        Examples
        --------
        >>> Thumbnail("", np.zeros((32, 16, 3), dtype=np.uint8)).shown(160)
        (80, 160)
        """
        height, width = self.pixels.shape[:2]
        if self.tiny:
            factor = max(1, side // max(width, height))
            return width * factor, height * factor
        scale = min(1.0, side / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))


@lru_cache(maxsize=256)
def thumbnail(uri: str) -> Thumbnail | None:
    """Decode a picture.

    Parameters
    ----------
    uri : str
        A data URI.

    Returns
    -------
    Thumbnail or None
        None where it cannot be decoded.
    """
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
