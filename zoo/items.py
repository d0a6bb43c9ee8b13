"""The generated item sets of the micro tasks: fresh questions, disjoint splits, the same in every build."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from suite.evaluators.datasets.items import SPLITS, Item, check_disjoint, digest, normalised, write
from zoo import documents, problems
from zoo.documents import Document
from zoo.lexicon import RELATIONS, landmarks

SIZES = {
    "ja_math": {"search": 200, "select": 400, "report": 1000},
    "en_math": {"search": 200, "select": 400, "report": 1000},
    "ja_general": {"search": 200, "select": 400, "report": 800},
}


def build(folder: Path) -> dict[str, str]:
    """Write every item set under `folder`; returns the digest of each split by ``set/split``."""
    sets = {
        "ja_math": _distinct("ja_math", lambda rng: _problem(rng, "ja")),
        "en_math": _distinct("en_math", lambda rng: _problem(rng, "en")),
        "ja_general": _general(),
    }
    digests = {}
    for name, splits in sets.items():
        check_disjoint(splits, where=name)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for split, items in splits.items():
            write(folder / name / f"{split}.jsonl", items)
            digests[f"{name}/{split}"] = digest(items)
    return digests


def _problem(rng: random.Random, language: str) -> Document:
    problem = problems.draw(problems.KINDS, "hard", language, rng)
    return problem.text, str(problem.answer)


def _distinct(
    name: str, draw: Callable[[random.Random], Document], share: float = 1.0
) -> dict[str, list[Item]]:
    """Fresh items for every split, no two alike; `share` of the set's size."""
    rng, seen = random.Random(f"items/{name}"), set()
    splits: dict[str, list[Item]] = {}
    for split in SPLITS:
        splits[split] = []
        while len(splits[split]) < share * SIZES[name.split(".")[0]][split]:
            prompt, expected = draw(rng)
            if normalised(prompt) not in seen:
                seen.add(normalised(prompt))
                number = len(splits[split])
                splits[split].append(Item(f"{name}/{split}/{number:04d}", prompt, expected))
    return splits


def _general() -> dict[str, list[Item]]:
    """Half questions on facts of the world, each fact in one split only; half reading."""
    pairs = [(place, relation) for place in range(len(landmarks())) for relation in RELATIONS]
    random.Random("items/facts").shuffle(pairs)
    facts = iter([documents.fact_question(place, relation, "ja") for place, relation in pairs])
    asked = _distinct("ja_general.fact", lambda rng: next(facts), share=0.5)
    read = _distinct(
        "ja_general.reading",
        lambda rng: documents.reading(rng, context="ja", answer="ja"),
        share=0.5,
    )
    return {split: asked[split] + read[split] for split in SPLITS}
