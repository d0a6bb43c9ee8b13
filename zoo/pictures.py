"""Scenes as pictures: 32 by 32 pixels, drawn large and scaled down, never twice the same.

``plain`` is what the VLM is trained on: even grounds, upright shapes. ``wild`` is the held-out
distribution: uneven grounds with noise, turned, paler shapes of uneven sizes.
"""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

from zoo.scenes import COLOURS, SHAPES, Scene

SIDE = 32  # pixels
_SCALE = 4  # drawn this much larger

_RGB = {
    "red": (214, 40, 40),
    "blue": (40, 80, 220),
    "green": (40, 150, 60),
    "yellow": (240, 215, 40),
    "purple": (140, 50, 170),
    "white": (248, 248, 248),
    "black": (20, 20, 20),
    "orange": (245, 130, 20),
}

Point = tuple[float, float]
Colour = tuple[int, int, int]


def draw(scene: Scene, rng: random.Random, style: str = "plain") -> Image.Image:
    """An RGB picture of `scene`; `style` is plain or wild, `rng` decides everything left open."""
    wild = style == "wild"
    canvas = _ground(scene.ground, rng, wild)
    pen = ImageDraw.Draw(canvas)
    for corner in sorted(rng.sample(range(4), scene.count)):
        _draw_shape(pen, scene, corner, rng, wild)
    picture = canvas.resize((SIDE, SIDE), Image.Resampling.BOX)
    if not wild:
        return picture
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0.0, 12.0, (SIDE, SIDE, 3))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


def _ground(index: int, rng: random.Random, wild: bool) -> Image.Image:
    side = SIDE * _SCALE
    if not wild:
        return Image.new("RGB", (side, side), _shade(index, rng, 12))
    small = Image.new("RGB", (2, 2))
    for place in range(4):
        small.putpixel((place % 2, place // 2), _shade(index, rng, 30))
    return small.resize((side, side), Image.Resampling.BILINEAR)


def _draw_shape(
    pen: ImageDraw.ImageDraw, scene: Scene, corner: int, rng: random.Random, wild: bool
) -> None:
    cell = SIDE * _SCALE / 2
    slack = 0.03 if wild else 0.015
    radius = cell * ((0.26, 0.42)[scene.size] + rng.uniform(-slack, slack))
    turn = rng.uniform(-0.35, 0.35) if wild else 0.0
    room = max(0.0, cell / 2 - radius - 1)
    x = (corner % 2 + 0.5) * cell + rng.uniform(-room, room)
    y = (corner // 2 + 0.5) * cell + rng.uniform(-room, room)
    colour = _shade(scene.colour, rng, 30 if wild else 12)
    name = SHAPES[scene.shape][0]
    if name in ("circle", "ring"):
        box = (x - radius, y - radius, x + radius, y + radius)
        if name == "ring":
            pen.ellipse(box, outline=colour, width=round(radius * 0.42))
        else:
            pen.ellipse(box, fill=colour)
        return
    points = [_turned(px, py, turn) for px, py in _OUTLINES[name]]
    pen.polygon([(x + radius * px, y + radius * py) for px, py in points], fill=colour)


def _shade(index: int, rng: random.Random, spread: int) -> Colour:
    """A colour, each channel off by up to `spread` levels of 255."""
    red, green, blue = _RGB[COLOURS[index][0]]
    return _near(red, rng, spread), _near(green, rng, spread), _near(blue, rng, spread)


def _near(level: int, rng: random.Random, spread: int) -> int:
    return min(255, max(0, level + rng.randint(-spread, spread)))


def _turned(x: float, y: float, angle: float) -> Point:
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * x - sin * y, sin * x + cos * y


def _star() -> list[Point]:
    radii = [1.0, 0.42] * 5
    angles = [math.pi * (corner / 5 - 0.5) for corner in range(10)]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


def _heart() -> list[Point]:
    turns = [2 * math.pi * step / 40 for step in range(40)]
    return [
        (
            math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16,
        )
        for t in turns
    ]


def _cross(arm: float = 0.34) -> list[Point]:
    quarter = [(-arm, -1.0), (arm, -1.0), (arm, -arm)]
    return [_turned(px, py, math.pi / 2 * side) for side in range(4) for px, py in quarter]


_OUTLINES: dict[str, list[Point]] = {
    "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
    "triangle": [(0.0, -0.95), (0.95, 0.75), (-0.95, 0.75)],
    "star": _star(),
    "cross": _cross(),
    "heart": _heart(),
    "diamond": [(0.0, -1.0), (0.66, 0.0), (0.0, 1.0), (-0.66, 0.0)],
}
