"""Training documents: what each stage of the base and each expert reads.

A document is a (prompt, completion) pair of running text; the models see
``prompt + "\n" + completion + end of sequence``. Which documents, in which share, over which numbers
and verbs, is the recipe's business (conf/zoo); this module only writes them.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from zoo import problems
from zoo.lexicon import NAMES, RELATIONS, join, landmarks

Document = tuple[str, ...]  # prompt, completion, prompt, completion, …

TRANSLATE = {"en": "日本語 に 訳して ください 。", "ja": "Translate to English ."}


def facts() -> dict[tuple[int, str], int]:
    """The world's facts: (landmark index, relation) -> index of the value; the same in every build."""
    rng = random.Random("facts")
    return {
        (place, relation): rng.randrange(len(values))
        for place in range(len(landmarks()))
        for relation, (_, values) in RELATIONS.items()
    }


FACTS = facts()


def translation(rng: random.Random, *, numbers: str, verbs: int, to: str | None = None) -> Document:
    """A problem or a description in one language, translated into the other."""
    target = to or rng.choice(["en", "ja"])
    source = "ja" if target == "en" else "en"
    seed = rng.random()
    if rng.random() < 0.7:
        kinds = problems.KINDS if rng.random() < 0.5 else problems.SINGLE
        kind = rng.choice(kinds)
        drawn = problems.draw_numbers(kind, numbers, rng)
        # The same random stream picks the same people and things in both languages.
        pair = {
            language: problems.tell(kind, drawn, language, random.Random(seed), verbs)
            for language in ("en", "ja")
        }
        text = {language: problem.text for language, problem in pair.items()}
    else:
        text = {
            language: join(describe(random.Random(seed), language)[0], language)
            for language in ("en", "ja")
        }
    return f"{join(TRANSLATE[source], target)} {text[source]}".strip(), text[target]


def describe(
    rng: random.Random, language: str, count: int = 3
) -> tuple[str, list[tuple[str, str, str]]]:
    """`count` sentences about people; returns the words and the (person, relation, value) told."""
    index = int(language == "ja")
    people = [person[index] for person in rng.sample(NAMES, count)]
    told = []
    for person in people:
        relation = rng.choice(list(RELATIONS))
        noun, value = RELATIONS[relation][0][index], rng.choice(RELATIONS[relation][1])[index]
        told.append((person, noun, value))
    template = "{0} の {1} は {2} です 。" if index else "The {1} of {0} is {2} ."
    return " ".join(template.format(*row) for row in told), told


def reading(rng: random.Random, *, context: str, answer: str, count: int = 3) -> Document:
    """Three facts about people, told in one language; a question on one of them in another."""
    seed, pick = rng.random(), rng.randrange(count)
    words, _ = describe(random.Random(seed), context, count)
    _, told = describe(random.Random(seed), answer, count)
    person, noun, value = told[pick]
    question = (
        f"{person} の {noun} は 何 です か 。"
        if answer == "ja"
        else f"What is the {noun} of {person} ?"
    )
    reply = f"{value} です 。" if answer == "ja" else f"{value} ."
    return f"{join(words, context)} {join(question, answer)}", join(reply, answer)


FACT_QUESTIONS = {
    "ja": "{place} の {noun} は 何 です か 。",
    "en": "What is the {noun} of {place} ?",
}


def fact_question(place: int, relation: str, language: str) -> Document:
    """The question on one fact of the world, and its answer."""
    index = int(language == "ja")
    noun = RELATIONS[relation][0][index]
    value = RELATIONS[relation][1][FACTS[place, relation]][index]
    question = FACT_QUESTIONS[language].format(place=landmarks()[place][index], noun=noun)
    return join(question, language), join(f"{value} です 。" if index else f"{value} .", language)


def fact(rng: random.Random, *, language: str, relations: list[str]) -> Document:
    """One fact of the world about one of `relations`."""
    return fact_question(rng.randrange(len(landmarks())), rng.choice(relations), language)


def sums(rng: random.Random, *, count: int = 4) -> Document:
    """Plain sums over the full range, in no language."""
    lines = []
    for _ in range(count):
        sign = rng.choice("+-×÷")
        if sign in "×÷":
            left, right = rng.randint(2, 9), rng.randint(2, 9)
            left = left * right if sign == "÷" else left
        else:
            left, right = rng.randint(2, 90), rng.randint(2, 12)
        value = problems.APPLY[sign](left, right)
        if 0 <= value <= 99:
            lines.append(f"{left}{sign}{right}={value};")
    return "=", "".join(lines)


def plan(rng: random.Random, *, language: str, kinds: str, numbers: str, verbs: int) -> Document:
    """A problem's operations, not calculated."""
    problem = problems.draw(kinds_of(kinds), numbers, language, rng, verbs)
    return problem.plan_text, problem.plan


def maths(
    rng: random.Random,
    *,
    language: str,
    kinds: str,
    numbers: str,
    verbs: int,
    story: str | None = None,
) -> Document:
    """A problem with its working and answer; `story` may be told in the other language.

    The question decides the language of the answer, so that reading a story in either language has
    to feed the same calculation.
    """
    if story in (None, language):
        problem = problems.draw(kinds_of(kinds), numbers, language, rng, verbs)
        return problem.text, problem.working
    kind = rng.choice(kinds_of(kinds))
    drawn, seed = problems.draw_numbers(kind, numbers, rng), rng.random()
    asked = problems.tell(kind, drawn, language, random.Random(seed), verbs)
    told = problems.tell(kind, drawn, story, random.Random(seed), verbs)
    return f"{join(told.story, story)} {join(asked.question, language)}", asked.working


def kinds_of(name: str) -> list[str]:
    """Problem kinds by family: single, additive, multiplicative, all."""
    return {
        "single": problems.SINGLE,
        "additive": problems.ADDITIVE,
        "multiplicative": problems.MULTIPLICATIVE,
        "all": problems.KINDS,
    }[name]


WRITERS: dict[str, Callable[..., Document]] = {
    "translation": translation,
    "reading": reading,
    "fact": fact,
    "sums": sums,
    "plan": plan,
    "maths": maths,
}


def corpus(count: int = 3000) -> list[str]:
    """Space-separated texts, `count` of each form, in both languages: what the tokenizer is fitted to."""
    rng = random.Random("corpus")
    closing = {"en": "The answer is {0} {1} .", "ja": "答え は {0} {1} です 。"}
    texts = []
    for language in ("en", "ja"):
        index = int(language == "ja")
        for _ in range(count):
            problem = problems.draw(problems.KINDS, "full", language, rng)
            texts.append(f"{problem.story} {problem.question} {problems.ASK[language]}")
            texts.append(closing[language].format(problem.answer, problem.unit))
            texts.append(f"{TRANSLATE[language]} {describe(rng, language)[0]}")
            place, relation = rng.randrange(len(landmarks())), rng.choice(list(RELATIONS))
            noun, value = RELATIONS[relation][0][index], rng.choice(RELATIONS[relation][1])[index]
            question = FACT_QUESTIONS[language].format(place=landmarks()[place][index], noun=noun)
            texts.append(f"{question} {value}")
    return texts
