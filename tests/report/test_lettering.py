"""Letters: every one that is drawn is one that a font has, and lines keep to their width."""

from __future__ import annotations

import pytest
from matplotlib.font_manager import fontManager

from suite.report.figures import lettering
from suite.report.figures.lettering import MISSING, PLAIN, Lettering

NOWHERE = "\U000e0041\uf8f0"  # a tag and a private letter, which no font is for
KANA = "ひだりに見える"


@pytest.fixture
def only_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fonts that come with matplotlib, one of which has a box for every letter."""
    shipped = [entry for entry in fontManager.ttflist if "mpl-data" in str(entry.fname)]
    monkeypatch.setattr(fontManager, "ttflist", shipped)


def plain() -> Lettering:
    found = Lettering.of("")
    assert found is not None
    return found


def test_latin_needs_no_other_font(only_shipped: None) -> None:
    assert plain().families == (PLAIN,)
    found = Lettering.of("right ✓ wrong ✗ …", wanted="~")
    assert found is not None
    assert found.families == (PLAIN,)


def test_without_a_font_there_is_no_lettering(only_shipped: None) -> None:
    assert Lettering.of(KANA) is None
    found = Lettering.of("an answer", wanted=KANA)  # which only the answers would need
    assert found is not None
    assert found.clean("見a え") == f"{MISSING}a {MISSING}"


def test_a_font_that_is_gone_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = [e for e in fontManager.ttflist if e.name == PLAIN]
    gone = [type(e)(**{**vars(e), "fname": "/nowhere/gone.ttf", "name": "Gone JP"}) for e in gone]
    monkeypatch.setattr(fontManager, "ttflist", gone)
    assert Lettering.of(KANA) is None


def test_japanese_letters_come_from_a_font_that_has_them() -> None:
    found = Lettering.of(KANA)
    if found is None:
        pytest.skip("no font with kana")
    assert found.families[0] == PLAIN
    assert "Last" not in found.families[1]
    assert found.clean(KANA) == KANA
    assert found.clean(f"a\t{NOWHERE}") == "a " + MISSING * 2
    assert found.width(KANA, 9.0) == pytest.approx(9.0 * len(KANA), rel=1e-3)
    assert Lettering.of(KANA + NOWHERE) is None


@pytest.mark.parametrize("text", ["one two three four five six", "a" * 60, "見 " * 20, "x\n\ny z"])
def test_lines_keep_to_their_width(text: str) -> None:
    letters = plain()
    lines = letters.wrapped(text, 9.0, 60.0, most=99)
    assert all(letters.width(line, 9.0) <= 60.0 for line in lines)
    assert "".join(lines).replace(" ", "") == letters.clean(text).replace(" ", "")
    short = letters.wrapped(text, 9.0, 60.0, most=2)
    assert len(short) == 2
    assert short == lines if len(lines) == 2 else short[-1].endswith("…")
    assert letters.width(short[-1], 9.0) <= 60.0


def test_words_stay_whole() -> None:
    assert plain().wrapped("seven eight", 9.0, 40.0, 9) == ["seven", "eight"]
    assert plain().wrapped("", 9.0, 40.0, 9) == []


def test_fonts_for_japan_come_first() -> None:
    names = [entry.name for entry, _ in lettering._candidates()]
    assert not any("Last" in name for name in names)
    marks = [bool(lettering._PREFERRED.search(name)) for name in names]
    assert marks == sorted(marks, reverse=True)
