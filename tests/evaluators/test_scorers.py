from __future__ import annotations

import pytest

from suite.evaluators.items import Item
from suite.evaluators.scorers import exact, is_japanese, last_number, maths, maths_ja

ITEM = Item("1", "?", "20")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("29-10=19;19+1=20;答えは20本です。", 20),
        ("1,234", 234),  # the published rule's quirk: the last run of digits
        ("-5", 5),
        ("1/2", 2),
        ("72.", 72),
        ("約3.5", 3.5),
        ("７２", 72),  # \d and float() read full-width digits
        (".5", 0.5),
        ("none", None),
        ("", None),
    ],
)
def test_the_last_number_counts(text: str, number: float | None) -> None:
    assert last_number(text) == number


@pytest.mark.parametrize(
    ("text", "japanese"),
    [
        ("答えは20本です。", True),
        ("29-10=19; The answer is 20 pens.", False),
        ("20", False),
        ("", False),
        ("カードの答え", True),
        ("答え is the answer", False),
    ],
)
def test_language_is_the_majority_of_letters(text: str, japanese: bool) -> None:
    assert is_japanese(text) is japanese


def test_right_number_in_the_wrong_language_is_told_apart() -> None:
    assert maths_ja("The answer is 20 pens.", ITEM) == {"acc": 1, "ja": 0, "acc_ja": 0}
    assert maths_ja("答えは20本です。", ITEM) == {"acc": 1, "ja": 1, "acc_ja": 1}
    assert maths_ja("答えは21本です。", ITEM) == {"acc": 0, "ja": 1, "acc_ja": 0}
    assert maths("The answer is 20 pens.", ITEM) == {"acc": 1}


def test_exact_ignores_white_space_only() -> None:
    item = Item("1", "?", "赤です。")
    assert exact(" 赤です。 ", item) == {"em": 1}
    assert exact("赤です", item) == {"em": 0}
