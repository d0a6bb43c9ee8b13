"""What `suite compare` prints: the plan, the answer in five lines, and the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.assembly import compose
from suite.commands.compare_words import spans
from suite.errors import BadInput
from suite.records.ledger import Entry, Ledger, Question, Registration
from suite.records.task_folder import TaskFolder
from suite.statistics.claim import FIRST, TURNED, Claim, seeds_needed

OF = {
    "report": "report items",
    "search": "search items, which the strategies were fitted to",
    "value": "the values themselves",
}
FIXED = {
    "report": "report items and search items of this task fixed",
    "search": "search items of this task, those the strategies were fitted to, fixed",
    "value": "this one function fixed",
}


def print_plan(entry: Entry, claim: Claim, planned: bool = False) -> None:
    """The claim and its plan; `planned` only, not registered."""
    print(f"claim       {_claim(entry.registered, claim)}")
    mark = " (nothing is registered yet)" if planned and entry.line == 0 else ""
    print(f"plan        {_plan(entry.registered)}{mark}")


def print_answer(entry: Entry, claim: Claim, path: Path) -> None:
    """The five lines, told from the side of `claim`, which may be the reverse of what was registered."""
    assert entry.answer is not None
    plan = entry.registered
    turned = Claim.parse(plan.claim).better != claim.better
    found = _turned(entry.answer) if turned else entry.answer
    print_plan(entry, claim)
    print(f"difference  {_difference(found)}, over seeds; {FIXED[plan.measure]}")
    print(f"verdict     {_verdict(plan, found)}")
    print(f"written     {path}, line {entry.line} registered{_as(plan, claim)}")


def print_ledger(words: list[str]) -> None:
    """Every claim of ``task=…``: its looks, what had been seen, and its verdicts."""
    if not any(word.startswith("task=") for word in words):
        raise BadInput("compare --list: say which task=…")
    wanted = compose.compose(words)
    ledger = Ledger(TaskFolder.at(wanted.results, wanted.task.name).claims)
    grouped: dict[tuple[Question, bool], list[Entry]] = {}
    for entry in ledger.entries():
        plan = entry.registered
        grouped.setdefault((plan.question, plan.exploratory), []).append(entry)
    if not grouped:
        print(f"{ledger.path}: no claims yet")
    for rows in grouped.values():
        plan = rows[0].registered
        print(f"{plan.claim}: {OF[plan.measure]}, {plan.trials} trials, alpha {plan.alpha:g}")
        for entry in rows:
            _print_look(entry)


def _print_look(entry: Entry) -> None:
    plan, answer = entry.registered, entry.answer
    name = "exploratory" if plan.exploratory else f"look {plan.look}"
    print(f"  {name}, {plan.time[:16].replace('T', ' ')}, seeds {spans(plan.seeds)}")
    print(f"    seen before: {_seen(plan.seen)}")
    if answer is None:
        print("    not answered yet; the claim alone goes on with it")
        return
    print(f"    {_claim_of(plan)}{_difference(answer)}")
    print(f"    {_verdict(plan, answer)}")


def _claim_of(plan: Registration) -> str:
    """Which way round the look was asked, which a reader of its difference has to know."""
    claim = Claim.parse(plan.claim)
    return f"{claim.better} - {claim.other} "


def _seen(seen: Mapping[str, Any]) -> str:
    told = [
        f"{name} {spans(row['seeds'])} ({row['trials']} trials{', judged' * bool(row['judged'])})"
        for name, rows in seen.items()
        for row in rows
    ]
    return "; ".join(told) or "no run of either"


def _claim(plan: Registration, claim: Claim) -> str:
    return f"{claim}: hypervolume of {OF[plan.measure]}, {plan.trials} trials"


def _plan(plan: Registration) -> str:
    seeds = f"seeds {spans(plan.seeds)}"
    margin = "" if plan.margin is None else f", margin {plan.margin:g}"
    if plan.exploratory:
        return f"exploratory: {seeds}, chosen when runs had been seen; it proves nothing{margin}"
    if plan.look > 1:
        return (
            f"look {plan.look}: {len(plan.seeds)} more, {seeds}, by betting on all of them, at"
            f" {(1 - FIRST) * plan.alpha:.2g} for all looks after the first{margin}"
        )
    needed = seeds_needed(plan.effect, plan.power, plan.alpha)
    return (
        f"look 1: {len(plan.seeds)} fresh, {seeds}, at {FIRST * plan.alpha:.2g} of alpha"
        f" {plan.alpha:g}; {needed} find an effect of {plan.effect:g} standard deviation(s) with"
        f" power {plan.power:g}{margin}"
    )


def _difference(found: Mapping[str, Any]) -> str:
    low, high = (
        "unbounded" if found[end] is None else f"{found[end]:+.4f}" for end in ("low", "high")
    )
    return f"{found['difference']:+.4f} [{low}, {high}] ({100 * found['confidence']:.3g} %)"


def _verdict(plan: Registration, found: Mapping[str, Any]) -> str:
    test = f"sign-flip p {found['p']:.2g}, needed below {1 - found['confidence']:.2g}"
    if found["e"] is not None:
        needed = 1 / ((1 - FIRST) * plan.alpha)
        test = f"e-value {found['e']:.3g}, needed {needed:.3g} or more"
    told = f"{found['verdict']} ({test}; {100 * found['improvement']:.0f} % of pairs of runs won)"
    if found["within_margin"] is None:
        return told
    within = "smaller than" if found["within_margin"] else "not shown to be smaller than"
    return f"{told}; the difference is {within} {plan.margin:g}"


def _as(plan: Registration, claim: Claim) -> str:
    return "" if plan.claim == str(claim) else f" as {plan.claim!r}"


def _turned(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to the reverse claim."""
    mark, _, word = str(answer["verdict"]).rpartition(": ")
    low, high = (None if answer[end] is None else -answer[end] for end in ("high", "low"))
    return {
        **answer,
        "difference": -answer["difference"],
        "low": low,
        "high": high,
        "improvement": 1 - answer["improvement"],
        "verdict": f"{mark}: {TURNED[word]}" if mark else TURNED[word],
    }
