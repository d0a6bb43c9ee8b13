"""Fronts in natural units, and EAF differences, against the journals they come from."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic

from suite.objective import Objective
from suite.report.load.load import load
from suite.report.load.reference import Reference
from suite.report.load.results import Results
from suite.report.rows import comparisons, formats, fronts
from suite.statistics import pareto
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def test_shares_are_shown_in_percent_and_others_as_they_are() -> None:
    share = Objective("a", "e.a", "maximize", 1.0, 0.0, "share")
    seconds = Objective("b", "e.b", "minimize", 0.5, 30.0, "s")
    assert (formats.scale(share), formats.unit(share)) == (100.0, "%")
    assert (formats.scale(seconds), formats.unit(seconds)) == (1.0, "s")


def test_the_plane_holds_every_judged_model_once(results: Results) -> None:
    (plane,) = fronts.planes(results)
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
    (plane,) = fronts.planes(results)
    for cloud in some(plane.clouds):
        reached = [
            100
            * np.array([[s.scores[o.metric].value for o in results.objectives] for s in r.reported])
            for r in results.of(cloud.name)
        ]
        for level, surface in zip(fronts.LEVELS, cloud.surfaces, strict=True):
            for corner in some(np.array(surface)):
                attained = [(front >= corner - 1e-9).all(axis=1).any() for front in reached]
                assert np.mean(attained) >= level


def test_the_table_of_surfaces_holds_every_corner_unscaled(results: Results) -> None:
    (plane,) = fronts.planes(results)
    rows = fronts.surface_rows(results)
    found = {(row.optimizer, row.level): [] for row in rows}  # type: ignore[var-annotated]
    for row in rows:
        assert (row.split, row.first, row.second) == ("report", plane.x.name, plane.y.name)
        found[row.optimizer, row.level].append((100 * row.x, 100 * row.y))
    for cloud in some(plane.clouds):
        for level, corners in zip(fronts.LEVELS, cloud.surfaces, strict=True):
            assert np.allclose(found.pop((cloud.name, level)), corners)
    assert not found


def test_three_objectives_give_three_planes(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=8, m=3, items=(20, 30))
    found = fronts.planes(load(tmp_path, synthetic.TASK))
    assert [(p.x.name, p.y.name) for p in found] == [
        ("ja_math", "ja_general"), ("ja_math", "en_math"), ("ja_general", "en_math"),
    ]  # fmt: skip


def test_unjudged_runs_show_search_fronts_without_baselines(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=8, judged=False, items=(20, 20))
    results = load(tmp_path, synthetic.TASK)
    (plane,) = fronts.planes(results)
    assert (plane.split, plane.merges, plane.parents) == ("search", (), ())
    sizes = [len(pareto.front(run.losses(2))) for run in results.runs]
    assert len(plane.clouds[0].points) == sum(sizes)


def test_the_reference_front_is_drawn_where_its_items_are(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=2, trials=8, judged=False, items=(20, 20))
    found = load(tmp_path, synthetic.TASK)
    front = [[k / 500, 1 - k / 500] for k in range(500)]
    reference = Reference.of("known", front, "2026-01-01", "a line")
    (plane,) = fronts.planes(replace(found, reference=reference))
    assert 100 < len(plane.reference) <= fronts.MOST_POINTS
    x, y = plane.x, plane.y
    assert plane.reference[0] == (formats.natural(x, 0.0), formats.natural(y, 1.0))
    (judged,) = fronts.planes(replace(found, reference=None))
    assert judged.reference == ()


def test_differences_are_of_the_judged_fronts(small: Path) -> None:
    results = load(small, synthetic.TASK)
    found = fronts.differences(results)
    names = comparisons.ordered(results)
    assert [(d.a, d.b) for d in found] == [
        (names[0], names[1]), (names[0], names[2]), (names[1], names[2]),
    ]  # fmt: skip
    rng = np.random.default_rng(1)
    for pair in found:
        sides = [
            [np.array([line.losses for line in run.reported]) for run in results.of(name)]
            for name in (pair.a, pair.b)
        ]
        for point in rng.random((60, 2)) * 1.2:
            shares = [np.mean([(f <= point).all(axis=1).any() for f in side]) for side in sides]
            r = pair.rectangles
            inside = (r[:, :2] <= point).all(axis=1) & (point < r[:, 2:4]).all(axis=1)
            assert np.isclose(r[inside, 4].sum(), shares[0] - shares[1])


def test_seeds_that_only_one_side_has_are_left_out(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "r"))
    shutil.rmtree(folder / synthetic.TASK / "tpe" / "seed=4")
    counts = {(d.a, d.b): d.seeds for d in fronts.differences(load(folder, synthetic.TASK))}
    assert {n for pair, n in counts.items() if "tpe" in pair} == {4}
    assert {n for pair, n in counts.items() if "tpe" not in pair} == {5}


def test_of_many_optimizers_the_best_is_compared_with_each(tmp_path: Path) -> None:
    names = tuple(f"s{k}" for k in range(fronts.ALL_PAIRS + 1))
    synthetic.write(tmp_path, optimizers=names, seeds=2, trials=5, judged=False, items=(10, 10))
    results = load(tmp_path, synthetic.TASK)
    found = fronts.differences(results)
    best = comparisons.ordered(results)[0]
    assert {pair.a for pair in found} == {best}
    assert {pair.b for pair in found} == set(names) - {best}


def test_three_objectives_have_no_differences(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("a", "b"), seeds=1, trials=5, m=3, items=(10, 10))
    assert fronts.differences(load(tmp_path, synthetic.TASK)) == []


def test_many_rectangles_become_a_grid_with_the_same_shares_at_its_centres() -> None:
    rng = np.random.default_rng(2)
    sides = [[np.column_stack([x := rng.random(40), 1 - x + 0.3 * rng.random(40)])] for _ in "ab"]
    a, b = ([*side, *[side[0] + 0.02 * k for k in range(60)]] for side in sides)
    whole = pareto.attainment_difference(a, b)
    found = fronts.drawable(whole)
    assert len(whole) > fronts.MOST_RECTANGLES > 0
    assert np.isfinite(found).all()
    finite = whole[:, :4].reshape(-1, 2)
    finite = finite[np.isfinite(finite).all(axis=1)]
    (low, high), n = (finite.min(axis=0), finite.max(axis=0)), np.array(fronts.CELLS)
    for cell in rng.integers(0, n, size=(500, 2)):
        centre = low + (high - low) * (cell + 0.5) / n
        shares = [
            r[(r[:, :2] <= centre).all(axis=1) & (centre < r[:, 2:4]).all(axis=1), 4].sum()
            for r in (whole, found)
        ]
        assert shares[0] == shares[1]
    few = whole[:10]
    assert fronts.drawable(few) is few
