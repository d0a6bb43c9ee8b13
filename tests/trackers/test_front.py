from __future__ import annotations

import json

import pytest

from suite.objective import Objective
from suite.records.trial import Score, Trial
from suite.trackers.front import figure, rows, table

pytest.importorskip("plotly")

NAMES = ("a", "b", "c")


def objectives(count: int) -> list[Objective]:
    return [Objective(name, f"e.{name}", "maximize", 1.0, 0.0) for name in NAMES[:count]]


def trial(number: int) -> Trial:
    scores = {f"e.{name}": Score.mean([0.1 * number, 0.3 + i]) for i, name in enumerate(NAMES)}
    return Trial(number, (0.0,), {"z": 1, "a": "日本"}, "ok", None, scores, (0.1, 0.2, 0.3), {})


BASELINES = {"soup": {f"e.{name}": Score.mean([0.5, 0.7]) for name in NAMES}, "partial": {}}


def test_rows_are_ordered_and_keep_every_baseline():
    points = rows([trial(7), trial(2)], BASELINES)
    assert [(p.kind, p.number, p.name) for p in points] == [
        ("front", 2, "trial 2"),
        ("front", 7, "trial 7"),
        ("baseline", None, "soup"),
        ("baseline", None, "partial"),
    ]
    assert json.loads(points[0].recipe or "") == {"z": 1, "a": "日本"}


def test_table_cells_are_the_scores():
    columns, cells = table(rows([trial(2)], BASELINES))
    assert columns[:5] == ["kind", "name", "number", "e.a", "e.a stderr"]
    assert columns[-1] == "recipe"
    by_column = dict(zip(columns, cells[0], strict=True))
    assert by_column["e.b"] == trial(2).scores["e.b"].value
    assert by_column["e.b stderr"] == trial(2).scores["e.b"].stderr
    assert all(len(line) == len(columns) for line in cells)
    assert cells[2][3:] == [None] * (len(columns) - 3)


def test_an_empty_front_is_an_empty_table():
    assert table(rows([], {})) == (["kind", "name", "number", "recipe"], [])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_figure_shows_each_measured_point_in_natural_units(count):
    points = rows([trial(2), trial(7)], BASELINES)
    drawing = json.loads(figure(points, objectives(count)).to_json())
    front, baseline = drawing["data"]
    assert (front["name"], baseline["name"]) == ("front", "baseline")
    assert front["text"] == ["trial 2", "trial 7"]
    assert baseline["text"] == ["soup"]
    expected = [[trial(n).scores[o.metric].value for n in (2, 7)] for o in objectives(count)]
    if count == 3:
        drawn = [dimension["values"] for dimension in front["dimensions"]]
    elif count == 2:
        drawn = [front["x"], front["y"]]
    else:
        drawn = [front["y"]]
    assert drawn == expected


def test_figure_without_any_point_still_draws():
    assert len(figure([], objectives(2)).data) == 2
