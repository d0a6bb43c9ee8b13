"""Trials and their scores: what one journal line says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

_CODES = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Score:
    """A measured figure in natural units.

    `stderr` is the standard error of the mean over `n` items; `items` the outcome of each item in
    the split's order, so that two models' scores on one split can be compared in pairs.
    """

    value: float
    stderr: float
    n: int
    items: tuple[float, ...] = ()

    @classmethod
    def mean(cls, outcomes: Sequence[float]) -> Score:
        """The mean of per-item outcomes, with its standard error (0 for fewer than two items)."""
        values = np.asarray(outcomes, dtype=float)
        n = len(values)
        stderr = float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else 0.0
        return cls(float(values.mean()), stderr, n, tuple(values.tolist()))

    def to_json(self) -> dict[str, Any]:
        """Plain types; outcomes that repeat are written as a string of one character each."""
        items = _packed(self.items)
        return {"value": self.value, "stderr": self.stderr, "n": self.n, "items": items}

    def plain(self) -> Score:
        """The same in Python's own numbers, which is all that JSON knows.

        Returns
        -------
        Score
            Equal to this one; numpy's numbers and arrays are converted.

        Raises
        ------
        ValueError
            For what is not finite or no number, a negative `stderr`, or an `n` that is no count.

        Examples
        --------
        >>> Score(np.float64(0.5), 0.5, np.int64(2), np.array([0.0, 1.0])).plain()
        Score(value=0.5, stderr=0.5, n=2, items=(0.0, 1.0))
        """
        value = plain_number(self.value, "value")
        stderr = plain_number(self.stderr, "stderr")
        if stderr < 0:
            raise ValueError(f"stderr {stderr} is negative")
        n = plain_number(self.n, "n")
        if n != int(n) or n < 0:
            raise ValueError(f"n {n} is no number of items")
        return Score(value, stderr, int(n), _plain_items(self.items))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Score:
        return cls(data["value"], data["stderr"], data["n"], _unpacked(data["items"]))


@dataclass(frozen=True)
class Trial:
    """One candidate measured once.

    `x` has shape (d,), `losses` shape (m,); a failed trial has `error`, no scores and no losses.
    `seconds` splits the wall time: merge, evaluate, total; of a failed trial it has the total alone.
    """

    number: int
    x: tuple[float, ...]
    recipe: Mapping[str, Any]
    status: Literal["ok", "failed"]
    error: str | None
    scores: Mapping[str, Score]
    losses: tuple[float, ...]
    seconds: Mapping[str, float]

    def to_line(self) -> str:
        """One line of JSON without its newline; floats keep every bit."""
        fields = {**self.__dict__, "scores": {k: s.to_json() for k, s in self.scores.items()}}
        return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> Trial:
        """The trial of a line; `ValueError`, `KeyError` or `TypeError` when it is not one."""
        data = json.loads(line)
        return cls(
            number=data["number"],
            x=tuple(data["x"]),
            recipe=data["recipe"],
            status=data["status"],
            error=data["error"],
            scores={name: Score.from_json(score) for name, score in data["scores"].items()},
            losses=tuple(data["losses"]),
            seconds=data["seconds"],
        )


def plain_number(value: object, what: str) -> float:
    """`value` as a finite number of Python's own.

    Parameters
    ----------
    value : object
        Python's numbers stay as they are; numpy's are converted.
    what : str
        What it is, for the message.

    Returns
    -------
    float
        Or int where `value` is one.

    Raises
    ------
    ValueError
        For what is not finite, or no number at all.

    Examples
    --------
    >>> plain_number(np.float32(0.5), "value")
    0.5
    """
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.longdouble):  # a longdouble is its own item
        value = float(value)
    if not isinstance(value, int | float):
        raise ValueError(f"{what} is no number ({type(value).__name__})")
    if not math.isfinite(_float(value)):
        raise ValueError(f"{what} {value} is not finite")
    return value


def _plain_items(given: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    items = given.tolist() if isinstance(given, np.ndarray) else given
    # Thousands of a candidate: one look at all of them, and at each only where that finds fault.
    if {*map(type, items)} <= {float} and np.isfinite(np.array(items, dtype=float)).all():
        return tuple(items)
    return tuple(plain_number(item, f"items[{i}]") for i, item in enumerate(items))


def _float(value: float) -> float:
    """Infinite for an int that no float holds."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _packed(items: tuple[float, ...]) -> Any:
    """Outcomes of 0 and 1 as digits; few distinct ones as ``{values, codes}``, base 36; else a list."""
    if all(item in (0.0, 1.0) for item in items):
        return "".join(str(int(item)) for item in items)
    values = sorted(set(items))
    if len(values) > len(_CODES) or 2 * len(values) > len(items):
        return list(items)
    code = dict(zip(values, _CODES, strict=False))
    return {"values": values, "codes": "".join(code[item] for item in items)}


def _unpacked(items: Any) -> tuple[float, ...]:
    if isinstance(items, Mapping):
        return tuple(float(items["values"][int(code, 36)]) for code in items["codes"])
    return tuple(float(item) for item in items)
