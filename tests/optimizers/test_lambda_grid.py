"""The practitioner's grid: what is swept, in which order, and what stays where it is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest

from suite.errors import BadInput
from suite.optimizers import lambda_grid, random_search
from suite.optimizers.axes import axes
from suite.spaces.merge_space import MergeSpace
from suite.spaces.space import Parameter, SearchSpace, Vector

SOURCES = ("japanese", "qwen2.5.head", "math_mul")
WEIGHT = {"low": 0.0, "high": 1.0, "scope": "layer"}


def space_of(method: str, searched: Mapping[str, Mapping[str, Any]]) -> SearchSpace:
    return MergeSpace(method, SOURCES, "base", searched, {}, layers=6).space


def asked(space: SearchSpace, n: int, seed: int = 0, start: Any = None, **options: Any) -> Vector:
    grid = lambda_grid.make(space, 2, seed, start, **options)
    rows: list[Vector] = []
    while sum(map(len, rows)) < n:
        rows.append(grid.ask())
        grid.tell(rows[-1], np.zeros((len(rows[-1]), 2)))
    return np.vstack(rows)[:n]


def values(X: Vector) -> set[tuple[float, ...]]:
    return {tuple(row) for row in X.round(9).tolist()}


def test_layers_of_a_source_share_a_value() -> None:
    space = space_of("task_arithmetic", {"weight": WEIGHT})
    X = asked(space, 200).reshape(200, 3, 8)
    assert np.ptp(X, axis=2).max() == 0
    assert len(values(X[:, :, 0])) == 200


def test_two_hundred_trials_of_three_sources() -> None:
    """The common values, then the combinations, each stage complete before the next."""
    X = asked(space_of("task_arithmetic", {"weight": WEIGHT}), 200)[:, ::8]
    tenths = {(round(k / 10, 9),) * 3 for k in range(11)}
    halves = {*product((0.0, 0.5, 1.0), repeat=3)}
    twentieths = {(round(k / 20, 9),) * 3 for k in range(21)}
    quarters = {*product((0.0, 0.25, 0.5, 0.75, 1.0), repeat=3)}
    assert values(X[:11]) == tenths
    assert values(X[11:35]) == halves - tenths
    assert values(X[35:45]) == twentieths - tenths
    assert values(X[45:141]) == quarters - halves - twentieths
    assert values(X[141:161]) == {(round(k / 40, 9),) * 3 for k in range(1, 40, 2)}


def test_common_values_are_multiples_of_the_step_in_the_weights_own_units() -> None:
    space = space_of("task_arithmetic", {"weight": {**WEIGHT, "low": -0.25, "high": 1.5}})
    settings = [space.decode(x)["weight.japanese.head"] for x in asked(space, 18)]
    assert np.allclose(sorted(map(float, settings)), np.arange(-2, 16) / 10)


def test_what_is_no_weight_stays() -> None:
    space = space_of(
        "ties", {"weight": WEIGHT, "density": {"low": 0.05, "high": 1.0, "scope": "source"}}
    )
    densities = [i for i, name in enumerate(space.names) if name.startswith("density")]
    assert (asked(space, 60)[:, densities] == 0.5).all()
    start = np.linspace(0.1, 0.9, space.d)
    X = asked(space, 60, start=start)
    assert np.array_equal(X[0], start)
    assert (X[:, densities] == start[densities]).all()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["merge.weight.a.head", "merge.weight.a.layers.0-2", "path.scale.1"], ["weight.a"]),
        (["t.layers.0", "t.layers.1"], ["t"]),
        (["lambda", "density.a"], ["lambda"]),
        (["lambda", "weight"], ["weight"]),
        (["x0", "x1"], ["x0", "x1"]),
    ],
)
def test_axes_are_read_from_names(names: list[str], expected: list[str]) -> None:
    assert [*axes(SearchSpace([Parameter(n) for n in names]))[0]] == expected


def test_the_seed_shuffles_the_stages_and_nothing_else() -> None:
    space = space_of("task_arithmetic", {"weight": WEIGHT})
    one, other = asked(space, 141), asked(space, 141, seed=1)
    assert not np.array_equal(one, other)
    for first, last in ((0, 11), (11, 35), (35, 45), (45, 141)):
        assert values(one[first:last]) == values(other[first:last])


def test_the_sequence_is_the_same_for_every_batch() -> None:
    space = space_of("task_arithmetic", {"weight": WEIGHT})
    assert np.array_equal(asked(space, 60, batch=1), asked(space, 60, batch=7))


def test_levels_are_all_taken_and_gone_through_again() -> None:
    space = SearchSpace(
        [Parameter("layers", "int", 1, 3), Parameter("method", "choice", options=("a", "b"))]
    )
    X = asked(space, 600)
    assert len(values(X)) == 6
    assert np.unique(X, axis=0, return_counts=True)[1].tolist() == [100] * 6


def test_many_axes_are_sampled_from_the_coarse_grid() -> None:
    """3^30 combinations are never listed."""
    X = asked(SearchSpace([Parameter(f"x{i}") for i in range(30)]), 300)
    assert np.isin(X[11:], (0.0, 0.5, 1.0)).all()
    assert len(values(X)) == 300
    shares = [(X[11:] == value).mean() for value in (0.0, 0.5, 1.0)]
    assert np.allclose(shares, 1 / 3, atol=4 * np.sqrt(2 / 9 / (289 * 30)))


@pytest.mark.parametrize("option", ["step", "source_step", "batch"])
def test_bad_options_are_refused(option: str) -> None:
    with pytest.raises(BadInput, match=f"{option} is 0"):
        asked(SearchSpace([Parameter("weight")]), 1, **{option: 0})


@pytest.mark.parametrize("sampler", ["uniform", "sobol"])
def test_random_sources_moves_one_number_a_source(sampler: str) -> None:
    """Uniform over sources: layers alike, what is no weight drawn for itself, every batch size the same."""
    space = space_of("ties", {"weight": WEIGHT, "density": {"low": 0.1, "high": 1.0}})
    search = random_search.make(space, 2, 7, sampler=sampler, scope="source", batch=64)
    X = search.ask()
    swept, _ = axes(space)
    columns = np.stack([X[:, indices[0]] for indices in swept.values()])
    for indices in swept.values():
        assert np.ptp(X[:, indices], axis=1).max() == 0
    others = [i for i in range(space.d) if all(i not in indices for indices in swept.values())]
    assert others and len({*columns.ravel(), *X[:, others].ravel()}) == 64 * (3 + len(others))
    small = random_search.make(space, 2, 7, sampler=sampler, scope="source", batch=4)
    assert np.array_equal(np.vstack([small.ask() for _ in range(16)]), X)


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(BadInput, match="scope 'layer', allowed: parameter, source"):
        random_search.make(space_of("ties", {"weight": WEIGHT}), 2, 0, scope="layer")
