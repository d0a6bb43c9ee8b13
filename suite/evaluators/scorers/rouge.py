"""ROUGE-L of Japanese answers as published: the tokenisation, the F measure, the bootstrap median.

After SakanaAI/evolutionary-model-merge @09aff54 (``evomerge/eval``): emoji are removed, text is
normalised by neologdn, white space is folded, MeCab with unidic-lite splits it into words, and
rouge-score compares these. Everything here is a share in [0, 1]; the published tables are times 100.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput

RESAMPLES = 1000
SEED = 42
# The published code draws bootstraps for ROUGE-1, -2 and -L of the plain answers, then for the same
# three of the gated ones, from one stream: so many were drawn before that of each ROUGE-L. (Its first
# data set, JA-VG-VQA-500, has these; a second one goes on with the stream, which no figure here does.)
EARLIER = {"rouge_l": 2, "rouge_l_ja": 5}
_KEPT = 1 << 14  # texts and pairs of them: candidates meet the same references and often agree

# Ranges that are removed besides what the emoji package knows, as (first, last) code points.
_SYMBOLS = ((0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F1E0, 0x1F1FF), (0x2702, 0x27B0))


@functools.lru_cache(_KEPT)
def rouge_l(reference: str, reply: str) -> float:
    """The F measure of the longest common subsequence of words; 0 where either has no words.

    `BadInput` when a package is missing.
    """
    return float(_scorer().score(reference, reply)["rougeL"].fmeasure)


@functools.lru_cache(_KEPT)
def words(text: str) -> tuple[str, ...]:
    """The words of `text` as MeCab splits it, after `clean`."""
    return tuple(_tagger().parse(clean(text)).split())


@functools.lru_cache(_KEPT)
def clean(text: str) -> str:
    """`text` without emoji, normalised by neologdn (width, repeated dashes …), white space folded."""
    emoji, neologdn = _packages()[:2]
    kept = "".join(c for c in text if not (emoji.is_emoji(c) or _is_symbol(c)))
    return " ".join(neologdn.normalize(kept).split())


def published_median(outcomes: Sequence[float], earlier: int = 0) -> float:
    """The published figure: the median of 1000 bootstrap means, instead of the mean.

    Equal to the ``mid`` of rouge-score's `BootstrapAggregator` on NumPy's global generator seeded
    42, after `earlier` aggregations of as many items (`EARLIER`); that generator is not touched.
    """
    rows = _resamples(len(outcomes), earlier)
    means = np.asarray(outcomes, dtype=float)[rows].mean(axis=1)
    return float(np.percentile(means, 50))


@functools.lru_cache(8)
def _resamples(n: int, earlier: int) -> NDArray[np.int32]:
    """The items of each resample, shape (1000, n)."""
    stream = np.random.RandomState(SEED)
    for _ in range(earlier):
        stream.randint(0, n, (RESAMPLES, n))
    return stream.randint(0, n, (RESAMPLES, n)).astype(np.int32)


def _is_symbol(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _SYMBOLS)


class _Words:
    """What rouge-score calls a tokenizer."""

    def tokenize(self, text: str) -> tuple[str, ...]:
        return words(text)


@functools.cache
def _scorer() -> Any:
    _packages()
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise missing(error) from None
    return RougeScorer(["rougeL"], tokenizer=_Words())


@functools.cache
def _tagger() -> Any:
    """MeCab with unidic-lite, named because fugashi would prefer another dictionary if installed."""
    fugashi, dictionary = _packages()[2:]
    return fugashi.Tagger(f'-Owakati -d "{dictionary}"')


@functools.cache
def _packages() -> tuple[Any, Any, Any, str]:
    """emoji, neologdn, fugashi and the folder of the dictionary."""
    try:
        import emoji
        import fugashi
        import neologdn
        import unidic_lite
    except ImportError as error:
        raise missing(error) from None
    return emoji, neologdn, fugashi, unidic_lite.DICDIR


def missing(error: ImportError) -> BadInput:
    """What to say when a package of the extra is not installed."""
    return BadInput(
        f"the VQA metric needs {error.name}, which is not installed: pip install 'merge-suite[vlm]'"
    )
