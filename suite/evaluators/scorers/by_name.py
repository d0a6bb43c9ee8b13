"""Scorers: a reply and its item to named outcomes in [0, 1].

``sakana-v1`` and ``clean-v1`` are the published rule of MGSM-JA and a corrected one (`arithmetic`).
Those of the embedded tasks are ``micro-v1``: ``maths`` and ``maths_ja`` take the last number as
published, and the majority of letters for the language. The VQA rules are those of `rouge` and
`language`. The packages that languages and VQA need (the extra ``vlm``) are imported when a reply is
first scored by them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from suite.evaluators.datasets.items import Item, normalised
from suite.evaluators.scorers import arithmetic, language, rouge
from suite.evaluators.scorers.arithmetic import last_number

Scorer = Callable[[str, Item], dict[str, float]]


def is_japanese(text: str) -> bool:
    """Whether more than half of the letters are kana or kanji; False for text without letters."""
    letters = [character for character in text if character.isalpha()]
    japanese = sum(
        unicodedata.name(character, "").startswith(
            ("HIRAGANA", "KATAKANA", "CJK", "FULLWIDTH KATAKANA")
        )
        for character in letters
    )
    return 2 * japanese > len(letters)


def maths(reply: str, item: Item) -> dict[str, float]:
    """``acc``: the last number equals the expected one."""
    return {"acc": float(last_number(reply) == float(item.expected))}


def maths_ja(reply: str, item: Item) -> dict[str, float]:
    """``acc`` as in `maths`; ``ja``: answered in Japanese; ``acc_ja``: both."""
    right = last_number(reply) == float(item.expected)
    japanese = is_japanese(reply)
    return {"acc": float(right), "ja": float(japanese), "acc_ja": float(right and japanese)}


def exact(reply: str, item: Item) -> dict[str, float]:
    """``em``: the reply equals the expected answer, white space aside."""
    return {"em": float(reply.split() == item.expected.split())}


def vqa_ja(reply: str, item: Item) -> dict[str, float]:
    """``rouge_l_ja``: ROUGE-L with the language gate, the published figure; ``rouge_l``: without.

    ``em``: the same answer, see `_same`; ``ja``: answered in Japanese, as the gate sees it.
    """
    return {
        "rouge_l_ja": rouge.rouge_l(item.expected, language.gated(reply, item.expected)),
        **vqa_en(reply, item),
        "ja": float(language.is_japanese(reply)),
    }


def vqa_en(reply: str, item: Item) -> dict[str, float]:
    """``rouge_l``: ROUGE-L, words as in `vqa_ja`; ``em``: the same answer, see `_same`."""
    return {
        "rouge_l": rouge.rouge_l(item.expected, reply),
        "em": float(_same(reply, item.expected)),
    }


def _same(reply: str, expected: str) -> bool:
    """Equality but for emoji, width, case, white space and what else neologdn folds."""
    return normalised(rouge.clean(reply)) == normalised(rouge.clean(expected))


SCORERS: dict[str, Scorer] = {
    "maths": maths,
    "maths_ja": maths_ja,
    "exact": exact,
    "vqa_ja": vqa_ja,
    "vqa_en": vqa_en,
    "sakana-v1": arithmetic.sakana_v1,
    "clean-v1": arithmetic.clean_v1,
}

# What a scorer reads of an item before any reply: `BadInput` where it cannot.
CHECKS: dict[str, Callable[[Item], object]] = {
    "sakana-v1": arithmetic.gold,
    "clean-v1": arithmetic.gold,
}

# Figures over all items of a split beside the means: the published median of a mean's outcomes.
MEDIANS: dict[str, dict[str, str]] = {"vqa_ja": {"rouge_l_ja_median": "rouge_l_ja"}}
