"""The picture world of the Japanese VLM: scenes, what they are called, and questions about them.

A scene is one to four equal shapes of one colour and size on a coloured ground. English has one way
to ask for each of its features, Japanese has five: the first is the one the base knows, the others
are known to the Japanese expert alone, and every test uses all. Answers are content words without
a template around them, so that ROUGE-L is not paid for politeness; each is Japanese to the
published language gate, which very short answers in kanji often are not.

Words are separated by spaces *here only*, as in `zoo.lexicon`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from zoo.lexicon import join

# (English, Japanese)
COLOURS = [
    ("red", "赤い"),
    ("blue", "青い"),
    ("green", "緑の"),
    ("yellow", "黄色い"),
    ("purple", "紫の"),
    ("white", "白い"),
    ("black", "黒い"),
    ("orange", "オレンジの"),
]
SHAPES = [
    ("circle", "まる"),
    ("square", "しかく"),
    ("triangle", "さんかく"),
    ("star", "ほし"),
    ("cross", "クロス"),
    ("heart", "ハート"),
    ("ring", "リング"),
    ("diamond", "ひしがた"),
]
COUNTS = [("one", "一つ ある"), ("two", "二つ ある"), ("three", "三つ ある"), ("four", "四つ ある")]
SIZES = [("small", "小さい"), ("big", "大きい")]


@dataclass(frozen=True)
class Scene:
    """Indices into `COLOURS` (twice), `SHAPES`, `SIZES`, and the number of shapes, 1 to 4."""

    colour: int
    ground: int
    shape: int
    size: int
    count: int


def draw(rng: random.Random) -> Scene:
    """A random scene; ground and shapes differ in colour."""
    colour, ground = rng.sample(range(len(COLOURS)), 2)
    shape, size = rng.randrange(len(SHAPES)), rng.randrange(len(SIZES))
    return Scene(colour, ground, shape, size, rng.randint(1, len(COUNTS)))


def describe(scene: Scene, language: str) -> str:
    """The scene in running text: what a caption says."""
    return join(_told(scene, language), language)


def ask(rng: random.Random) -> str:
    """A random kind of question."""
    return rng.choice(list(QUESTIONS))


def question(kind: str, language: str, rng: random.Random, forms: int = 5) -> str:
    """A question of a kind; Japanese draws from its first `forms`."""
    return join(_asked(kind, language, rng, forms), language)


def reply(kind: str, scene: Scene, language: str) -> str:
    """The answer's content words."""
    return join(_ANSWERS[kind](scene, language), language)


def words(rng: random.Random) -> list[str]:
    """A scene and every question about it in both languages, space-separated, in random forms."""
    scene = draw(rng)
    return [
        text
        for language in ("en", "ja")
        for text in (
            _told(scene, language),
            *(f"{_asked(k, language, rng, 5)} {_ANSWERS[k](scene, language)}" for k in QUESTIONS),
        )
    ]


# kind -> (English, Japanese forms)
QUESTIONS = {
    "colour": (
        "What colour are the shapes ?",
        [
            "形 は 何色 です か 。",
            "図形 の 色合い は 。",
            "どんな カラー で 描かれて います か 。",
            "塗り の 色味 を 答えて 。",
            "描かれた もの の 色調 は 。",
        ],
    ),
    "shape": (
        "What shapes are there ?",
        [
            "何 の 形 です か 。",
            "図形 の 種類 は 。",
            "どんな フォルム が 描かれて います か 。",
            "輪郭 を 答えて 。",
            "描かれた もの の 名前 は 。",
        ],
    ),
    "ground": (
        "What colour is the ground ?",
        [
            "背景 は 何色 です か 。",
            "バック の 色合い は 。",
            "どんな 地 に 描かれて います か 。",
            "下地 の 色味 を 答えて 。",
            "まわり の 色調 は 。",
        ],
    ),
    "count": (
        "How many shapes are there ?",
        [
            "形 は いくつ です か 。",
            "図形 の 数 は 。",
            "何個 描かれて います か 。",
            "個数 を 答えて 。",
            "描かれた もの の 総数 は 。",
        ],
    ),
    "size": (
        "How big are the shapes ?",
        [
            "大きさ は どの くらい です か 。",
            "図形 の サイズ は 。",
            "どんな スケール で 描かれて います か 。",
            "大小 を 答えて 。",
            "描かれた もの の 寸法 は 。",
        ],
    ),
    "thing": (
        "What is in the picture ?",
        [
            "絵 の 中 は 何 です か 。",
            "図形 の 全体 は 。",
            "何 が 描かれて います か 。",
            "見える もの を 答えて 。",
            "描かれた もの の すべて は 。",
        ],
    ),
}


def _name(entries: list[tuple[str, str]], index: int, language: str) -> str:
    return entries[index][int(language == "ja")]


def _colour(scene: Scene, language: str) -> str:
    return _name(COLOURS, scene.colour, language)


def _ground(scene: Scene, language: str) -> str:
    return _name(COLOURS, scene.ground, language)


def _shape(scene: Scene, language: str) -> str:
    return _name(SHAPES, scene.shape, language)


def _count(scene: Scene, language: str) -> str:
    return _name(COUNTS, scene.count - 1, language)


def _size(scene: Scene, language: str) -> str:
    return _name(SIZES, scene.size, language)


def _thing(scene: Scene, language: str) -> str:
    return " ".join(say(scene, language) for say in (_size, _colour, _shape))


_ANSWERS: dict[str, Callable[[Scene, str], str]] = {
    "colour": _colour,
    "shape": _shape,
    "ground": _ground,
    "count": _count,
    "size": _size,
    "thing": _thing,
}


def _told(scene: Scene, language: str) -> str:
    line = (
        "{ground} 背景 に {thing} が {count} 。"
        if language == "ja"
        else "On {ground} ground : {thing} , {count} ."
    )
    return line.format(
        ground=_ground(scene, language),
        thing=_thing(scene, language),
        count=_count(scene, language),
    )


def _asked(kind: str, language: str, rng: random.Random, forms: int) -> str:
    english, japanese = QUESTIONS[kind]
    return rng.choice(japanese[:forms]) if language == "ja" else english
