"""The picture world: what is said of scenes is true of them, and pictures show them."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from suite.evaluators.scorers import language
from zoo import pictures, scene_documents, scenes, tokenizer
from zoo.mixture import Mixture
from zoo.scenes import Scene

ENTRIES = [
    {"document": "scene_translation", "weight": 1, "forms": 5},
    {"document": "scene_reading", "weight": 1, "context": "ja", "answer": "en"},
    {"document": "scene_reading", "weight": 1, "context": "en", "answer": "ja", "forms": 5},
    {"document": "rephrasing", "weight": 1},
    {"document": "caption", "weight": 1, "language": "ja"},
    {"document": "sight", "weight": 1, "language": "ja", "forms": 5, "asked": 3, "style": "wild"},
]


@pytest.fixture(scope="module")
def fitted():  # type: ignore[no-untyped-def]
    return tokenizer.build(scene_documents.corpus(400))


def every_answer(kind: str) -> set[str]:
    colours, shapes = range(len(scenes.COLOURS)), range(len(scenes.SHAPES))
    sizes, counts = range(len(scenes.SIZES)), range(1, len(scenes.COUNTS) + 1)
    every = itertools.product(colours, colours, shapes, sizes, counts)
    return {scenes.reply(kind, Scene(*features), "ja") for features in every}


@pytest.mark.parametrize("kind", scenes.QUESTIONS)
def test_every_answer_is_japanese_to_the_published_gate(kind: str) -> None:
    refused = [answer for answer in every_answer(kind) if language.p_japanese(answer) <= 0.5]
    assert not refused


def test_a_scene_is_described_by_all_of_its_answers() -> None:
    rng = random.Random("described")
    for _ in range(50):
        scene = scenes.draw(rng)
        for tongue in ("en", "ja"):
            told = scenes.describe(scene, tongue)
            assert all(scenes.reply(kind, scene, tongue) in told for kind in scenes.QUESTIONS)


def test_no_question_of_one_kind_is_one_of_another() -> None:
    forms = [form for _, japanese in scenes.QUESTIONS.values() for form in japanese]
    assert len(set(forms)) == len(forms) == 5 * len(scenes.QUESTIONS)


def test_documents_repeat_by_seed_and_survive_the_tokenizer(fitted) -> None:  # type: ignore[no-untyped-def]
    drawn = [Mixture(ENTRIES, "a", scene_documents.WRITERS).take(100) for _ in range(2)]
    texts = [[getattr(made, "turns", made) for made in documents] for documents in drawn]
    assert texts[0] == texts[1]
    for text in (text for document in texts[0] for text in document):
        ids = fitted(text).input_ids
        assert fitted.decode(ids, skip_special_tokens=True) == text
        assert not any(token.startswith("<0x") for token in fitted.convert_ids_to_tokens(ids))


@pytest.mark.parametrize("style", ["plain", "wild"])
def test_a_picture_shows_its_scene(style: str) -> None:
    rng = random.Random("shown")
    for _ in range(40):
        scene = scenes.draw(rng)
        pixels = np.asarray(pictures.draw(scene, rng, style)).astype(int)
        assert pixels.shape == (pictures.SIDE, pictures.SIDE, 3)
        near = {
            name: np.abs(pixels - np.array(rgb)).sum(axis=2) for name, rgb in pictures._RGB.items()
        }
        nearest = np.array(list(near))[np.argmin(list(near.values()), axis=0)]
        commonest = max(near, key=lambda name: int((nearest == name).sum()))
        wanted = {scenes.COLOURS[scene.colour][0], scenes.COLOURS[scene.ground][0]}
        assert commonest in wanted
        assert all((nearest == name).sum() >= 8 for name in wanted)


def test_pictures_of_one_scene_differ_unless_the_seed_is_the_same() -> None:
    scene = Scene(0, 1, 3, 1, 2)
    first, again, other = (
        pictures.draw(scene, random.Random(seed), "wild").tobytes() for seed in (1, 1, 2)
    )
    assert first == again != other
