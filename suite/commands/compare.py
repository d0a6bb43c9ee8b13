"""`suite compare`: a claim about two strategies, from plan to answer.

The seeds that a stated effect needs are counted and registered in the ledger before the first run is
made, on seeds that nobody has seen; exactly those decide. Asked again, an undecided claim gets a
further look, for which a part of its α was kept. On seeds that were seen an answer is exploratory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from suite.commands import compare_list, compare_words
from suite.commands.compare_runs import Runs
from suite.commands.compare_words import Words, spans
from suite.errors import BadInput
from suite.records.ledger import (
    Entry,
    Ledger,
    Question,
    Registration,
    fresh_block,
    looks,
    used_seeds,
)
from suite.statistics import claim as claims
from suite.statistics.claim import Answer, Claim

PLAN = ("effect", "power", "alpha", "margin")


def main(words: list[str]) -> None:
    """Answer ``claim="nsga2 > random on ja_math_micro"``; the other words are those of `suite run`.

    ``--list task=…`` prints the task's ledger instead.
    """
    if "--list" in words:
        compare_list.print_ledger([word for word in words[1:] if word != "--list"])
        return
    wanted = compare_words.parse(words[1:])
    asked = Asked(wanted)
    decided = asked.decide(asked.ledger.entries())  # refuses before a folder is made
    if wanted.dry:
        entry = decided if isinstance(decided, Entry) else Entry(0, decided)
        compare_list.print_plan(entry, asked.claim, planned=True)
        _print_runs(asked.runs, entry)
        return
    entry = asked.ledger.register(asked.decide)
    if entry.answer is None:
        compare_list.print_plan(entry, asked.claim)
        _print_runs(asked.runs, entry)
        asked.runs.make(entry.registered.seeds)
        entry = asked.ledger.answer(entry, asked.answer(entry))
        print()
    else:
        print("answered before:")
    compare_list.print_answer(entry, asked.claim, asked.ledger.path)


class Asked:
    """A claim with the words it is asked in, the runs behind it and the ledger it goes to."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.claim = Claim.parse(words.claim)
        self.needed = claims.seeds_needed(words.effect, words.power, words.alpha)
        self.runs = Runs(self.claim, words.overrides)
        self.ledger = Ledger(self.runs.results.claims)
        self.runs.check_settings()
        measure = self.runs.measure(words.split)
        strategies = frozenset((self.claim.better, self.claim.other))
        self.question = Question(strategies, self.claim.task, measure, self.runs.trials)

    def decide(self, entries: Sequence[Entry]) -> Registration | Entry:
        """The look that is to be made next, or the one that is open, or the one that decided."""
        used = self.runs.used() | used_seeds(entries, self.claim)
        before, named = looks(entries, self.question), self.words.named
        last = before[-1] if before else None
        if last and last.answer is None and named in (None, last.registered.seeds):
            return self._same_plan(last, PLAN)
        if named and used & set(named):
            return self._exploratory(entries, named)
        if last and last.answer is None:
            raise BadInput(
                f"claim {self.claim}: look {last.registered.look} is registered with seeds"
                f" {spans(last.registered.seeds)} and not answered; the claim alone goes on with it"
            )
        if last and last.answer and last.answer["verdict"] != "undecided":
            return last
        if last:
            self._same_plan(last, ("alpha", "margin"))
        seeds = named or fresh_block(self._count(before), used)
        self._check_enough(len(seeds), further=last is not None)
        return self._registration(seeds, len(before) + 1, before)

    def answer(self, entry: Entry) -> dict[str, Any]:
        """What the runs of `entry`, with those of the looks before it, say."""
        new, plan = entry.registered, entry.registered
        found = self.runs.values(new.seeds, new.measure)
        earlier = [] if new.exploratory else looks(self.ledger.entries(), self.question)
        rows = [known.answer["values"] for known in earlier if known.answer]
        rows.append({name: {str(s): v for s, v in row.items()} for name, row in found.items()})
        claim = Claim.parse(new.claim)
        better, other = (
            [value for row in rows for value in row[name].values()]
            for name in (claim.better, claim.other)
        )
        first = len(rows[0][claim.better]) if len(rows) > 1 else None
        said = claims.answer(better, other, first, plan.alpha, plan.margin)
        return {
            "time": _now(),
            "claim": new.claim,
            "look": new.look,
            "values": rows[-1],
        } | _as_json(said, new.exploratory)

    def _registration(
        self, seeds: tuple[int, ...], look: int, before: Sequence[Entry] = ()
    ) -> Registration:
        first = before[0].registered if before else None
        return Registration(
            time=_now(),
            claim=str(self.claim),
            measure=self.question.measure,
            trials=self.question.trials,
            look=look,
            exploratory=look == 0,
            seeds=seeds,
            effect=self.words.effect,
            power=self.words.power,
            alpha=first.alpha if first else self.words.alpha,
            margin=first.margin if first else self.words.margin,
            settings=tuple(w for w in self.words.overrides if not w.startswith(_NO_SETTINGS)),
            seen=self.runs.seen(),
        )

    def _exploratory(
        self, entries: Sequence[Entry], named: tuple[int, ...]
    ) -> Registration | Entry:
        """On seeds that were seen; one that was interrupted goes on."""
        self._check_enough(len(named), further=False)
        for entry in entries:
            known = entry.registered
            same = known.question == self.question and known.seeds == named
            if known.exploratory and same and entry.answer is None:
                return self._same_plan(entry, PLAN)
        return self._registration(named, look=0)

    def _same_plan(self, entry: Entry, keys: Sequence[str]) -> Entry:
        """`entry`; `BadInput` when the words ask for another plan than the one it was registered with."""
        for key in keys:
            was, now = getattr(entry.registered, key), getattr(self.words, key)
            if key in self.words.given and now != was:
                raise BadInput(
                    f"claim {self.claim}: {key}={now:g}: look {entry.registered.look} was registered"
                    f" with {'none' if was is None else format(was, 'g')}, which stands for the claim"
                )
        return entry

    def _count(self, before: Sequence[Entry]) -> int:
        """As many as were asked for, else those that are needed, else as many as the first look had."""
        if self.words.count is not None:
            return self.words.count
        return len(before[0].registered.seeds) if before else self.needed

    def _check_enough(self, count: int, further: bool) -> None:
        least = 1 if further else claims.fewest_seeds(self.words.alpha)
        if not least <= count <= claims.MOST_SEEDS:
            raise BadInput(
                f"seeds: {count} asked for; allowed are {least} to {claims.MOST_SEEDS}: fewer can"
                f" never give a p below the first look's {claims.FIRST * self.words.alpha:g}"
            )


_NO_SETTINGS = ("results=", "device=", "tracker", "batch_size=", "merging.", "trials=", "--")


def _as_json(answer: Answer, exploratory: bool) -> dict[str, Any]:
    """An answer as the ledger has it; an end that is not bounded is null."""
    found = asdict(answer)
    for end in ("low", "high"):
        found[end] = found[end] if math.isfinite(found[end]) else None
    if exploratory:
        found["verdict"], found["spent"] = f"exploratory: {answer.verdict}", 0.0
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _print_runs(runs: Runs, entry: Entry) -> None:
    """How many runs there are, and how long the others will take."""
    missing = runs.missing(entry.registered.seeds)
    minutes = runs.minutes(missing) if missing else math.nan
    time = "" if math.isnan(minutes) else f", about {minutes:.0f} minutes"
    there = 2 * len(entry.registered.seeds) - len(missing)
    print(f"runs        {there} are there, {len(missing)} missing{time}", flush=True)
