"""Every figure that figures.py lists stands in its file, and is what the result files give."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.independent import study
from tests.independent.figures import FIGURES, Figure

SHOWN = re.compile(r"\{([^{}]*)\}")


def digits(text: str) -> int:
    """Digits behind the point."""
    return len(text.partition(".")[2])


def plain(text: str) -> str:
    """White space made one, so that a phrase may run over lines."""
    return " ".join(text.split())


def wrong(figure: Figure) -> Iterator[str]:
    """Figures of a phrase that are not what they should be."""
    shown, found = SHOWN.findall(figure.phrase), list(figure.compute())
    if len(shown) != len(found):
        yield f"{len(shown)} figures are shown, {len(found)} computed"
        return
    for said, value in zip(shown, found, strict=True):
        number = float(said.replace("−", "-").replace(",", ""))
        # half a unit of the last digit, and what floats lose there: 41.85 may be shown as 41.8
        if abs(number - value) > (0.5 + 1e-6) * 10.0 ** -digits(said) + figure.off:
            yield f"{said} is said, {value:.6g} found"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.file}: {f.phrase[:40]}")
def test_figure(figure: Figure) -> None:
    text = plain((study.ROOT / figure.file).read_text(encoding="utf-8"))
    phrase = plain(figure.phrase.replace("{", "").replace("}", ""))
    assert phrase in text, f"{figure.file} says no longer: {phrase}"
    assert not list(wrong(figure)), figure.phrase


def test_a_wrong_figure_is_found() -> None:
    good = Figure("README.md", "{41.8} of {80}, {.310}", lambda: [41.85, 80, 0.30984])
    assert not list(wrong(good))
    bad = Figure("README.md", "{41.7} of {80}, {.309}", lambda: [41.85, 80, 0.30984])
    assert [each.split()[0] for each in wrong(bad)] == ["41.7", ".309"]
    assert list(wrong(Figure("README.md", "{41.7}", lambda: [1, 2])))


def test_no_phrase_is_listed_twice() -> None:
    listed = [(f.file, f.phrase) for f in FIGURES]
    assert len(set(listed)) == len(listed)
