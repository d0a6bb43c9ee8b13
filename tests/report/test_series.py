"""Chart series in natural units, against the journals they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.objective import Objective
from suite.report.load.load import load
from suite.report.load.reference import Reference
from suite.report.load.results import Results
from suite.report.rows import series
from suite.statistics import pareto
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def test_shares_are_shown_in_percent_and_others_as_they_are() -> None:
    share = Objective("a", "e.a", "maximize", 1.0, 0.0, "share")
    seconds = Objective("b", "e.b", "minimize", 0.5, 30.0, "s")
    assert (series.scale(share), series.unit(share)) == (100.0, "%")
    assert (series.scale(seconds), series.unit(seconds)) == (1.0, "s")


def test_the_plane_holds_every_judged_model_once(results: Results) -> None:
    (plane,) = series.planes(results)
    assert plane.split == "report"
    assert [cloud.name for cloud in plane.clouds] == ["nsga2", "random", "tpe"]
    for cloud in some(plane.clouds):
        judged = [line for run in results.of(cloud.name) for line in run.reported]
        expected = sorted(100 * line.scores["maths.right_ja"].value for line in judged)
        assert sorted(point.x for point in cloud.points) == pytest.approx(expected)
    names = {point.label for point in (*plane.merges, *plane.parents)}
    assert names == set(synthetic.BASELINES)
    assert len(plane.parents) == 4


def test_surfaces_are_attained_by_their_share_in_natural_units(results: Results) -> None:
    (plane,) = series.planes(results)
    for cloud in some(plane.clouds):
        fronts = [
            100
            * np.array([[s.scores[o.metric].value for o in results.objectives] for s in r.reported])
            for r in results.of(cloud.name)
        ]
        for level, surface in zip(series.LEVELS, cloud.surfaces, strict=True):
            for corner in some(np.array(surface)):
                attained = [(front >= corner - 1e-9).all(axis=1).any() for front in fronts]
                assert np.mean(attained) >= level


def test_the_table_of_surfaces_holds_every_corner_unscaled(results: Results) -> None:
    (plane,) = series.planes(results)
    rows = series.surface_rows(results)
    found = {(row.optimizer, row.level): [] for row in rows}  # type: ignore[var-annotated]
    for row in rows:
        assert (row.split, row.first, row.second) == ("report", plane.x.name, plane.y.name)
        found[row.optimizer, row.level].append((100 * row.x, 100 * row.y))
    for cloud in some(plane.clouds):
        for level, corners in zip(series.LEVELS, cloud.surfaces, strict=True):
            assert np.allclose(found.pop((cloud.name, level)), corners)
    assert not found


def test_three_objectives_give_three_planes(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=8, m=3, items=(20, 30))
    found = series.planes(load(tmp_path, synthetic.TASK))
    assert [(p.x.name, p.y.name) for p in found] == [
        ("ja_math", "ja_general"), ("ja_math", "en_math"), ("ja_general", "en_math"),
    ]  # fmt: skip


def test_unjudged_runs_show_search_fronts_without_baselines(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=8, judged=False, items=(20, 20))
    results = load(tmp_path, synthetic.TASK)
    (plane,) = series.planes(results)
    assert (plane.split, plane.merges, plane.parents) == ("search", (), ())
    fronts = [len(pareto.front(run.losses(2))) for run in results.runs]
    assert len(plane.clouds[0].points) == sum(fronts)


def test_the_reference_front_is_drawn_where_its_items_are(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=8, judged=False, items=(20, 20))
    found = load(tmp_path, synthetic.TASK)
    front = [[k / 500, 1 - k / 500] for k in range(500)]
    reference = Reference.of("known", front, "2026-01-01", "a line")
    (plane,) = series.planes(replace(found, reference=reference))
    assert 100 < len(plane.reference) <= series.MOST
    x, y = plane.x, plane.y
    assert plane.reference[0] == (series.natural(x, 0.0), series.natural(y, 1.0))
    (judged,) = series.planes(replace(found, reference=None))
    assert judged.reference == ()
