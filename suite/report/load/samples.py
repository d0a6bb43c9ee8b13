"""Sample answers as judged.jsonl holds them: whose they are, what they scored, what was seen.

The file may come from anywhere, so a picture counts only if it is what it must be: a small PNG or
JPEG in a data URI. It is written out where it comes first in a file, and by its digest after that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.records.picture_names import picture_name
from suite.records.trial import Score
from suite.report.load.results import Sample

LARGEST = 2**20  # bytes of a picture; a thumbnail of 256 by 256 pixels has at most a quarter of it
OPENINGS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
_URI = re.compile(r"data:image/(png|jpeg);base64,([A-Za-z0-9+/]+={0,2})")


def picture_bytes(uri: str) -> bytes | None:
    """The file in a data URI of a PNG or JPEG of at most `LARGEST` bytes; None for anything else."""
    found = _URI.fullmatch(uri)
    if not found or len(found[2]) > LARGEST * 4 / 3 + 4:
        return None
    try:
        data = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return None
    fits = len(data) <= LARGEST and data.startswith(OPENINGS[found[1]])
    return data if fits else None


class Pictures:
    """The pictures of one file, read in its order."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def read(self, value: object) -> str | None:
        """The data URI that `value` is or stands for; None when it is no picture to be shown."""
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
    """The samples of one line; `KeyError`, `TypeError`, … where they are none."""
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
    """Samples that do not say whose they are, with what the `scores` tell of it.

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
    found = [
        replace(
            sample,
            evaluator=name,
            figures=tuple((figure, items[k]) for figure, items in outcomes[name].items()),
        )
        for sample, (name, k) in zip(samples, places, strict=True)
    ]
    agree = all(each.outcome == min(value for _, value in each.figures) for each in found)
    return found if agree else samples
