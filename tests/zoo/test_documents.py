from __future__ import annotations

import random

import pytest

from tests.nonempty import some
from zoo import documents, tokenizer
from zoo.mixture import Mixture

ENTRIES = [
    {"document": "translation", "weight": 1, "numbers": "full", "verbs": 3},
    {"document": "reading", "weight": 1, "context": "ja", "answer": "en"},
    {"document": "reading", "weight": 1, "context": "en", "answer": "ja"},
    {"document": "fact", "weight": 1, "language": "ja", "relations": ["colour", "place"]},
    {"document": "sums", "weight": 1},
    {
        "document": "plan",
        "weight": 1,
        "language": "ja",
        "kinds": "all",
        "numbers": "full",
        "verbs": 3,
    },
    {
        "document": "maths",
        "weight": 1,
        "language": "en",
        "kinds": "all",
        "numbers": "full",
        "verbs": 3,
    },
    {
        "document": "maths",
        "weight": 1,
        "language": "ja",
        "kinds": "all",
        "numbers": "full",
        "verbs": 3,
    },
]


@pytest.fixture(scope="module")
def fitted():  # type: ignore[no-untyped-def]
    return tokenizer.build(documents.corpus(500))


def test_a_mixture_repeats_by_seed_and_differs_between_seeds() -> None:
    first = [Mixture(ENTRIES, "a", documents.WRITERS).take(20) for _ in range(2)]
    assert first[0] == first[1]
    assert Mixture(ENTRIES, "b", documents.WRITERS).take(20) != first[0]


def test_every_document_survives_the_tokenizer_without_bytes(fitted) -> None:  # type: ignore[no-untyped-def]
    for prompt, reply in some(Mixture(ENTRIES, "round trip", documents.WRITERS).take(400)):
        text = f"{prompt}\n{reply}"
        ids = fitted(text).input_ids
        assert fitted.decode(ids, skip_special_tokens=True) == text
        assert not any(token.startswith("<0x") for token in fitted.convert_ids_to_tokens(ids))


def test_numbers_are_single_tokens_in_both_languages(fitted) -> None:  # type: ignore[no-untyped-def]
    for text in ("りんごを29個", "has 29 pens", "29-10=19;"):
        assert "29" in fitted.tokenize(text)


def test_unknown_text_falls_back_to_bytes(fitted) -> None:  # type: ignore[no-untyped-def]
    text = "Ünïcode 漢字 🙂"
    assert fitted.decode(fitted(text).input_ids, skip_special_tokens=True) == text


def test_reading_answers_come_from_the_context() -> None:
    rng = random.Random(0)
    for _ in range(50):
        prompt, reply = documents.reading(rng, context="ja", answer="ja")
        assert reply.removesuffix("です。") in prompt


def test_facts_are_the_same_in_both_languages() -> None:
    for (place, relation), value in some(list(documents.FACTS.items())[:40]):
        _, japanese = documents.fact_question(place, relation, "ja")
        _, english = documents.fact_question(place, relation, "en")
        values = documents.RELATIONS[relation][1]
        assert (english, japanese) == (f"{values[value][0]}.", f"{values[value][1]}です。")
