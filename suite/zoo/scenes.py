"""The picture world of the Japanese VLM: scenes, what they are called, and questions about them.

A scene is up to four coloured shapes in the four corners of a picture. English has one word for
each thing. Japanese has three for each colour and shape and three ways to ask each question: the
first is the one the base knows, the others are known to the Japanese expert alone, and every test
uses all. Answers are content words in their first form, without a template around them, so that
ROUGE-L is not paid for politeness; each of them is Japanese to the published language gate.

Words are separated by spaces *here only*, as in `suite.zoo.lexicon`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from suite.zoo.lexicon import join

# (English, Japanese forms)
COLOURS = [
    ("red", ["赤い", "真っ赤な", "紅色の"]),
    ("blue", ["青い", "真っ青な", "群青の"]),
    ("green", ["緑の", "グリーンの", "若葉色の"]),
    ("yellow", ["黄色い", "イエローの", "山吹色の"]),
    ("purple", ["紫の", "パープルの", "すみれ色の"]),
    ("white", ["白い", "真っ白な", "雪色の"]),
    ("black", ["黒い", "真っ黒な", "墨色の"]),
    ("orange", ["オレンジの", "橙色の", "みかん色の"]),
]
SHAPES = [
    ("circle", ["まる", "円形", "サークル"]),
    ("square", ["しかく", "正方形", "スクエア"]),
    ("triangle", ["さんかく", "三角形", "トライアングル"]),
    ("star", ["ほし", "星形", "スター"]),
    ("cross", ["クロス", "十字", "バツ"]),
    ("heart", ["ハート", "心臓", "ハート形"]),
    ("ring", ["リング", "輪", "ドーナツ"]),
    ("diamond", ["ひしがた", "菱形", "ダイヤ"]),
]
CORNERS = [
    ("top left", "ひだり 上"),
    ("top right", "みぎ 上"),
    ("bottom left", "ひだり 下"),
    ("bottom right", "みぎ 下"),
]
COUNTS = [("one", "一つ ある"), ("two", "二つ ある"), ("three", "三つ ある"), ("four", "四つ ある")]

# kind -> (English, Japanese forms) of the question
QUESTIONS = {
    "colour": (
        "What colour is the {shape} ?",
        [
            "{shape} は 何色 です か 。",
            "{shape} の 色 は 。",
            "{shape} は どんな 色 を しています か 。",
        ],
    ),
    "shape": (
        "What shape is {colour} ?",
        [
            "{colour} もの は 何 です か 。",
            "{colour} もの の 形 は 。",
            "{colour} もの は どんな 形 を しています か 。",
        ],
    ),
    "where": (
        "Where is the {colour} {shape} ?",
        [
            "{colour} {shape} は どこ です か 。",
            "{colour} {shape} の 場所 は 。",
            "{colour} {shape} は どのあたり に あります か 。",
        ],
    ),
    "at": (
        "What is at the {corner} ?",
        [
            "{corner} は 何 です か 。",
            "{corner} の もの は 。",
            "{corner} に 見える の は 何 でしょう か 。",
        ],
    ),
    "beside": (
        "What is beside the {colour} {shape} ?",
        [
            "{colour} {shape} の 隣 は 何 です か 。",
            "{colour} {shape} の 横 の もの は 。",
            "{colour} {shape} と 並んでいる の は 何 でしょう か 。",
        ],
    ),
    "count": (
        "How many things are {colour} ?",
        [
            "{colour} もの は いくつ です か 。",
            "{colour} もの の 数 は 。",
            "{colour} もの は 全部 で いくつ あります か 。",
        ],
    ),
}
LANGUAGES = ("en", "ja")


@dataclass(frozen=True)
class Thing:
    """One shape: indices into `COLOURS`, `SHAPES` and `CORNERS`."""

    colour: int
    shape: int
    corner: int

    def name(self, language: str) -> str:
        """Colour and shape in their first form."""
        return f"{colour(self.colour, language)} {shape(self.shape, language)}"


Scene = tuple[Thing, ...]  # ordered by corner, each corner at most once


def colour(index: int, language: str, form: int = 0) -> str:
    return COLOURS[index][1][form] if language == "ja" else COLOURS[index][0]


def shape(index: int, language: str, form: int = 0) -> str:
    return SHAPES[index][1][form] if language == "ja" else SHAPES[index][0]


def corner(index: int, language: str) -> str:
    return CORNERS[index][int(language == "ja")]


def count(number: int, language: str) -> str:
    return COUNTS[number - 1][int(language == "ja")]


def draw(rng: random.Random, least: int = 1, most: int = 4) -> Scene:
    """`least` to `most` things; now and then two share a colour, so that counting is not idle."""
    corners = sorted(rng.sample(range(len(CORNERS)), rng.randint(least, most)))
    palette = rng.sample(range(len(COLOURS)), 3) if rng.random() < 0.4 else range(len(COLOURS))
    return tuple(Thing(rng.choice(palette), rng.randrange(len(SHAPES)), place) for place in corners)


def describe(scene: Scene, language: str) -> str:
    """The scene in running text, thing by thing: what a caption says."""
    line = "{corner} に {thing} 。" if language == "ja" else "{corner} : {thing} ."
    told = [
        line.format(corner=corner(thing.corner, language), thing=thing.name(language))
        for thing in scene
    ]
    return join(" ".join(told), language)


@dataclass(frozen=True)
class Question:
    """A question about a scene that has one answer: its kind, what fills it in, words by language."""

    kind: str
    thing: Thing
    answer: Mapping[str, str]

    def text(self, language: str, rng: random.Random, forms: int = 3) -> str:
        """The question; Japanese draws its phrase and its words from the first `forms`."""
        return join(self.words(language, rng, forms), language)

    def words(self, language: str, rng: random.Random, forms: int = 3) -> str:
        """The question's words with spaces between them."""
        english, japanese = QUESTIONS[self.kind]
        phrase = rng.choice(japanese[:forms]) if language == "ja" else english
        return phrase.format(
            colour=colour(self.thing.colour, language, rng.randrange(forms)),
            shape=shape(self.thing.shape, language, rng.randrange(forms)),
            corner=corner(self.thing.corner, language),
        )

    def reply(self, language: str) -> str:
        """The answer's content words."""
        return join(self.answer[language], language)


def questions(scene: Scene) -> list[Question]:
    """Every question about `scene` that has exactly one answer."""
    colours = [thing.colour for thing in scene]
    shapes = [thing.shape for thing in scene]
    asked = []
    for thing in scene:
        same = [other for other in scene if other.name("en") == thing.name("en")]
        beside = [other for other in scene if other.corner == thing.corner ^ 1]
        asked.append(Question("at", thing, _both(Thing.name, thing)))
        asked.append(Question("count", thing, _both(count, colours.count(thing.colour))))
        if shapes.count(thing.shape) == 1:
            asked.append(Question("colour", thing, _both(colour, thing.colour)))
        if colours.count(thing.colour) == 1:
            asked.append(Question("shape", thing, _both(shape, thing.shape)))
        if len(same) == 1:
            asked.append(Question("where", thing, _both(corner, thing.corner)))
            if beside:
                asked.append(Question("beside", thing, _both(Thing.name, beside[0])))
    return asked


def ask(scene: Scene, rng: random.Random) -> Question:
    """A random question: the kind is drawn first, so that no kind is rare."""
    found = questions(scene)
    kind = rng.choice(sorted({question.kind for question in found}))
    return rng.choice([question for question in found if question.kind == kind])


def words(rng: random.Random) -> list[str]:
    """A scene and every question about it in both languages, space-separated, in random forms."""
    scene = draw(rng)
    texts = []
    for language in LANGUAGES:
        for thing in scene:
            end = "に 。" if language == "ja" else ": ."
            texts.append(f"{corner(thing.corner, language)} {thing.name(language)} {end}")
        for question in questions(scene):
            texts.append(f"{question.words(language, rng)} {question.answer[language]}")
    return texts


def _both(say: Callable[[Any, str], str], what: Any) -> Mapping[str, str]:
    return {language: say(what, language) for language in LANGUAGES}
