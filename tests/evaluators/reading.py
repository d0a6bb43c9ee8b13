"""The published reading of numbers, found without regular expressions."""

from __future__ import annotations


def scanned(text: str) -> float | None:
    r"""The last leftmost-longest run of digits, optional dot, digits."""
    found, at = None, 0
    while at < len(text):
        end = at
        while end < len(text) and text[end].isdecimal():
            end += 1
        if end + 1 < len(text) and text[end] == "." and text[end + 1].isdecimal():
            end += 1
            while end < len(text) and text[end].isdecimal():
                end += 1
        if end > at:
            found = float(text[at:end])
        at = max(end, at + 1)
    return found
