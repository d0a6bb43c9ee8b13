"""How claims and seeds are written, and which words are refused."""

from __future__ import annotations

import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.commands import compare_words
from suite.commands.compare_words import parse, spans
from suite.errors import BadInput


def test_what_is_not_said_is_planned_for() -> None:
    found = parse(["claim=a > b on t", "trials=30"])
    assert (found.effect, found.power, found.alpha, found.margin) == (1.0, 0.8, 0.05, None)
    assert (found.split, found.count, found.named, found.dry) == ("report", None, None, False)
    assert found.overrides == ("trials=30",) and found.given == {"claim"}


@pytest.mark.parametrize(
    ("text", "count", "named"),
    [
        ("12", 12, None),
        ("0-3", None, (0, 1, 2, 3)),
        ("7,0-2", None, (0, 1, 2, 7)),
        ("[4,5]", None, (4, 5)),
    ],
)
def test_seeds_are_a_number_or_named(text: str, count: object, named: object) -> None:
    found = parse([f"seeds={text}"])
    assert (found.count, found.named) == (count, named)


@given(st.sets(st.integers(0, 60), min_size=2, max_size=20))
def test_seeds_read_as_they_are_written(seeds: set[int]) -> None:
    assert parse([f"seeds={spans(seeds)}"]).named == tuple(sorted(seeds))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("seeds=6.5", "seeds=6.5: write how many"),
        ("seeds=", "seeds=: write how many"),
        ("seeds=-3", "write how many"),
        ("seeds=0-", "write how many"),
        ("seeds=5-2", "5-2 must ascend"),
        ("seeds=0-99999999", "over 10000 seeds at most"),
        ("seeds=0-3,2", "named twice"),
        ("margin=0", "margin=0: must be above 0"),
        ("margin=-0.1", "margin=-0.1: must be above 0"),
        ("margin=wide", "margin=wide: not a number"),
        ("effect=big", "effect=big: not a number"),
        ("alpha=1", "alpha=1: must lie between 0 and 1"),
        ("split=select", "split=select: allowed are report, search"),
        ("seed=1", "follow from the claim"),
        ("task=zdt1", "follow from the claim"),
    ],
)
def test_a_word_that_cannot_be_used_is_named(word: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)) as raised:
        parse([word])
    assert "\n" not in str(raised.value)


def test_the_examples_run() -> None:
    assert doctest.testmod(compare_words).failed == 0
