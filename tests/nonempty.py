"""Loops of tests that look at something: an assertion inside a loop over nothing would always hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def some(found: Iterable[T]) -> list[T]:
    """What was found, in order; `AssertionError` when that is nothing.

    >>> some(range(2))
    [0, 1]
    """
    rows = list(found)
    assert rows, "nothing was found to look at"
    return rows
