"""A task as a function: the values of the suite, in the shapes of other libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize
from pymoo.problems import get_problem

import suite as package
from suite.errors import BadInput, CandidateFailure
from suite.search.task_function import TaskFunction
from suite.spaces.space import Parameter, SearchSpace
from tests.conftest import KnownTask
from tests.problems.test_problem import Items, made


def test_a_problem_gives_its_own_values() -> None:
    zdt1 = package.load_task("zdt1")
    assert (zdt1.d, zdt1.m) == (10, 2) and [o.name for o in zdt1.objectives] == ["f1", "f2"]
    X = np.random.default_rng(0).random((7, 10))
    direct = get_problem("zdt1", n_var=10).evaluate(X) / [1.1, 4.6]
    assert zdt1(X) == pytest.approx(direct, rel=1e-12)
    assert np.array_equal(zdt1.evaluate(X[3]), zdt1(X)[3]) and zdt1(X[3]).shape == (2,)
    assert zdt1(X[:0]).shape == (0, 2)
    assert np.array_equal(zdt1(X.tolist()), zdt1(X))


def test_a_task_of_models_gives_what_a_run_journals(few_items: list[str], tmp_path: Path) -> None:
    from suite.__main__ import main
    from suite.records.journal import Journal

    words = ["task=ja_math_micro", "optimizer=random", "trials=2", f"results={tmp_path}"]
    assert main(["run", *words, *few_items]) == 0
    trials = Journal(tmp_path / "ja_math_micro/random/seed=0/trials.jsonl").read()
    task = package.load_task("ja_math_micro", few_items)
    assert np.array_equal(task([trial.x for trial in trials]), [trial.losses for trial in trials])


def test_what_cannot_be_merged_gets_the_losses_of_a_failure() -> None:
    known = KnownTask(limit=1.5)
    F = TaskFunction(known)(np.array([[0.1] * 3, [0.9] * 3]))
    assert (F[0] < 2).all() and (F[1] == 1e3).all()
    with pytest.raises(CandidateFailure):
        known.measure(known.recipe(np.full(3, 0.9)), "search")


def test_a_problem_may_fail_too() -> None:
    task = TaskFunction(made())
    nowhere = task.space.encode({"weight": 1.0, "layers": 2, "method": 0})
    assert (task(nowhere) == 1e3).all() and np.isfinite(task(np.full(3, 0.5))).all()


@pytest.mark.parametrize("X", [np.zeros(9), np.zeros((2, 11)), np.zeros((1, 1, 10)), 0.5])
def test_another_shape_is_refused(X: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInput, match=r"the task wants \(10,\) or \(k, 10\)"):
        package.load_task("zdt1")(X)


def test_what_lies_outside_the_cube_is_refused() -> None:
    with pytest.raises(BadInput, match=r"'x2' is 1\.5, not in"):
        package.load_task("zdt1")([[0.5, 1.5] + 8 * [0.5]])


def test_pymoo_optimizes_it_as_it_does_its_own() -> None:
    ours = minimize(package.load_task("zdt4").as_pymoo(), NSGA2(20), ("n_gen", 5), seed=1)

    class Cube(type(get_problem("zdt4"))):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=10)
            self.low, self.high = self.xl, self.xu
            self.xl, self.xu = np.zeros(10), np.ones(10)

        def _evaluate(self, x, out, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
            super()._evaluate(self.low + x * (self.high - self.low), out)
            out["F"] = out["F"] / [1.1, 180.0]

    direct = minimize(Cube(), NSGA2(20), ("n_gen", 5), seed=1)
    assert np.allclose(ours.X, direct.X, rtol=0, atol=1e-12)
    assert np.allclose(ours.F, direct.F, rtol=0, atol=1e-12)


def test_optuna_suggests_each_parameter_by_its_kind() -> None:
    class Mixed(Items):
        space = SearchSpace([*Items.space.parameters, Parameter("rate", "log", 1e-3, 1.0)])

    task = TaskFunction(made(Mixed()))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    study.optimize(task.optuna_objective, n_trials=40)
    kinds = study.trials[0].distributions
    assert isinstance(kinds["layers"], optuna.distributions.IntDistribution)
    assert kinds["method"] == optuna.distributions.CategoricalDistribution(("linear", "ties", 0))
    assert kinds["rate"] == optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)
    assert kinds["weight"] == optuna.distributions.FloatDistribution(0.0, 2.0)
    for trial in study.trials:
        if trial.params["method"] == 0:
            assert trial.values == [1e3, 1e3]
        else:
            assert trial.values[1] == pytest.approx(trial.params["layers"] / 4)


def test_one_objective_suits_a_study_of_one_direction() -> None:
    task = TaskFunction(made(Items(), made().objectives[1]))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(task.optuna_objective, n_trials=10)
    assert study.best_value == 0.25


def test_load_task_takes_the_words_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    text = Path(package.__file__).parents[1] / "conf/task/zdt1.yaml"
    own = text.read_text(encoding="utf-8").replace("d: 10", "d: 4")
    (tmp_path / "task" / "own.yaml").write_text(own, encoding="utf-8")
    assert package.load_task("own", config_dir=tmp_path).d == 4
    assert package.load_task("zdt1", ["task.problem.d=6"]).d == 6
    for words, said in ((["task.problem.d=0"], "d is 0"), ("d=6", "a list of key=value")):
        with pytest.raises(BadInput, match=said):
            package.load_task("zdt1", words)
    with pytest.raises(BadInput, match="nonsense"):
        package.load_task("nonsense")
