from __future__ import annotations

import subprocess
import sys

import pytest

from suite.evaluators.datasets.items import Item
from suite.evaluators.scorers.by_name import (
    MEDIANS,
    SCORERS,
    exact,
    is_japanese,
    last_number,
    maths,
    maths_ja,
    vqa_en,
    vqa_ja,
)
from tests.nonempty import some

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


JA = "赤い円です。"
EN = "The red circle is on the left."


@pytest.mark.parametrize(
    ("reply", "expected", "outcome"),
    [
        ("赤い円です。", JA, (1, 1, 1, 1)),
        ("青い円です。", JA, (3 / 4, 3 / 4, 0, 1)),
        (" 赤い　円です。😀", JA, (1, 1, 1, 1)),
        ("赤いringです。", JA, (3 / 4, 3 / 4, 0, 1)),
        ("red ring .", JA, (0, 0, 0, 0)),
        ("", JA, (0, 0, 0, 0)),
        ("ＡＢＣ", "abcです。", (0, 0, 0, 0)),
        ("３", "3", (1, 1, 1, 0)),  # the reference has no language: no gate
        ("the red circle", EN, (2 * 2 / 11, 2 * 2 / 11, 0, 0)),
        (JA, EN, (0, 0, 0, 1)),
    ],
)
def test_japanese_vqa_worked_by_hand(reply: str, expected: str, outcome: tuple[float, ...]) -> None:
    found = vqa_ja(reply, Item("1", "?", expected))
    figures = ("rouge_l_ja", "rouge_l", "em", "ja")
    assert found == pytest.approx(dict(zip(figures, outcome, strict=True)))


def test_the_gate_takes_words_that_would_have_counted() -> None:
    """A reply in another language shares a word with the reference; only the gated figure drops."""
    found = vqa_ja("The picture of the 東京 Tower in the evening", Item("1", "?", "東京です。"))
    assert found["rouge_l_ja"] == 0 < found["rouge_l"] and not found["ja"]


def test_english_vqa_has_no_gate() -> None:
    assert vqa_en("A red circle", Item("1", "?", "a red circle")) == {
        "rouge_l": pytest.approx(2 / 3),
        "em": 1,
    }


def test_medians_are_of_figures_that_the_scorer_has() -> None:
    for scorer, medians in some(MEDIANS.items()):
        assert set(medians.values()) <= set(SCORERS[scorer]("", Item("1", "?", JA)))


def test_other_scorers_import_none_of_the_packages() -> None:
    code = (
        "import sys; from suite.evaluators import generation; from suite.evaluators.scorers import by_name;"
        "from suite.evaluators.datasets.items import Item;"
        "by_name.maths_ja('20', Item('1', '?', '20'));"
        "print(sorted({'PIL', 'rouge_score', 'fugashi', 'neologdn', 'emoji', 'fasttext', 'pyarrow'}"
        " & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
