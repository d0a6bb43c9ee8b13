"""EAF differences of optimizers' fronts, on the items and the seeds that they should be of."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import synthetic

from suite.report.load.load import load
from suite.report.rows import attainments, comparisons
from suite.statistics import pareto


def test_differences_are_of_the_judged_fronts(small: Path) -> None:
    results = load(small, synthetic.TASK)
    found = attainments.differences(results)
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
    counts = {(d.a, d.b): d.seeds for d in attainments.differences(load(folder, synthetic.TASK))}
    assert {n for pair, n in counts.items() if "tpe" in pair} == {4}
    assert {n for pair, n in counts.items() if "tpe" not in pair} == {5}


def test_of_many_optimizers_the_best_is_compared_with_each(tmp_path: Path) -> None:
    names = tuple(f"s{k}" for k in range(attainments.ALL_PAIRS + 1))
    synthetic.write(tmp_path, optimizers=names, seeds=2, trials=5, judged=False, items=(10, 10))
    results = load(tmp_path, synthetic.TASK)
    found = attainments.differences(results)
    best = comparisons.ordered(results)[0]
    assert {pair.a for pair in found} == {best}
    assert {pair.b for pair in found} == set(names) - {best}


def test_three_objectives_have_no_differences(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("a", "b"), seeds=1, trials=5, m=3, items=(10, 10))
    assert attainments.differences(load(tmp_path, synthetic.TASK)) == []


def test_many_rectangles_become_a_grid_with_the_same_shares_at_its_centres() -> None:
    rng = np.random.default_rng(2)
    sides = [[np.column_stack([x := rng.random(40), 1 - x + 0.3 * rng.random(40)])] for _ in "ab"]
    a, b = ([*side, *[side[0] + 0.02 * k for k in range(60)]] for side in sides)
    whole = pareto.attainment_difference(a, b)
    found = attainments.drawable(whole)
    assert len(whole) > attainments.MOST > 0 and np.isfinite(found).all()
    finite = whole[:, :4].reshape(-1, 2)
    finite = finite[np.isfinite(finite).all(axis=1)]
    (low, high), n = (finite.min(axis=0), finite.max(axis=0)), np.array(attainments.CELLS)
    for cell in rng.integers(0, n, size=(500, 2)):
        centre = low + (high - low) * (cell + 0.5) / n
        shares = [
            r[(r[:, :2] <= centre).all(axis=1) & (centre < r[:, 2:4]).all(axis=1), 4].sum()
            for r in (whole, found)
        ]
        assert shares[0] == shares[1]
    few = whole[:10]
    assert attainments.drawable(few) is few
