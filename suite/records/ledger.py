"""The ledger of a task's claims: what was going to be asked, before any data, and what came of it.

``results/<task>/claims/ledger.jsonl`` is only ever appended to. A line is a *registration*, written
and synced before the first of its runs is made, or the *answer* to one, which names the number of the
registration's line. Lines are added under a lock, so that two processes cannot register one look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.records import files
from suite.records.journal import records
from suite.statistics.claim import Claim

NAME = "ledger.jsonl"


@dataclass(frozen=True)
class Question:
    """What a claim asks; which way round it asks is no part of it.

    `measure` says whose hypervolume: of report items, search items, or the value itself of a problem
    without items.
    """

    strategies: frozenset[str]
    task: str
    measure: str
    trials: int


@dataclass(frozen=True)
class Registration:
    """One look at a claim, planned.

    Attributes
    ----------
    time : ISO 8601, UTC
    claim : as in `suite.statistics.claim.Claim`
    measure, trials : see `Question`
    look : 1 for the first; 0 for an exploratory one
    exploratory : its seeds had been seen, or were named although they had: it proves nothing
    seeds : of this look alone, ascending within a look
    effect, power : what the number of seeds was planned for
    alpha : of the whole claim
    margin : of equivalence, on the scale of hypervolume; None: not asked about
    settings : overrides of the runs' configuration
    seen : by strategy the runs that existed: rows of seeds, trials and whether they were judged
    """

    time: str
    claim: str
    measure: str
    trials: int
    look: int
    exploratory: bool
    seeds: tuple[int, ...]
    effect: float
    power: float
    alpha: float
    margin: float | None
    settings: tuple[str, ...]
    seen: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def question(self) -> Question:
        claim = Claim.parse(self.claim)
        strategies = frozenset((claim.better, claim.other))
        return Question(strategies, claim.task, self.measure, self.trials)


@dataclass(frozen=True)
class Entry:
    """A registration, the number of its line, and its answer as the ledger has it, if there is one."""

    line: int
    registered: Registration
    answer: Mapping[str, Any] | None = None


class Ledger:
    """The ledger in ``<results>/<task>/claims``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._file = records(self.path)

    def entries(self) -> list[Entry]:
        """Every registration in order, with its answer.

        Raises
        ------
        BadInput
            naming the line that is damaged; one torn at the end by a crash does not count
        """
        found: dict[int, Entry] = {}
        for number, row in enumerate(self._file.read(), start=1):
            try:
                if row["kind"] == "registered":
                    found[number] = Entry(number, _registration(row))
                elif row["kind"] == "answered":
                    before = found[row["registration"]]
                    if before.answer is not None:
                        raise ValueError("answered twice")
                    answer = {**row, "verdict": str(row["verdict"]), "values": dict(row["values"])}
                    found[before.line] = Entry(before.line, before.registered, answer)
                else:
                    raise ValueError("of no kind")
            except (KeyError, TypeError, ValueError, BadInput):
                raise BadInput(
                    f"{self.path}, line {number}: damaged; restore the file, nothing is asked on"
                    " top of a damaged ledger"
                ) from None
        return list(found.values())

    def register(self, decide: Callable[[Sequence[Entry]], Registration | Entry]) -> Entry:
        """Append what `decide` makes of the entries there are; nobody else appends meanwhile.

        An `Entry` that it returns instead, one that is there already, is handed back.
        """
        with self._locked():
            before = self.entries()
            decided = decide(before)
            if isinstance(decided, Entry):
                return decided
            line = len(self._file.read()) + 1
            self._file.append({"kind": "registered", **asdict(decided)})
            return Entry(line, decided)

    def answer(self, entry: Entry, answer: Mapping[str, Any]) -> Entry:
        """Append the answer to `entry`; one that another process has given first stands."""
        with self._locked():
            now = next(known for known in self.entries() if known.line == entry.line)
            if now.answer is not None:
                return now
            row = {"kind": "answered", "registration": entry.line, **answer}
            self._file.append(row)
            return Entry(entry.line, entry.registered, row)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        files.make_writable(self.path.parent)
        with files.locked(self.path):
            yield


def looks(entries: Iterable[Entry], question: Question) -> list[Entry]:
    """The looks at a question so far, exploratory ones aside."""
    return [
        entry
        for entry in entries
        if not entry.registered.exploratory and entry.registered.question == question
    ]


def used_seeds(entries: Iterable[Entry], claim: Claim) -> set[int]:
    """Seeds that a registration has which one of the claim's strategies takes part in."""
    own = {claim.better, claim.other}
    return {
        seed
        for entry in entries
        if own & entry.registered.question.strategies
        for seed in entry.registered.seeds
    }


def fresh_block(count: int, used: set[int]) -> tuple[int, ...]:
    """The first `count` seeds in a row, from 0 on, none of them `used`.

    >>> fresh_block(3, {0, 1, 4})
    (5, 6, 7)
    """
    start = 0
    while taken := used & set(range(start, start + count)):
        start = max(taken) + 1
    return tuple(range(start, start + count))


def _registration(row: Mapping[str, Any]) -> Registration:
    values = {field.name: row[field.name] for field in fields(Registration)}
    for name in ("seeds", "settings"):
        values[name] = tuple(values[name])
    if not all(isinstance(seed, int) for seed in values["seeds"]) or not values["seeds"]:
        raise ValueError("seeds")
    found = Registration(**values)
    if not found.question.strategies:
        raise ValueError("claim")
    for name in ("look", "trials", "alpha"):
        if not isinstance(values[name], int | float):
            raise ValueError(name)
    return found
