"""The generated item sets of the Japanese VLM: fresh pictures, each in one split only.

``ja_vqa`` and ``en_vqa`` ask the same questions about the same pictures in the two languages;
``ja_wild`` asks about pictures of the held-out distribution.
"""

from __future__ import annotations

import io
import random
from pathlib import Path

from PIL.Image import Image

from suite.evaluators.datasets.items import SPLITS, Item, check_disjoint, digest, write
from suite.evaluators.datasets.pictures import Picture
from zoo import pictures, scenes

SIZES = {"search": 160, "select": 320, "report": 800}
SETS = {"ja_vqa": ("ja", "plain"), "en_vqa": ("en", "plain"), "ja_wild": ("ja", "wild")}


def build(folder: Path) -> dict[str, str]:
    """Write every item set under `folder`; returns the digest of each split by ``set/split``."""
    digests = {}
    for name, (language, style) in SETS.items():
        splits = {split: _items(name, split, language, style) for split in SPLITS}
        check_disjoint(splits, where=name)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for split, items in splits.items():
            write(folder / name / f"{split}.jsonl", items)
            digests[f"{name}/{split}"] = digest(items)
    return digests


def _items(name: str, split: str, language: str, style: str) -> list[Item]:
    rng = random.Random(f"items/{style}/{split}")
    found = []
    for number in range(SIZES[split]):
        scene = scenes.draw(rng)
        kind = scenes.ask(rng)
        picture = pictures.draw(scene, rng, style)
        words = random.Random(f"{name}/{split}/{number}")  # of its own: pictures stay the same
        found.append(
            Item(
                f"{name}/{split}/{number:04d}",
                scenes.question(kind, language, words),
                scenes.reply(kind, scene, language),
                Picture(_png(picture)),
            )
        )
    return found


def _png(picture: Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
