"""What a micro model should be able to do: fresh documents for each skill."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from zoo import documents, scene_documents


def problems(count: int) -> dict[str, list[Any]]:
    """Skills of the word problems, `count` documents of each."""
    rng = random.Random("probe")
    wanted: dict[str, Callable[[], Any]] = {
        "read ja→en": partial(documents.reading, rng, context="ja", answer="en"),
        "read ja→ja": partial(documents.reading, rng, context="ja", answer="ja"),
        "fact shared": partial(documents.fact, rng, language="ja", relations=["colour", "animal"]),
        "fact expert": partial(documents.fact, rng, language="ja", relations=["fruit", "place"]),
    }
    for language, verbs in (("en", 1), ("ja", 1), ("ja", 5)):
        wanted[f"plan {language} verbs {verbs}"] = partial(
            documents.plan, rng, language=language, kinds="all", numbers="full", verbs=verbs
        )
    for language in ("en", "ja"):
        for level, verbs in (("easy", 1), ("hard", 3)):
            wanted[f"maths {language} {level}"] = partial(
                documents.maths, rng, language=language, kinds="all", numbers=level, verbs=verbs
            )
    return _drawn(wanted, count)


def scenes(count: int) -> dict[str, list[Any]]:
    """Skills of reading about pictures, `count` documents of each."""
    rng = random.Random("probe")
    wanted = {
        f"read {context}→{answer} forms {forms}": partial(
            scene_documents.reading, rng, context=context, answer=answer, forms=forms
        )
        for context in ("en", "ja")
        for answer, forms in (("en", 1), ("ja", 1), ("ja", 5))
    }
    return _drawn(wanted, count)


def sights(count: int) -> dict[str, list[Any]]:
    """Skills of seeing, `count` documents of each."""
    rng = random.Random("probe")
    wanted = {
        f"see {language} forms {forms} {style}": partial(
            scene_documents.sight, rng, language=language, forms=forms, style=style
        )
        for language, forms in (("en", 1), ("ja", 1), ("ja", 5))
        for style in ("plain", "wild")
    }
    return _drawn(wanted, count)


def _drawn(wanted: Mapping[str, Callable[[], Any]], count: int) -> dict[str, list[Any]]:
    return {name: [write() for _ in range(count)] for name, write in wanted.items()}
