"""Starting points, weights, restarts and refusals of the shipped optimizers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.errors import BadInput
from suite.optimizers import cma_es, cma_es_margin, como_cma_es, nsga2, random_search, tpe
from suite.optimizers.chebyshev import augmented_chebyshev, even_weights
from suite.optimizers.contract_plays import bowls
from suite.optimizers.optimizer import Optimizer, told_losses
from suite.spaces.space import Parameter, SearchSpace, Setting, Vector

SPACE = SearchSpace([Parameter(f"w{i}") for i in range(5)])
ONE = SearchSpace([Parameter("w")])
MIXED = SearchSpace([Parameter("n", "int", 0, 4), Parameter("m", "choice", options=("a", "b"))])
FIXED = SearchSpace([Parameter("m", "choice", options=("a",))])
START = np.array([[0.1, 0.2, 0.3, 0.4, 0.5], [0.9, 0.8, 0.7, 0.6, 0.5]])


@pytest.mark.parametrize("sampler", ["uniform", "sobol"])
def test_random_search_evaluates_the_start_first(sampler: str) -> None:
    search = random_search.make(SPACE, 2, 0, START, sampler=sampler)
    plain = random_search.make(SPACE, 2, 0, sampler=sampler)
    assert np.array_equal(search.ask(), START)
    assert np.array_equal(search.ask(), plain.ask())


def test_nsga2_puts_the_start_into_a_full_population() -> None:
    X = nsga2.make(SPACE, 2, 0, START, population=10).ask()
    plain = nsga2.make(SPACE, 2, 0, population=10).ask()
    assert np.array_equal(X[:2], START)
    assert np.array_equal(X[2:], plain[2:])


def test_tpe_enqueues_the_start() -> None:
    X = tpe.make(SPACE, 2, 0, START, batch=3).ask()
    assert np.allclose(X[:2], START, rtol=0, atol=1e-15)
    settings: dict[str, Setting] = {"n": 3, "m": "b"}
    first = tpe.make(MIXED, 2, 0, MIXED.encode(settings)).ask()[0]
    assert MIXED.decode(first) == settings


def test_cma_starts_at_the_first_point() -> None:
    como = como_cma_es.make(SPACE, 2, 0, START, kernels=2, sigma0=0.01)
    assert np.allclose(como.ask()[:2], START[0], atol=1e-12)  # incumbents come first
    scalarised = cma_es.make(SPACE, 2, 0, START, sigma0=0.01)
    assert np.abs(scalarised.ask() - START[0]).max() < 0.06


@pytest.mark.parametrize(("m", "count"), [(2, 1), (2, 3), (2, 5), (3, 1), (3, 3), (3, 6), (3, 10)])
def test_even_weights_are_distinct_and_inside_the_simplex(m: int, count: int) -> None:
    weights = even_weights("cma_es", m, count)
    assert weights.shape == (count, m)
    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights > 0).all()
    assert len(np.unique(weights.round(9), axis=0)) == count
    assert np.allclose(weights.mean(axis=0), 1 / m)  # no objective is preferred


def test_chebyshev_by_hand() -> None:
    values = augmented_chebyshev(np.array([[0.2, 0.4], [0.6, 0.1]]), np.array([0.75, 0.25]), 0.1)
    assert np.allclose(values, [0.15 + 0.1 * 0.25, 0.45 + 0.1 * 0.475])


def test_even_weights_of_two_objectives_are_cell_centres() -> None:
    assert np.allclose(sorted(even_weights("cma_es", 2, 3)[:, 0]), [1 / 6, 1 / 2, 5 / 6])


def best_after(
    search: Optimizer, generations: int, m: int, merit: Callable[[Vector], Vector]
) -> float:
    """The least merit of the losses of `generations` asks on `bowls`."""
    best = np.inf
    for _ in range(generations):
        X = search.ask()
        F = bowls(X, m)
        best = min(best, float(merit(F).min()))
        search.tell(X, F)
    return best


def test_one_fixed_weight_vector_minimises_its_objective() -> None:
    for objective, weights in enumerate(([1, 0], [0, 1])):
        for make in (cma_es.make, cma_es_margin.make):
            search = make(SPACE, 2, 0, weights=weights)
            assert best_after(search, 100, 2, lambda F, j=objective: F[:, j]) < 1e-6  # type: ignore[misc]


@pytest.mark.parametrize("module", [cma_es, como_cma_es])
@pytest.mark.parametrize("m", [2, 3])
def test_stopped_strategies_are_replaced_without_end(module: Any, m: int) -> None:
    """Flat generations stop a pycma strategy; new ones start elsewhere and still find the bowl."""
    corner = np.full(SPACE.d, 0.05)
    search = module.make(SPACE, m, 0, corner, sigma0=0.02)
    for _ in range(15):
        X = search.ask()
        search.tell(X, np.full((len(X), m), 0.5))
    assert np.abs(X - corner).max() > 0.3
    least = bowls(np.full((1, SPACE.d), 0.45), m).sum()  # 0.45 is the mean of the bowls' centres
    assert best_after(search, 120, m, lambda F: F.sum(axis=1)) < 1.1 * least


def test_a_stopped_margin_strategy_is_replaced() -> None:
    """cmaes stops after 10 + 30 D / popsize flat generations; the new strategy finds the bowl."""
    search = cma_es_margin.make(SPACE, 2, 0, np.full(SPACE.d, 0.05), sigma0=0.02, weights=[1, 1])
    first = search._strategies[0]
    for _ in range(40):
        X = search.ask()
        search.tell(X, np.full((len(X), 2), 0.5))
    assert search._strategies[0] is not first
    least = bowls(np.full((1, SPACE.d), 0.45)).sum()
    assert best_after(search, 120, 2, lambda F: F.sum(axis=1)) < 1.1 * least


def test_a_sample_outside_the_cube_is_clipped() -> None:
    corner = np.zeros(SPACE.d)
    X = cma_es_margin.make(SPACE, 2, 0, corner, sigma0=0.1, resampling=0, popsize=64).ask()
    assert 0.4 < (X == 0).mean() < 0.6  # half of a Gaussian around a face lies beyond it
    again = cma_es_margin.make(ONE, 2, 0, [0.0], sigma0=0.1, resampling=100, popsize=64).ask()
    assert (again > 0).all()


def test_no_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for module in (cma_es, como_cma_es):
        search = module.make(SPACE, 2, 0)
        for _ in range(3):
            X = search.ask()
            search.tell(X, bowls(X))
    assert not list(tmp_path.iterdir())


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: random_search.make(SPACE, 2, 0, batch=0), "batch is 0"),
    (lambda: random_search.make(SPACE, 2, 0, sampler="halton"), "uniform, sobol"),
    (lambda: random_search.make(SPACE, 2, 0, sampler="sobol", batch=6), "power of two"),
    (lambda: nsga2.make(SPACE, 2, 0, population=1), "population is 1"),
    (lambda: nsga2.make(SPACE, 2, 0, np.full((9, 5), 0.5), population=8), "9 starting points"),
    (lambda: tpe.make(SPACE, 2, 0, startup=0), "startup is 0"),
    (lambda: cma_es.make(ONE, 2, 0), "2 or more"),
    (lambda: cma_es.make(SPACE, 3, 0, strategies=4), "1, 3"),
    (lambda: cma_es.make(SPACE, 2, 0, weights=[1, 0, 0]), r"\(K, 2\)"),
    (lambda: cma_es.make(SPACE, 2, 0, weights=[-1, 1]), "non-negative"),
    (lambda: cma_es.make(SPACE, 2, 0, weights=[0, 0]), "positive"),
    (lambda: cma_es.make(SPACE, 2, 0, sigma0=float("nan")), "sigma0 is nan"),
    (lambda: cma_es_margin.make(FIXED, 2, 0), "nothing to search"),
    (lambda: cma_es_margin.make(SPACE, 2, 0, popsize=3), "popsize is 3"),
    (lambda: cma_es_margin.make(SPACE, 2, 0, margin=0.0), "margin is 0.0"),
    (lambda: cma_es_margin.make(SPACE, 2, 0, resampling=-1), "resampling is -1"),
    (lambda: cma_es_margin.make(SPACE, 3, 0, strategies=4), "cma_es_margin: 4 .* 1, 3"),
    (lambda: como_cma_es.make(ONE, 2, 0), "2 or more"),
    (lambda: como_cma_es.make(SPACE, 1, 0), "cma_es"),
    (lambda: como_cma_es.make(SPACE, 3, 0, reference_point=[1, 1]), "3 finite"),
]


@pytest.mark.parametrize(("build", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_bad_options_are_one_clear_line(build: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_told_losses_must_fit_the_last_ask() -> None:
    X = np.array([[0.1], [0.2]])
    F = np.zeros((2, 1))
    assert np.array_equal(told_losses(X, X.copy(), F, 1), F)
    for asked, rows, values in ((None, X, F), (X, X[:1], F[:1]), (X, X, F[:1]), (X, X, F + np.nan)):
        with pytest.raises(ValueError, match="tell"):
            told_losses(asked, rows, values, 1)


def test_importing_the_layer_loads_no_optimizer_library() -> None:
    modules = "random_search, nsga2, tpe, cma_es, cma_es_margin, como_cma_es, contract"
    code = (
        f"import sys; from suite.optimizers import {modules};"
        " print({'cma', 'cmaes', 'comocma', 'optuna', 'pymoo', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
