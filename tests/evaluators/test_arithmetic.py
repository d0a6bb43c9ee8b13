"""Both arithmetic scorers: hand-worked tables of the quirks, and properties against other code."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.evaluators.datasets.items import Item
from suite.evaluators.scorers.arithmetic import clean_v1, final_number, gold, last_number, sakana_v1
from tests.evaluators.reading import scanned

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERISH = st.text("0123456789０１２,，.．-−/／万千分の= 。\n本a$", max_size=30)

# reply, as published, corrected
QUIRKS = [
    ("1,234", 234, 1234),
    ("１，２３４円", 234, 1234),
    ("12,345,678.5", 678.5, Fraction("12345678.5")),
    ("1,2", 2, 2),  # no group of three: two numbers
    ("-5", 5, -5),
    ("−5", 5, -5),
    ("答えは－５です", 5, -5),
    ("マイナス7度", 7, -7),
    ("-$5", 5, -5),
    ("20-5", 5, 5),  # a subtraction
    ("1/2", 2, Fraction(1, 2)),
    ("１／２", 2, Fraction(1, 2)),
    ("-1/2", 2, Fraction(-1, 2)),
    ("3分の1", 1, Fraction(1, 3)),
    ("1と1/2", 2, Fraction(3, 2)),
    ("2 3/4", 4, Fraction(11, 4)),
    (r"\frac{1}{2}", 2, Fraction(1, 2)),
    ("1/0", 0, None),
    ("72.", 72, 72),
    ("72。", 72, 72),
    (".5", 0.5, Fraction(1, 2)),
    ("7.50", 7.5, Fraction(15, 2)),
    ("７２", 72, 72),
    ("７．５", 5, Fraction(15, 2)),  # the published rule knows full-width digits, but no such dot
    ("７２個です", 72, 72),
    ("２万円", 2, 20000),
    ("2万5千円", 5, 25000),
    ("1億2,000万", 0, 120000000),  # the published rule reads "000"
    ("50%", 50, 50),
    ("30cm2", 2, 30),
    ("10^3", 3, 10),
    ("20m²", 20, 20),
    ("①", None, None),
    ("十八", None, None),
    ("", None, None),
    ("分かりません", None, None),
    # A trailing check line decides as published, the answer phrase when corrected.
    ("答えは20本です。\n検算: 20+9=29", 29, 20),
    ("29-10+1=20\n答え：20本（9本減る）", 9, 20),
    ("答えは 5×4=20 本です。", 20, 20),
    ("答えは、20個、つまり1人5個です。", 5, 20),
    ("答えは1日あたり20個です。", 20, 20),
    ("The answer is $1,200. Check: 3 * 400 = 1200, 1 left.", 1, 1200),
    ("#### 1,234\n5", 5, 1234),
    (r"\boxed{18} を 2 で割ると 9", 9, 18),
    ("**答え:** 20\n2つ目", 2, 20),
    ("答えは:\n20", 20, 20),
    ("答えは次の通り。\n20本", 20, 20),  # no number in the phrase's sentence
    ("答えは20。いや、答えは21です。残り3", 3, 21),  # the last phrase
    ("### 応答: 8\n7", 7, 7),  # the prompt's own heading is no answer phrase
]


@pytest.mark.parametrize(("reply", "published", "corrected"), QUIRKS)
def test_numbers_worked_by_hand(
    reply: str, published: float | None, corrected: Fraction | None
) -> None:
    assert last_number(reply) == published
    assert final_number(reply) == corrected


JA = "ですから、全部で{}本になります。"
EN = "So there are {} pens in total."
MIXED_EN = "Ken has {} pens because he buys twelve, so the answer is {} ペン です"


@pytest.mark.parametrize(
    ("reply", "expected", "published", "corrected"),
    [
        (JA.format("20"), "20", (1, 1, 1), (1, 1, 1)),
        (JA.format("21"), "20", (0, 1, 0), (0, 1, 0)),
        (EN.format("20"), "20", (1, 0, 0), (1, 0, 0)),
        (MIXED_EN.format(20, 20), "20", (1, 0, 0), (1, 0, 0)),
        (JA.format("1,234"), "1234", (0, 1, 0), (1, 1, 1)),
        (JA.format("1,234"), "1,234", (0, 1, 0), (1, 1, 1)),  # MGSM's own file
        (JA.format("1234"), "1,234", (1, 1, 1), (1, 1, 1)),
        (JA.format("-20"), "20", (1, 1, 1), (0, 1, 0)),
        (JA.format("1/20"), "20", (1, 1, 1), (0, 1, 0)),
        (JA.format("2万"), "20000", (0, 1, 0), (1, 1, 1)),
        (JA.format("20.0"), "20", (1, 1, 1), (1, 1, 1)),
        ("20", "20", (1, 0, 0), (1, 0, 0)),  # digits have no language
        ("", "20", (0, 0, 0), (0, 0, 0)),
    ],
)
def test_figures_worked_by_hand(
    reply: str, expected: str, published: tuple[int, ...], corrected: tuple[int, ...]
) -> None:
    item = Item("1", "?", expected)
    figures = ("acc", "ja", "acc_ja")
    assert sakana_v1(reply, item) == dict(zip(figures, published, strict=True))
    assert clean_v1(reply, item) == dict(zip(figures, corrected, strict=True))


@given(st.one_of(TEXT, NUMBERISH))
def test_the_published_rule_is_the_last_run_of_digits(text: str) -> None:
    assert last_number(text) == scanned(text)


@given(st.one_of(TEXT, NUMBERISH))
def test_any_reply_has_a_number_or_none(text: str) -> None:
    number = final_number(text)
    assert number is None or isinstance(number, Fraction)
    if not any(character.isdecimal() for character in text):
        assert number is None


WIDE = str.maketrans("0123456789,.-", "０１２３４５６７８９，．－")


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "円", "本です。", ".", " km", "%"]),
    st.sampled_from(["", "全部で", "x = ", "約", "$"]),
)
def test_a_number_as_people_write_it(
    value: int, decimals: int, grouped: bool, wide: bool, behind: str, ahead: str
) -> None:
    exact = Fraction(value, 10**decimals)
    written = f"{abs(value) // 10**decimals:{',' if grouped else ''}}"
    if decimals:
        written += f".{abs(value) % 10**decimals:0{decimals}}"
    written = ("-" if value < 0 else "") + written
    reply = ahead + (written.translate(WIDE) if wide else written) + behind
    assert final_number(reply) == exact
    assert final_number(f"答えは{reply}\n検算: 1+2=3") == exact
    if not wide and not (grouped and abs(value) >= 1000 * 10**decimals):
        assert last_number(reply) == abs(float(exact))


@given(st.integers(1000, 10**9))
def test_published_a_separator_hides_what_stands_before_it(value: int) -> None:
    assert last_number(f"{value:,}") == value % 1000


@given(st.lists(st.integers(1, 9999), min_size=1, max_size=3))
def test_units_add_up(parts: list[int]) -> None:
    written = "".join(f"{part}{unit}" for part, unit in zip(parts, ("億", "万", ""), strict=False))
    factors = (10**8, 10**4, 1)
    assert final_number(written) == sum(p * f for p, f in zip(parts, factors, strict=False))


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_fractions(above: int, below: int) -> None:
    value = Fraction(above, below) if below else None
    assert final_number(f"{above}/{below}") == final_number(f"{below}分の{above}") == value


@given(st.one_of(TEXT, NUMBERISH), st.integers(0, 10**6))
def test_the_scorers_differ_in_nothing_but_the_number(reply: str, value: int) -> None:
    item = Item("1", "?", str(value))
    published, corrected = sakana_v1(reply, item), clean_v1(reply, item)
    assert published["ja"] == corrected["ja"]
    for found in (published, corrected):
        assert found["acc_ja"] == found["acc"] * found["ja"]
    assert published["acc"] == (last_number(reply) == value)
    assert corrected["acc"] == (final_number(reply) == value)


@pytest.mark.parametrize(
    ("expected", "value"),
    [("18", 18), ("2,125", 2125), ("-3", -3), ("0.5", Fraction(1, 2)), (" 7 ", 7), ("18.0", 18)],
)
def test_expected_numbers(expected: str, value: Fraction) -> None:
    assert gold(Item("1", "?", expected)) == value


@pytest.mark.parametrize("expected", ["", "1,23", "eighteen", "18本", "1/2", "１８", "1e3", "nan"])
def test_what_is_no_expected_number_is_refused(expected: str) -> None:
    with pytest.raises(BadInput, match=r"item 'seven': the expected answer .* is not a number"):
        gold(Item("seven", "?", expected))


def test_the_gate_is_strict_where_that_of_vqa_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from suite.evaluators.scorers import language

    shares = {"20 half": 0.5, "20 more": 0.5001}
    monkeypatch.setattr(language, "p_japanese", shares.__getitem__)
    item = Item("1", "?", "20")
    for scorer in (sakana_v1, clean_v1):
        assert scorer("20 half", item) == {"acc": 1, "ja": 0, "acc_ja": 0}
        assert scorer("20 more", item) == {"acc": 1, "ja": 1, "acc_ja": 1}
    assert language.is_japanese("20 half")
