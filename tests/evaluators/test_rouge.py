from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import scoring

from suite.errors import BadInput
from suite.evaluators.scorers import rouge
from suite.evaluators.scorers.rouge import EARLIER, clean, published_median, rouge_l, words

TEXT = st.text(
    st.sampled_from("赤い青円は左上にあります。いいえーﾊﾝｶｸ３3red blue\n　😀☀"), max_size=24
)


def longest(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Length of the longest common subsequence, by its recursive definition."""

    @lru_cache(None)
    def of(i: int, j: int) -> int:
        if not i or not j:
            return 0
        if a[i - 1] == b[j - 1]:
            return of(i - 1, j - 1) + 1
        return max(of(i - 1, j), of(i, j - 1))

    return of(len(a), len(b))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("赤い円😀です", "赤い円です"),
        ("☀晴れ✂🇯🇵🚗", "晴れ"),
        ("ﾊﾝｶｸ　ＡＢＣ　１２３", "ハンカクABC 123"),  # width; a space beside kana falls away
        ("すごーーーい〜〜", "すごーい"),
        ("  a \n\t b  ", "a b"),
        ("赤 い 円", "赤い円"),
        ("", ""),
        ("😀", ""),
    ],
)
def test_cleaning(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("reference", "reply", "share"),
    [
        ("赤い円です。", "赤い円です。", 1),
        ("赤い円です。", "赤 い 円 で す 。", 1),  # 赤い 円 です 。
        ("赤い円です。", "青い円です。", 3 / 4),
        ("赤い円です。", "円です。", 2 * 3 / (4 + 3)),
        ("赤い円です。", "円", 2 * 1 / (4 + 1)),
        ("赤い円です。", "です円", 2 * 1 / (4 + 2)),  # order counts
        ("赤い円😀です。", "赤い円です。☀", 1),
        ("ＡＢＣ", "ABC", 1),
        ("１２３", "123", 1),
        ("red circle", "Red circle", 1 / 2),  # case counts
        ("red circle", "the red circle", 2 * 2 / (2 + 3)),
        ("赤い円です。", "red circle", 0),
        ("赤い円です。", "", 0),
        ("赤い円です。", "😀", 0),
        ("", "赤い円です。", 0),
        ("", "", 0),
    ],
)
def test_shares_worked_by_hand(reference: str, reply: str, share: float) -> None:
    assert rouge_l(reference, reply) == pytest.approx(share, abs=1e-12)


@settings(max_examples=200)
@given(TEXT, TEXT)
def test_the_share_is_the_f_measure_of_the_longest_common_subsequence(a: str, b: str) -> None:
    total = len(words(a)) + len(words(b))
    assert rouge_l(a, b) == pytest.approx(2 * longest(words(a), words(b)) / max(total, 1))
    assert rouge_l(b, a) == pytest.approx(rouge_l(a, b))
    assert 0 <= rouge_l(a, b) <= 1
    assert rouge_l(a, a) == float(bool(words(a)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_can_be_scored(text: str) -> None:
    assert 0 <= rouge_l("赤い円です。", text) <= 1


@pytest.fixture
def kept_generator() -> Iterator[None]:
    state = np.random.get_state()
    yield
    np.random.set_state(state)


@pytest.mark.usefixtures("kept_generator")
@pytest.mark.parametrize("n", [1, 2, 50, 137])
def test_the_median_is_that_of_the_published_stream(n: int) -> None:
    """rouge-score aggregates three kinds of plain and then of gated answers, from one generator."""
    drawn = np.random.default_rng(n).random((2, 3, n))
    np.random.seed(42)
    medians = []
    for answers in drawn:
        aggregator = scoring.BootstrapAggregator()
        for rows in answers.T:
            kinds = zip(("rouge1", "rouge2", "rougeL"), rows, strict=True)
            aggregator.add_scores({kind: scoring.Score(0, 0, value) for kind, value in kinds})
        medians.append(aggregator.aggregate()["rougeL"].mid.fmeasure)
    plain = published_median(drawn[0, 2], EARLIER["rouge_l"])
    gated = published_median(drawn[1, 2], EARLIER["rouge_l_ja"])
    assert [plain, gated] == pytest.approx(medians, abs=1e-12)


def test_the_median_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()
    published_median([0.1, 0.9, 0.4])
    after = np.random.get_state()
    assert before[2:] == after[2:] and (before[1] == after[1]).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_median_lies_within_the_outcomes(outcomes: list[float]) -> None:
    median = published_median(outcomes)
    assert min(outcomes) - 1e-12 <= median <= max(outcomes) + 1e-12


@pytest.mark.parametrize("package", ["emoji", "fugashi", "neologdn", "unidic_lite", "rouge_score"])
def test_a_missing_package_names_the_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    caches = (rouge._packages, rouge._scorer, rouge._tagger, rouge_l)
    for cache in caches:
        cache.cache_clear()
    try:
        with pytest.raises(BadInput, match=rf"{package}.*merge-suite\[vlm\]"):
            rouge_l("赤", "青")
    finally:
        for cache in caches:
            cache.cache_clear()
