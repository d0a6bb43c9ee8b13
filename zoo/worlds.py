"""What a family's models can read about: the word problems, or the pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import documents, items, scene_documents, scene_items, skills
from zoo.mixture import Writer

Skills = Callable[[int], Mapping[str, list[Any]]]  # fresh documents by skill, so many of each


@dataclass(frozen=True)
class World:
    """Writers of training documents, the tokenizer's corpus, skills to probe, the item sets.

    `items` writes every item set below a folder and returns the splits' digests. `sights` are
    skills of models that see.
    """

    writers: Mapping[str, Writer]
    corpus: Callable[[], list[str]]
    skills: Skills
    items: Callable[[Path], dict[str, str]]
    sights: Skills


def _blind(count: int) -> Mapping[str, list[Any]]:
    return {}


WORLDS = {
    "problems": World(documents.WRITERS, documents.corpus, skills.problems, items.build, _blind),
    "scenes": World(
        scene_documents.WRITERS,
        scene_documents.corpus,
        skills.scenes,
        scene_items.build,
        skills.sights,
    ),
}
