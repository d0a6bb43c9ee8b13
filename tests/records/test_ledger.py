"""The ledger: only appended to, registered before answered, one process at a time."""

from __future__ import annotations

import doctest
import json
import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.records import ledger as module
from suite.records.ledger import Entry, Ledger, Registration, fresh_block, looks, used_seeds
from suite.statistics.claim import Claim

PLAN = Registration(
    time="2026-01-02T03:04:05+00:00",
    claim="nsga2 > random on zdt1",
    measure="value",
    trials=30,
    look=1,
    exploratory=False,
    seeds=(0, 1, 2),
    effect=1.0,
    power=0.8,
    alpha=0.05,
    margin=None,
    settings=("optimizer.population=10",),
    seen={"nsga2": [{"seeds": [0], "trials": 30, "judged": False}], "random": []},
)
ANSWER = {"verdict": "undecided", "values": {"nsga2": {"0": 0.5}, "random": {"0": 0.4}}}


def test_what_was_registered_and_answered_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "claims")
    assert ledger.entries() == []
    first = ledger.register(lambda entries: PLAN)
    assert (first.line, first.registered, first.answer) == (1, PLAN, None)
    assert Ledger(tmp_path / "claims").entries() == [first]
    ledger.answer(first, ANSWER)
    second = ledger.register(lambda entries: replace(PLAN, look=1 + len(entries)))
    assert second.line == 3 and second.registered.look == 2
    found = ledger.entries()
    assert [entry.line for entry in found] == [1, 3] and found[0].answer is not None
    assert found[0].answer["values"] == ANSWER["values"] and found[1].answer is None


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    entry = ledger.register(lambda entries: PLAN)
    before = ledger.path.read_bytes()
    given = ledger.answer(entry, ANSWER)
    again = ledger.answer(entry, {**ANSWER, "verdict": "supported"})
    assert ledger.path.read_bytes().startswith(before)
    assert len(ledger.path.read_text().splitlines()) == 2
    assert given.answer is not None and again.answer is not None
    assert again.answer["verdict"] == given.answer["verdict"] == "undecided"


def test_an_entry_that_is_there_is_handed_back_and_nothing_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    entry = ledger.register(lambda entries: PLAN)
    assert ledger.register(lambda entries: entries[0]) == entry
    assert len(ledger.entries()) == 1


def test_a_torn_last_line_is_no_registration(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.register(lambda entries: PLAN)
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole[:40])
    assert len(ledger.entries()) == 1
    assert ledger.register(lambda entries: replace(PLAN, look=2)).line == 2
    assert [entry.registered.look for entry in ledger.entries()] == [1, 2]


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        "{}",
        '{"kind":"guessed"}',
        '{"kind":"registered","claim":"nsga2 > random on zdt1"}',
        '{"kind":"answered","registration":7,"verdict":"supported","values":{}}',
        '{"kind":"answered","registration":1,"verdict":"supported"}',
    ],
)
def test_damage_is_one_line_that_says_where(tmp_path: Path, damage: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.register(lambda entries: PLAN)
    with ledger.path.open("a") as file:
        file.write(damage + "\n")
    with pytest.raises(BadInput, match=r"ledger.jsonl, line 2: damaged; restore"):
        ledger.entries()
    with pytest.raises(BadInput, match="line 2: damaged"):
        ledger.register(lambda entries: replace(PLAN, look=2))


@pytest.mark.parametrize(
    ("key", "value"),
    [("seeds", []), ("seeds", ["a"]), ("claim", "nsga2"), ("look", "1"), ("alpha", None)],
)
def test_a_registration_that_makes_no_sense_is_damage(
    tmp_path: Path, key: str, value: object
) -> None:
    ledger = Ledger(tmp_path)
    ledger.register(lambda entries: PLAN)
    row = json.loads(ledger.path.read_text())
    ledger.path.write_text(json.dumps({**row, key: value}) + "\n")
    with pytest.raises(BadInput, match="line 1: damaged"):
        ledger.entries()


def test_the_reverse_claim_is_the_same_question_and_another_measure_is_not() -> None:
    back = replace(PLAN, claim="random > nsga2 on zdt1")
    assert back.question == PLAN.question
    entries = [
        Entry(1, PLAN),
        Entry(2, back),
        Entry(3, replace(PLAN, exploratory=True, look=0)),
        Entry(4, replace(PLAN, trials=31)),
        Entry(5, replace(PLAN, measure="report")),
        Entry(6, replace(PLAN, claim="tpe > random on zdt1")),
    ]
    assert [entry.line for entry in looks(entries, PLAN.question)] == [1, 2]


def test_seeds_of_any_claim_of_either_strategy_are_used() -> None:
    entries = [
        Entry(1, replace(PLAN, seeds=(0, 1))),
        Entry(2, replace(PLAN, claim="tpe > random on zdt1", seeds=(5,))),
        Entry(3, replace(PLAN, claim="tpe > sms_emoa on zdt1", seeds=(9,))),
    ]
    assert used_seeds(entries, Claim("nsga2", "random", "zdt1")) == {0, 1, 5}


@settings(max_examples=60)
@given(st.integers(1, 6), st.sets(st.integers(0, 25)))
def test_the_fresh_block_is_the_smallest_that_is_free(count: int, used: set[int]) -> None:
    found = fresh_block(count, used)
    free = (start for start in range(100) if not used.intersection(range(start, start + count)))
    start = next(free)
    assert found == tuple(range(start, start + count))


def _register(folder: str, times: int) -> None:
    """In a process of its own: as often, the next look with the next free seeds."""

    def decide(entries: Sequence[Entry]) -> Registration:
        used = {seed for entry in entries for seed in entry.registered.seeds}
        return replace(PLAN, look=len(entries) + 1, seeds=fresh_block(3, used))

    for _ in range(times):
        Ledger(Path(folder)).register(decide)


def test_two_processes_never_register_the_same_look(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_register, args=(str(tmp_path), 15)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    plans = [entry.registered for entry in Ledger(tmp_path).entries()]
    assert [plan.look for plan in plans] == list(range(1, 31))
    assert len({seed for plan in plans for seed in plan.seeds}) == 90


def test_the_examples_run() -> None:
    assert doctest.testmod(module).failed == 0
