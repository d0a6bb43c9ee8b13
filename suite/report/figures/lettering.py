"""Letters for figures: which fonts of this machine have them, and how wide a line of them is.

matplotlib ships DejaVu Sans, without kanji and kana. Where a text needs more, a font that is
installed has to have it; a letter that no font has would be drawn as an empty box.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from matplotlib.font_manager import FontEntry, findfont, fontManager, get_font

PLAIN = "DejaVu Sans"
MISSING = "\ufffd"  # drawn for a letter that neither font has; DejaVu Sans has it
# With the shapes that letters have in Japan; then any other font, the plain ones first.
_PREFERRED = re.compile(r"\bJP\b|IPA|Hiragino|Yu Gothic|Meiryo|Takao|VL P?Gothic|Japan")
_LESS = re.compile(r"Mono|Serif|Mincho|Ming|Song")
_LAST_RESORT = re.compile(r"Last ?Resort")  # has a box for every letter there is


@dataclass(frozen=True)
class Lettering:
    """The fonts that a figure is lettered with.

    Attributes
    ----------
    families : tuple of str
        Font families, to be given to matplotlib in this order.
    fonts : tuple of FT2Font
        Their fonts.
    """

    families: tuple[str, ...]
    fonts: tuple[Any, ...]

    @classmethod
    def of(cls, needed: str, wanted: str = "") -> Lettering | None:
        """Choose fonts of this machine.

        Parameters
        ----------
        needed : str
            Letters that all have to be there.
        wanted : str
            Letters of which most should be.

        Returns
        -------
        Lettering or None
            None where no font has all that are needed.
        """
        plain = get_font(findfont(PLAIN))
        letters = _beyond(plain, needed)
        more = letters | _beyond(plain, wanted)
        best = cls((PLAIN,), (plain,))
        if not more:
            return best
        most = 0 if not letters else -1  # DejaVu Sans alone has none of them
        chosen = None if letters else best
        for entry, font in _candidates():
            lacking = _beyond(font, "".join(more))
            if not lacking & letters and len(more - lacking) > most:
                most = len(more - lacking)
                chosen = cls((PLAIN, entry.name), (plain, font))
            if not lacking:
                break
        return chosen

    def clean(self, text: str) -> str:
        """Write text as it can be drawn: white space as a space, letters that are missing marked.

        Parameters
        ----------
        text : str

        Returns
        -------
        str
        """
        return "".join(
            " " if letter.isspace() else letter if self._font(letter) else MISSING
            for letter in text
        )

    def width(self, text: str, size: float) -> float:
        """Measure a line.

        Parameters
        ----------
        text : str
            Clean.
        size : float
            Of the letters, in points.

        Returns
        -------
        float
            In points.
        """
        total = 0.0
        for letter in text:
            font = self._font(letter)
            font.set_size(size, 72)
            total += font.load_char(ord(letter)).linearHoriAdvance / 65536
        return total

    def wrapped(self, text: str, size: float, width: float, most: int) -> list[str]:
        """Break text into lines, at spaces and after any letter that is not ASCII.

        Parameters
        ----------
        text : str
        size : float
            Of the letters, in points.
        width : float
            That no line exceeds, in points.
        most : int
            Lines; what does not fit ends in an ellipsis.

        Returns
        -------
        list of str
        """
        lines = []
        for paragraph in text.strip().splitlines():
            line = ""
            for piece in re.findall(r"[!-~]+|.", self.clean(paragraph)):
                for part in [piece] if self.width(piece, size) <= width else piece:
                    if self.width(line + part, size) > width:
                        lines.append(line.rstrip())
                        line = ""
                    line = (line + part).lstrip()
            lines.append(line)
        if len(lines) <= most:
            return lines
        last = lines[most - 1]
        while last and self.width(last + "…", size) > width:
            last = last[:-1]
        return [*lines[: most - 1], last + "…"]

    def _font(self, letter: str) -> Any:
        return next((font for font in self.fonts if font.get_char_index(ord(letter))), None)


def _beyond(font: Any, text: str) -> set[str]:
    """Find the letters of `text` that `font` has not."""
    return {c for c in text if not c.isspace() and not font.get_char_index(ord(c))}


def _candidates() -> Iterator[tuple[FontEntry, Any]]:
    """Upright fonts of ordinary weight, those that suit Japanese first."""
    entries = [
        entry
        for entry in fontManager.ttflist
        if (entry.style, str(entry.weight)) in (("normal", "400"), ("normal", "normal"))
        and not _LAST_RESORT.search(entry.name)
    ]

    def order(entry: FontEntry) -> tuple[bool, bool, str, str]:
        name = entry.name
        return not _PREFERRED.search(name), bool(_LESS.search(name)), name, entry.fname

    for entry in sorted(entries, key=order):
        try:
            yield entry, get_font(entry.fname)
        except (OSError, RuntimeError):  # listed once, and gone or damaged since
            continue
