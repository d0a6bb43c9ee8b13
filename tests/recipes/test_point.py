"""Points: plain, hashable, checked."""

from __future__ import annotations

import json
import math
import pickle

import pytest

from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath, read_json, whole
from suite.recipes.point import Point
from suite.recipes.recipe import Input, Recipe

POINT = Point({"x1": 0.1, "layers": 3, "method": "ties"})


def test_json_gives_the_same_point_back() -> None:
    again = Point.from_json(json.loads(json.dumps(POINT.to_json())))
    assert again == POINT and hash(again) == hash(POINT) and again.digest == POINT.digest
    assert pickle.loads(pickle.dumps(POINT)) == POINT


def test_the_digest_tells_settings_apart_and_not_their_order() -> None:
    assert Point({"b": 1, "a": 2}).digest == Point({"a": 2, "b": 1}).digest
    assert len({Point({"a": value}).digest for value in (1, 2, "1", 0.1 + 0.2, 0.3)}) == 5


def test_a_journal_holds_recipes_paths_and_points() -> None:
    recipe = Recipe("linear", (Input("a", {"weight": 1.0}),))
    for kept, kind in ((POINT, Point), (recipe, Recipe), (whole("a", 2), LayerPath)):
        found = read_json(kept.to_json())
        assert type(found) is kind and found == kept


def test_settings_cannot_be_changed() -> None:
    given = {"x": 1.0}
    point = Point(given)
    given["x"] = 2.0
    assert point.settings["x"] == 1.0
    with pytest.raises(TypeError):
        point.settings["x"] = 3.0  # type: ignore[index]


@pytest.mark.parametrize(
    "data",
    [{}, {"settings": {}}, {"settings": {"x": math.nan}}, {"settings": {"x": None}},
     {"settings": {"x": [1]}}, {"settings": 3}, {"settings": {1: 1.0}}],
)  # fmt: skip
def test_what_is_no_point_is_refused(data: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInput, match="point"):
        Point.from_json({"method": "point", **data})
