"""The keys of a plain mapping, read as what they must be: a wrong one is one clear line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.errors import BadInput


class Fields:
    """A mapping as configuration gives it.

    Parameters
    ----------
    given : mapping
        Plain types. A key that is not there and one that is null say the same.
    where : str
        What messages begin with, its own punctuation included: ``task zdt1: ``, ``merging.``.
    """

    def __init__(self, given: Any, where: str = "") -> None:
        if not isinstance(given, Mapping):
            what = where.rstrip(".: ") or "configuration"
            raise BadInput(f"{what}: must map keys to values; it is {given!r}")
        self._given, self._where = given, where

    def text(self, key: str) -> str:
        """A text that must be there."""
        found = self.maybe_text(key)
        if not found:
            raise self._wrong(key, "a text")
        return found

    def maybe_text(self, key: str) -> str | None:
        found: str | None = self._of(key, str, "a text or null")
        return found

    def whole(self, key: str, least: int) -> int:
        """A whole number that must be there, `least` or more."""
        value = self._given.get(key)
        if type(value) is not int or value < least:
            raise self._wrong(key, f"a whole number, {least} or more")
        return value

    def maybe_whole(self, key: str, least: int) -> int | None:
        return None if self._given.get(key) is None else self.whole(key, least)

    def yes(self, key: str, default: bool) -> bool:
        """True or false; `default` where nothing is said."""
        found = self._of(key, bool, "true or false")
        return default if found is None else bool(found)

    def mapping(self, key: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._of(
            key, Mapping, "a mapping of keys to values or null"
        )
        return found

    def texts_by_name(self, key: str) -> dict[str, str]:
        """A mapping of names to texts; an empty one where nothing is said."""
        found = self.mapping(key) or {}
        if not all(isinstance(each, str) for pair in found.items() for each in pair):
            raise self._wrong(key, "a mapping of names to texts")
        return dict(found)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; none where nothing is said."""
        value = self._given.get(key)
        found = () if value is None else value
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self._wrong(key, "a list of texts")
        if not all(isinstance(each, str) for each in found):
            raise self._wrong(key, "a list of texts")
        return tuple(found)

    def _of(self, key: str, kind: Any, wanted: str) -> Any:
        value = self._given.get(key)
        if value is not None and not isinstance(value, kind):
            raise self._wrong(key, wanted)
        return value

    def _wrong(self, key: str, wanted: str) -> BadInput:
        if key not in self._given:
            return BadInput(f"{self._where}{key} is missing: must be {wanted}")
        return BadInput(f"{self._where}{key}={self._given[key]}: must be {wanted}")
