"""Strategies by their libraries alone, on pymoo's problems: what the suite must equal.

The direct runs follow the libraries' own examples. They share no code with the suite's adapters but
for the weight vectors of scalarised CMA-ES; their settings are those of conf/optimizer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.optimizers.chebyshev import weight_vectors

Array = NDArray[np.float64]


class Direct:
    """pymoo's problem of a task's configuration, from the unit cube to losses.

    `losses` are those of the first `trials` rows it was called with; `low` and `high`, shape (d,),
    are the problem's own bounds.
    """

    def __init__(self, spec: Mapping[str, Any], trials: int) -> None:
        from pymoo.problems import get_problem

        wanted, entries = spec["problem"], spec["objectives"].values()
        size = {"n_obj": wanted["m"]} if not wanted["name"].startswith("zdt") else {}
        self._problem = get_problem(wanted["name"], n_var=wanted["d"], **size)
        self._ideal = np.array([entry["ideal"] for entry in entries])
        self._reference = np.array([entry["reference"] for entry in entries])
        self._rows: list[Array] = []
        self.trials = trials
        self.low, self.high = self._problem.xl, self._problem.xu
        self.d, self.m = self._problem.n_var, self._problem.n_obj

    def __call__(self, X: Any) -> Array:
        """Losses (k, m) of the rows of `X` (k, d)."""
        values = [self._problem.evaluate(self.low + x * (self.high - self.low)) for x in X]
        F = np.asarray((np.array(values) - self._ideal) / (self._reference - self._ideal))
        self._rows.extend(F)
        return F

    @property
    def left(self) -> bool:
        """Whether the budget allows another row."""
        return len(self._rows) < self.trials

    @property
    def losses(self) -> Array:
        return np.array(self._rows[: self.trials])


def uniform(function: Direct, seed: int) -> None:
    """numpy."""
    generator = np.random.default_rng(seed)
    while function.left:
        function(generator.random((1, function.d)))


def sobol(function: Direct, seed: int) -> None:
    """scipy."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(function.d, scramble=True, rng=np.random.default_rng(seed))
    while function.left:
        function(sequence.random(64))


def nsga2(function: Direct, seed: int) -> None:
    """pymoo's `minimize` with NSGA-II of 20 individuals."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    class Cube(Problem):  # type: ignore[misc]
        def _evaluate(self, x: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            out["F"] = function(x)

    generations = math.ceil(function.trials / 20)
    minimize(
        Cube(n_var=function.d, n_obj=function.m, xl=0, xu=1),
        NSGA2(20),
        ("n_gen", generations),
        seed=seed,
    )


def tpe(function: Direct, seed: int) -> None:
    """optuna's `optimize` with its multivariate TPE."""
    import optuna

    def objective(trial: optuna.Trial) -> list[float]:
        bounds = zip(function.low, function.high, strict=True)
        row = [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(bounds, 1)]
        unit = (np.array(row) - function.low) / (function.high - function.low)
        values: list[float] = function([unit])[0].tolist()
        return values

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    study = optuna.create_study(directions=["minimize"] * function.m, sampler=sampler)
    study.optimize(objective, n_trials=function.trials)


def cma_es(function: Direct, seed: int) -> None:
    """Three of pycma's strategies in turn, one a weight vector, each begun again when it stops."""
    import cma

    d, m, random = function.d, function.m, np.random.RandomState(seed)
    options = {"bounds": [0, 1], "seed": math.nan, "randn": random.randn, "verbose": -9}

    def begun(mean: Any) -> Any:
        return cma.CMAEvolutionStrategy(mean, 0.1667, options)

    pairs = [(begun(d * [0.5]), w) for w in weight_vectors("cma_es", m, 3, None)]
    while function.left:
        es, w = pairs.pop(0)
        X = es.ask()
        es.tell(X, [max(w * f) + 0.05 * np.dot(w, f) for f in function(X)])
        pairs.append((begun(random.random_sample(d)) if es.stop() else es, w))


def cma_es_margin(function: Direct, seed: int) -> None:
    """Three of cmaes's strategies in turn, as `cma_es`; without ints its margin does nothing."""
    import cmaes

    d, m, random = function.d, function.m, np.random.RandomState(seed)

    def begun(mean: Any) -> Any:
        return cmaes.CMAwM(
            mean=mean, sigma=0.1667, bounds=np.array(d * [[0.0, 1.0]]), steps=np.zeros(d),
            n_max_resampling=10, seed=random.randint(2**31),
        )  # fmt: skip

    pairs = [(begun(np.full(d, 0.5)), w) for w in weight_vectors("cma_es_margin", m, 3, None)]
    while function.left:
        es, w = pairs.pop(0)
        X = [es.ask() for _ in range(es.population_size)]
        values = [max(w * f) + 0.05 * np.dot(w, f) for f in function([x for x, _ in X])]
        es.tell([(told, value) for (_, told), value in zip(X, values, strict=True)])
        pairs.append((begun(random.random_sample(d)) if es.should_stop() else es, w))


def como_cma_es(function: Direct, seed: int) -> None:
    """comocma's Sofomore with three kernels; one is added for each that stops."""
    import comocma

    d, m, random = function.d, function.m, np.random.RandomState(seed)
    options = {"bounds": [0, 1], "seed": math.nan, "randn": random.randn, "verbose": -9}
    options["verb_log"] = 0
    kernels = comocma.get_cmas(3 * [d * [0.5]], 0.1667, options)
    order = {"archive": False, "verb_log": 0, "update_order": lambda _: random.random_sample()}
    sofomore = comocma.Sofomore(kernels, reference_point=m * [1.0], opts=order)
    while function.left:
        X = sofomore.ask("all")
        sofomore.tell(X, function(X).tolist())
        if stopped := 3 - sum(not kernel.stop() for kernel in sofomore):
            means = random.random_sample((stopped, d)).tolist()
            sofomore.add(comocma.get_cmas(means, 0.1667, options))


LIBRARIES: dict[str, Callable[[Direct, int], None]] = {
    "random": uniform,
    "sobol": sobol,
    "nsga2": nsga2,
    "tpe": tpe,
    "cma_es": cma_es,
    "cma_es_margin": cma_es_margin,
    "como_cma_es": como_cma_es,
}


def losses(strategy: str, spec: Mapping[str, Any], seed: int, trials: int) -> Array:
    """Losses (trials, m) of the strategy's library, used directly on pymoo's problem of a task."""
    function = Direct(spec, trials)
    LIBRARIES[strategy](function, seed)
    return function.losses
