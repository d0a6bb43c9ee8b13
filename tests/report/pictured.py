"""Sample answers about pictures, as `suite judge` records them, for synthetic results."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

from suite.records.picture_names import picture_name

COUNT = 6  # items of every evaluator
COLOURS = {"赤い": (214, 40, 40), "青い": (40, 80, 220), "緑の": (40, 150, 60)}
SHAPES = ("まる", "しかく", "さんかく")
FILES = {"ja_vqa": ("png", 32), "in_the_wild": ("jpeg", 240), "en_vqa": ("png", 20)}


def uri(evaluator: str, k: int) -> str:
    """The picture of item `k`: two shapes on grey, of the evaluator's size and format."""
    kind, side = FILES[evaluator]
    rng = random.Random(f"{evaluator} {k}")
    height = side if kind == "png" else side * 2 // 3
    image = Image.new("RGB", (side, height), (rng.randint(100, 160),) * 3)
    pen = ImageDraw.Draw(image)
    for left, (colour, shape) in zip((0.08, 0.56), _things(evaluator, k), strict=True):
        x, y, width = left * side, 0.3 * height, 0.36 * side
        box = (x, y, x + width, y + width)
        if shape == "まる":
            pen.ellipse(box, fill=COLOURS[colour])
        elif shape == "しかく":
            pen.rectangle(box, fill=COLOURS[colour])
        else:
            corners = [(x, y + width), (x + width, y + width), (x + width / 2, y)]
            pen.polygon(corners, fill=COLOURS[colour])
    buffer = BytesIO()
    image.save(buffer, kind)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def lines(judged: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines of one judged.jsonl with these samples; each picture is written out once."""
    known: set[str] = set()
    return [{**line, "samples": _samples(line, known)} for line in judged]


def _samples(line: Mapping[str, Any], known: set[str]) -> list[dict[str, Any]]:
    rng = random.Random(str(line["name"]))
    rows = []
    for evaluator in FILES:
        for k in range(COUNT):
            (colour, shape), _ = _things(evaluator, k)
            expected = f"{colour}{shape}"
            reply, graded, japanese = _reply(rng, line["losses"][0], colour, shape)
            picture = uri(evaluator, k)
            rows.append(
                {
                    # the same words about every picture: what was seen tells items apart
                    "prompt": "ひだりに見えるのは何でしょうか。",
                    "reply": reply,
                    "expected": expected,
                    "outcome": graded * japanese,
                    "evaluator": evaluator,
                    "outcomes": {"rougeL": graded, "rougeL_ja": graded * japanese},
                    "picture": picture_name(picture) if picture in known else picture,
                }
            )
            known.add(picture)
    return rows


def _reply(
    rng: random.Random, loss: float, colour: str, shape: str
) -> tuple[str, float, float]:  # fmt: skip
    """A reply, its ROUGE-L and whether it is Japanese; the better the less the `loss`."""
    if rng.random() > min(0.9, max(0.1, 1.1 * loss)):
        return f"{colour}{shape}", 1.0, 1.0
    choice = rng.random()
    if choice < 0.4:
        return f"{colour}{SHAPES[(SHAPES.index(shape) + 1) % 3]}", 0.5, 1.0
    if choice < 0.7:
        return "red circle and the blue square are beside the circle", 0.25, 0.0
    return "", 0.0, 1.0


def _things(evaluator: str, k: int) -> list[tuple[str, str]]:
    rng = random.Random(f"things {evaluator} {k}")
    return [(rng.choice([*COLOURS]), rng.choice(SHAPES)) for _ in range(2)]
