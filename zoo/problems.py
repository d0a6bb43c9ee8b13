"""Arithmetic word problems in two languages: what the maths experts learn and the tests ask.

A problem is a chain ``(a op1 b) op2 c`` told as a story. Its *working* is the same in both
languages (``29-10=19;19+1=20;``); only the closing phrase says the result in a language, so that
"right number" and "right language" can be told apart.
"""

from __future__ import annotations

import operator
import random
from dataclasses import dataclass

from zoo.lexicon import ACTIONS, NAMES, OBJECTS, join

ADDITIVE = [
    "give-receive",
    "receive-give",
    "give-give",
    "receive-receive",
    "more-fewer",
    "fewer-more",
]
MULTIPLICATIVE = [
    "hold-receive",
    "hold-give",
    "share-receive",
    "share-give",
    "receive-share",
    "give-share",
]
SINGLE = ["give", "receive", "hold", "share"]
KINDS = [*ADDITIVE, *MULTIPLICATIVE]

OPERATION = {"give": "-", "receive": "+", "more": "+", "fewer": "-", "hold": "×", "share": "÷"}
APPLY = {"+": operator.add, "-": operator.sub, "×": operator.mul, "÷": operator.floordiv}

ASK = {"en": "What is the plan ?", "ja": "式 は 何 です か 。"}


@dataclass(frozen=True)
class Problem:
    """One word problem: `chain` is [a, (op1, b), (op2, c)…]; texts are running text."""

    kind: str
    numbers: tuple[int, ...]
    story: str
    question: str
    language: str
    unit: str

    @property
    def steps(self) -> list[tuple[int, str, int, int]]:
        """Each step as (left, operation, right, result)."""
        value, steps = self.numbers[0], []
        for action, number in zip(self.kind.split("-"), self.numbers[1:], strict=True):
            sign = OPERATION[action]
            steps.append((value, sign, number, APPLY[sign](value, number)))
            value = steps[-1][3]
        return steps

    @property
    def answer(self) -> int:
        return self.steps[-1][3]

    @property
    def text(self) -> str:
        """The problem as it is asked."""
        return join(f"{self.story} {self.question}", self.language)

    @property
    def working(self) -> str:
        """The full solution: language-neutral steps, then the answer in the problem's language."""
        lines = "".join(f"{a}{sign}{b}={c};" for a, sign, b, c in self.steps)
        if self.language == "ja":
            return f"{lines}答えは{self.answer}{self.unit}です。"
        return f"{lines} The answer is {self.answer} {self.unit}."

    @property
    def plan_text(self) -> str:
        """The story followed by a question for the operations only."""
        return join(f"{self.story} {ASK[self.language]}", self.language)

    @property
    def plan(self) -> str:
        """The operations, not calculated: ``29-10;+1;``."""
        first, *rest = [f"{sign}{number}" for _, sign, number, _ in self.steps]
        return "".join(f"{part};" for part in [f"{self.numbers[0]}{first}", *rest])


def is_hard(kind: str, numbers: tuple[int, ...]) -> bool:
    """Whether no easy number carries the problem: outside what `draw_numbers` calls easy, twice."""
    if kind in ADDITIVE:
        return numbers[0] > 15 and max(numbers[1:]) > 6
    if kind.startswith("hold"):
        return max(numbers[:2]) > 5 and numbers[2] > 3
    actions = kind.split("-")
    divisor = numbers[1 + actions.index("share")]
    return divisor > 5 or numbers[0] > 30


def draw_numbers(kind: str, level: str, rng: random.Random) -> tuple[int, ...]:
    """Numbers for a problem, all values and results in 2..99.

    `level`: ``easy`` (first number up to 15, others up to 6, tables up to 5), ``full`` (up to 60,
    12 and 9), or ``hard`` (full, and `is_hard`).
    """
    first, other, table = (15, 6, 5) if level == "easy" else (60, 12, 9)
    while True:
        actions = kind.split("-")
        if actions[0] == "hold":
            numbers = [rng.randint(2, table), rng.randint(2, table)]
        elif "share" in actions:
            divisor, quotient = rng.randint(2, table), rng.randint(2, table)
            change = rng.randint(2, other)
            before = {"share": 0, "receive": -change, "give": change}[actions[0]]
            numbers = [divisor * quotient + before]
            numbers += [divisor] if actions[0] == "share" else [change, divisor]
        else:
            numbers = [rng.randint(3, first)]
        while len(numbers) <= len(actions):
            numbers.append(rng.randint(2, other))
        drawn = tuple(numbers)
        results = [step[3] for step in Problem(kind, drawn, "", "", "en", "").steps]
        if not all(2 <= value <= 99 for value in (*drawn, *results)):
            continue
        if level != "hard" or is_hard(kind, drawn):
            return drawn


def tell(
    kind: str, numbers: tuple[int, ...], language: str, rng: random.Random, verbs: int = 3
) -> Problem:
    """Tell the problem as a story; Japanese draws from the first `verbs` verbs of each action."""
    sentences, question, unit = _tell(kind, numbers, language, rng, verbs)
    return Problem(kind, numbers, " ".join(sentences), question, language, unit)


def draw(
    kinds: list[str], level: str, language: str, rng: random.Random, verbs: int = 3
) -> Problem:
    """A random problem of one of `kinds` (see `draw_numbers` and `tell`)."""
    kind = rng.choice(kinds)
    return tell(kind, draw_numbers(kind, level, rng), language, rng, verbs)


def _tell(
    kind: str, numbers: tuple[int, ...], language: str, rng: random.Random, verbs: int
) -> tuple[list[str], str, str]:
    people = rng.sample(NAMES, 3)
    thing = rng.choice(OBJECTS)
    who = [person[language == "ja"] for person in people]
    noun = thing[1] if language == "ja" else thing[0]
    unit = thing[2] if language == "ja" else thing[0]
    words = {
        action: rng.choice(english if language == "en" else japanese[:verbs])
        for action, (english, japanese) in ACTIONS.items()
    }
    first, *rest = kind.split("-")
    a = numbers[0]
    if kind in ("more-fewer", "fewer-more"):
        sentences, question = _compare(language, who, noun, unit, numbers, kind)
        return sentences, question, unit
    if language == "ja":
        owner = f"{who[0]} の {noun} は 今 何 {unit} です か 。"
        opening = f"{who[0]} は {noun} を {a} {unit} 持っています 。"
        line = {
            "give": "{n} {u} {verb} 。",
            "receive": "{n} {u} {verb} 。",
            "share": "{n} 人 で 同じ 数 ずつ {verb} 。",
        }
        if first == "hold":
            opening = f"{who[0]} は 箱 を {a} 個 持っています 。"
            sentences = [opening, f"どの 箱 にも {noun} が {numbers[1]} {unit} {words['hold']} 。"]
            rest_numbers = numbers[2:]
        else:
            sentences, rest, rest_numbers = [opening], [first, *rest], numbers[1:]
        for action, number in zip(rest, rest_numbers, strict=True):
            sentences.append(line[action].format(n=number, u=unit, verb=words[action]))
        if "share" in kind:
            owner = f"一人 の {noun} は 今 何 {unit} です か 。"
        return sentences, owner, unit
    owner = f"How many {noun} does {who[0]} have now ?"
    opening = f"{who[0]} has {a} {noun} ."
    line = {
        "give": "{w} {verb} {n} {o} .",
        "receive": "{w} {verb} {n} {o} .",
        "share": "{w} {verb} them equally among {n} people .",
    }
    subject = who[0]
    if first == "hold":
        sentences = [
            f"{who[0]} has {a} boxes .",
            f"All boxes {words['hold']} {numbers[1]} {noun} .",
        ]
        rest_numbers = numbers[2:]
    else:
        sentences, rest, rest_numbers = [opening], [first, *rest], numbers[1:]
    for action, number in zip(rest, rest_numbers, strict=True):
        sentences.append(line[action].format(w=subject, n=number, o=noun, verb=words[action]))
        if action == "share":
            subject = "Each"
    if "share" in kind:
        owner = f"How many {noun} does each have now ?"
    return sentences, owner, unit


def _compare(
    language: str, who: list[str], noun: str, unit: str, numbers: tuple[int, ...], kind: str
) -> tuple[list[str], str]:
    a, b, c = numbers
    if language == "ja":
        word = {"more": "多く", "fewer": "少なく"}
        steps = [word[action] for action in kind.split("-")]
        return [
            f"{who[0]} は {noun} を {a} {unit} 持っています 。",
            f"{who[1]} は {who[0]} より {b} {unit} {steps[0]} 持っています 。",
            f"{who[2]} は {who[1]} より {c} {unit} {steps[1]} 持っています 。",
        ], f"{who[2]} の {noun} は 今 何 {unit} です か 。"
    steps = kind.split("-")
    return [
        f"{who[0]} has {a} {noun} .",
        f"{who[1]} has {b} {steps[0]} than {who[0]} .",
        f"{who[2]} has {c} {steps[1]} than {who[1]} .",
    ], f"How many {noun} does {who[2]} have now ?"
