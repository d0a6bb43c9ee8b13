"""Scorers of arithmetic answers, by version: the published rule to the bit, and a corrected one.

``sakana-v1`` is the rule of SakanaAI/evolutionary-model-merge @09aff54 (``evomerge/eval/ja_mgsm.py``)
with its quirks: "1,234" reads 234, "-5" reads 5, "1/2" reads 2, and a line that checks the answer
decides instead of the answer. ``clean-v1`` reads numbers as people write them, see `final_number`.
Both ask the same language gate, so that they differ in nothing but the number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from suite.errors import BadInput
from suite.evaluators.datasets.items import Item
from suite.evaluators.scorers import language

_PUBLISHED = re.compile(r"\d*\.?\d+")
_EXPECTED = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")

# Full-width ASCII, and what else stands for a minus, a slash, a yen sign, a space.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x2212: "-", 0x2044: "/", 0xFFE5: "¥", 0x3000: " "
}  # fmt: skip
_LATEX = ((r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2"), (r"\{,\}", ","), (r"\\[,!]", ""))

_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "億": 10**8, "兆": 10**12}
_MYRIAD = 10**4  # from here on a unit multiplies all that stands before it
_DIGITS = r"(?>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
_WHOLE = rf"(?>{_DIGITS}(?:[十百千万億兆]+(?:{_DIGITS}[十百千万億兆]+)*(?:{_DIGITS})?)?)"
_TERM = re.compile(rf"({_DIGITS})([十百千万億兆]*)")
_NUMBER = re.compile(
    rf"(?P<minus>(?<![0-9A-Za-z)\]}}%])-|マイナス)?"
    r"[$¥€£]?(?<![0-9A-Za-z^_])(?<!\^\{)"
    rf"(?:(?:(?P<mixed>{_WHOLE})[と ])?"
    rf"(?:(?<!/)(?P<over>{_WHOLE})\s*/\s*(?P<under>{_WHOLE})(?!\s*/)"
    rf"|(?P<of>{_WHOLE})分の(?P<parts>{_WHOLE}))"
    rf"|(?P<whole>{_WHOLE}))"
)
_PHRASE = re.compile(
    r"(?<!応)答え?[\s*]*(?:は|:|=|→)|(?:正解|結論)[\s*]*(?:は|:|=|→)"
    r"|\banswer[\s*]*(?:is|:|=)|####|\\boxed",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[。!?\n]|\.(?![0-9])")
_ASIDE = re.compile(r"[、,;(}\]]")


def last_number(text: str) -> float | None:
    """The last match of ``\\d*\\.?\\d+`` as a float; None when there is none. As published."""
    found = _PUBLISHED.findall(text)
    return float(found[-1]) if found else None


def final_number(text: str) -> Fraction | None:
    """The number that a reply gives as its answer, exactly; None when there is none.

    Numbers are digits, with a dot before decimals and with commas between groups of three; "72." is
    72 and "1,2" two numbers. Full-width characters count as their ASCII ones. Behind digits 十 百 千
    万 億 兆 multiply and adjacent terms add up: "2万5千" is 25000. "a/b", "b分のa" and
    ``\\frac{a}{b}`` are fractions, with "と" or a space between whole and fraction mixed ones, and a
    denominator of 0 makes none. A minus (or マイナス) directly before a number or its currency sign
    is its sign, unless it follows directly on an ASCII letter, a digit, a closing bracket or a
    percent sign, where it subtracts. Digits that follow directly on an ASCII letter, "_" or "^" are no
    numbers (cm2, x_1, 10^3); units and percent signs change nothing.

    The last *answer phrase* with a number in its sentence decides: 答え(は : = →), likewise 答, 回答,
    解答, 正解, 結論 (not 応答); "answer is", "answer:", "answer="; "####"; ``\\boxed``. Its sentence
    goes to 。 ! ? a line's end or a dot that no digit follows, or, once it has had a number, to 、 , ;
    a bracket. Of several numbers in it the last counts: "答えは5×4=20本（9本余る）" is 20. Without
    such a phrase the last number of the whole text counts, as published.
    """
    plain = text.translate(_PLAIN)
    for written, meant in _LATEX:
        plain = re.sub(written, meant, plain)
    for phrase in reversed(list(_PHRASE.finditer(plain))):
        numbers = list(_numbers(_answer(plain[phrase.end() :])))
        if numbers:
            return numbers[-1]
    numbers = list(_numbers(plain))
    return numbers[-1] if numbers else None


def gold(item: Item) -> Fraction:
    """The expected number of an item: ASCII digits, perhaps a minus, decimals, groups of three.

    `BadInput` for anything else. MGSM's own file has "2,125" where the Hub's column has 2125.
    """
    text = item.expected.strip()
    if not _EXPECTED.fullmatch(text):
        raise BadInput(f"item {item.id!r}: the expected answer {text!r} is not a number")
    return Fraction(text.replace(",", ""))


def sakana_v1(reply: str, item: Item) -> dict[str, float]:
    """``acc``: `last_number` is the expected one; ``ja``: P(Japanese) > 0.5; ``acc_ja``: both.

    That the published column is ``acc_ja`` is inferred: its README heads it "acc".
    """
    return _figures(last_number(reply) == float(gold(item)), reply)


def clean_v1(reply: str, item: Item) -> dict[str, float]:
    """The figures of `sakana_v1`, with `final_number` in the place of `last_number`."""
    return _figures(final_number(reply) == gold(item), reply)


def _figures(right: bool, reply: str) -> dict[str, float]:
    japanese = language.is_mostly_japanese(reply)
    return {"acc": float(right), "ja": float(japanese), "acc_ja": float(right and japanese)}


def _answer(text: str) -> str:
    """What of `text`, the text behind an answer phrase, belongs to the answer."""
    text = text.lstrip(" \n\t*:=")
    end = _SENTENCE.search(text)
    sentence = text[: end.start()] if end else text
    first = _NUMBER.search(sentence)
    aside = _ASIDE.search(sentence, first.end()) if first else None
    return sentence[: aside.start()] if aside else sentence


def _numbers(text: str) -> Iterator[Fraction]:
    for match in _NUMBER.finditer(text):
        value = _value(match)
        if value is not None:
            yield -value if match["minus"] else value


def _value(match: re.Match[str]) -> Fraction | None:
    """What a match of `_NUMBER` is worth, its sign aside; None for a denominator of 0."""
    if match["whole"]:
        return _whole(match["whole"])
    above, below = match["over"] or match["parts"], match["under"] or match["of"]
    if not (under := _whole(below)):
        return None
    mixed = _whole(match["mixed"]) if match["mixed"] else Fraction(0)
    return mixed + _whole(above) / under


def _whole(text: str) -> Fraction:
    """A number with units: 1億2千万 is 120 000 000."""
    total = pending = Fraction(0)
    for digits, units in _TERM.findall(text):
        term = Fraction(digits.replace(",", ""))
        for unit in units:
            factor = _UNITS[unit]
            if factor < _MYRIAD:
                term *= factor
            else:
                total, pending, term = total + (pending + term) * factor, Fraction(0), Fraction(0)
        pending += term
    return total + pending
