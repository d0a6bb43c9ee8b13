"""Training documents about scenes: text for the language models, pictures for the VLM."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from PIL.Image import Image

from zoo import pictures, scenes
from zoo.documents import TRANSLATE, Document
from zoo.lexicon import join

CAPTION = {"en": "Describe the picture .", "ja": "絵 を 説明して ください 。"}
REPHRASE = "言い換えて ください 。"


class Sight(NamedTuple):
    """A document about a picture: prompt, completion, prompt, completion, …; what is seen."""

    turns: tuple[str, ...]
    picture: Image


def reading(
    rng: random.Random, *, context: str, answer: str, forms: int = 1, asked: int = 1
) -> Document:
    """A scene told in one language; `asked` questions about it, put and answered in another."""
    scene = scenes.draw(rng)
    first, *rest = _interview(scene, rng, answer, forms, asked)
    return f"{scenes.describe(scene, context)} {first}", *rest


def translation(rng: random.Random, *, to: str | None = None, forms: int = 1) -> Document:
    """A description or a question in one language, translated into the other.

    Into Japanese, the first form of a question is what is wanted, or nobody could know which.
    """
    target = to or rng.choice(["en", "ja"])
    source = "ja" if target == "en" else "en"
    if rng.random() < 0.5:
        scene = scenes.draw(rng)
        text = {language: scenes.describe(scene, language) for language in ("en", "ja")}
    else:
        kind = scenes.ask(rng)
        text = {
            target: scenes.question(kind, target, rng, 1),
            source: scenes.question(kind, source, rng, forms),
        }
    return f"{join(TRANSLATE[source], target)} {text[source]}", text[target]


def rephrasing(rng: random.Random, *, forms: int = 5) -> Document:
    """A Japanese question in any form, put into the first: what the forms mean."""
    kind = scenes.ask(rng)
    asked = scenes.question(kind, "ja", rng, forms)
    return f"{join(REPHRASE, 'ja')}{asked}", scenes.question(kind, "ja", rng, 1)


def caption(rng: random.Random, *, language: str = "en", style: str = "plain") -> Sight:
    """A picture and its description."""
    scene = scenes.draw(rng)
    turns = (join(CAPTION[language], language), scenes.describe(scene, language))
    return Sight(turns, pictures.draw(scene, rng, style))


def sight(
    rng: random.Random,
    *,
    language: str = "en",
    forms: int = 1,
    style: str = "plain",
    asked: int = 1,
) -> Sight:
    """A picture, `asked` questions about it and the answers."""
    scene = scenes.draw(rng)
    turns = _interview(scene, rng, language, forms, asked)
    return Sight(turns, pictures.draw(scene, rng, style))


def _interview(
    scene: scenes.Scene, rng: random.Random, language: str, forms: int, asked: int
) -> tuple[str, ...]:
    """Question, answer, question, answer, …; no kind of question twice while there are others."""
    kinds = list(scenes.QUESTIONS)
    rng.shuffle(kinds)
    return tuple(
        text
        for kind in kinds[:asked]
        for text in (
            scenes.question(kind, language, rng, forms),
            scenes.reply(kind, scene, language),
        )
    )


WRITERS: dict[str, Callable[..., Any]] = {
    "scene_reading": reading,
    "scene_translation": translation,
    "rephrasing": rephrasing,
    "caption": caption,
    "sight": sight,
}


def corpus(count: int = 3000) -> list[str]:
    """Space-separated texts in both languages: what the tokenizer is fitted to."""
    rng = random.Random("scenes")
    fixed = [f"{TRANSLATE[language]} {CAPTION[language]}" for language in ("en", "ja")]
    return [*fixed, REPHRASE] * count + [w for _ in range(count) for w in scenes.words(rng)]
