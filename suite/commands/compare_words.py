"""The words of `suite compare`, and how seeds are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from suite.errors import BadInput
from suite.statistics import claim as claims
from suite.statistics.equivalence import check_margin

OWN = ("claim", "effect", "power", "alpha", "margin", "seeds", "split")
SPLITS = ("report", "search")
SEEDS = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")
MOST = 10_000  # seeds that a range may name


@dataclass(frozen=True)
class Words:
    """What was asked for. `given` names the options that were written out.

    `count` is how many fresh seeds were wanted, `named` the seeds themselves; both may be None.
    `overrides` are those of `suite run`.
    """

    claim: str
    effect: float
    power: float
    alpha: float
    margin: float | None
    count: int | None
    named: tuple[int, ...] | None
    split: str
    overrides: tuple[str, ...]
    dry: bool
    given: frozenset[str]


def parse(words: Iterable[str]) -> Words:
    """The words behind ``suite compare``; `BadInput` names the one that cannot be used."""
    options, overrides, dry = {"effect": "1", "power": "0.8", "alpha": "0.05"}, [], False
    given = set()
    for word in words:
        key, mark, value = word.partition("=")
        if key in OWN and mark:
            options[key] = value
            given.add(key)
        elif key in ("task", "optimizer", "seed"):
            raise BadInput(f"compare: {word!r}: task, optimizers and seeds follow from the claim")
        elif word == "--dry-run":
            dry = True
        else:
            overrides.append(word)
    split = options.get("split", SPLITS[0])
    if split not in SPLITS:
        raise BadInput(f"split={split}: allowed are {', '.join(SPLITS)}")
    margin = _number(options, "margin") if "margin" in options else None
    if margin is not None:
        check_margin(margin)
    alpha = _number(options, "alpha")
    claims.check_alpha(alpha)
    count, named = _seeds(options.get("seeds"))
    return Words(
        claim=options.get("claim", ""),
        effect=_number(options, "effect"),
        power=_number(options, "power"),
        alpha=alpha,
        margin=margin,
        count=count,
        named=named,
        split=split,
        overrides=tuple(overrides),
        dry=dry,
        given=frozenset(given),
    )


def spans(seeds: Iterable[int]) -> str:
    """Seeds as they are written: ranges and single ones, ascending.

    >>> spans([3, 0, 1, 2, 7])
    '0-3,7'
    """
    rows: list[list[int]] = []
    for seed in sorted(seeds):
        if rows and seed == rows[-1][-1] + 1:
            rows[-1].append(seed)
        else:
            rows.append([seed])
    return ",".join(f"{row[0]}-{row[-1]}" if len(row) > 1 else str(row[0]) for row in rows)


def _seeds(text: str | None) -> tuple[int | None, tuple[int, ...] | None]:
    """A number of seeds, or the seeds that are named."""
    if text is None:
        return None, None
    plain = text.strip("[]").replace(" ", "")
    if not SEEDS.fullmatch(plain):
        raise BadInput(f"seeds={text}: write how many (20: fresh ones), or which: 0-9, or 0,3,5-8")
    if plain.isdecimal():
        return int(plain), None
    found: list[int] = []
    for part in plain.split(","):
        low, _, high = part.partition("-")
        first, last = int(low), int(high or low)
        if not first <= last < first + MOST:
            raise BadInput(f"seeds={text}: {part} must ascend, over {MOST} seeds at most")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise BadInput(f"seeds={text}: a seed is named twice")
    return None, tuple(sorted(found))


def _number(options: dict[str, str], key: str) -> float:
    try:
        return float(options[key])
    except ValueError:
        raise BadInput(f"{key}={options[key]}: not a number") from None
