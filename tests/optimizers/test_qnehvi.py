"""qNEHVI: botorch used directly on ZDT1, mixed kinds, failed trials, and the missing extra."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from pymoo.problems import get_problem

from suite.errors import BadInput
from suite.optimizers import contract, contract_plays, qnehvi
from suite.records.penalty import penalty
from suite.spaces.space import Parameter, SearchSpace, Vector
from tests.nonempty import some

torch = pytest.importorskip("torch")
D = 3
SPACE = SearchSpace([Parameter(f"x{i}") for i in range(D)])
SMALL: Any = {"mc_samples": 8, "raw_samples": 8, "restarts": 1}
CHEAP: Any = partial(qnehvi.make, batch=2, startup=4, **SMALL)


@pytest.fixture(autouse=True)
def botorch() -> Any:
    return pytest.importorskip("botorch")


def direct(X: torch.Tensor, F: torch.Tensor, seed: int, q: int) -> Vector:
    """The next candidates by botorch alone, after its tutorial on qNEHVI; no code is shared."""
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.gp_regression import SingleTaskGP
    from botorch.optim.optimize import optimize_acqf
    from botorch.sampling.normal import SobolQMCNormalSampler
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    model = SingleTaskGP(X, -F)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    sampler = SobolQMCNormalSampler(torch.Size([16]), seed=int(torch.randint(2**31, (1,))))
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model, [-11.0, -11.0], X, sampler, prune_baseline=True
    )
    candidates, _ = optimize_acqf(
        acquisition,
        torch.tensor([[0.0] * D, [1.0] * D], dtype=torch.float64),
        q=q,
        num_restarts=2,
        raw_samples=16,
        sequential=True,
        options={"batch_limit": 5, "maxiter": 200},
    )
    return np.asarray(candidates.numpy())


def test_it_is_botorch() -> None:
    """Scrambled Sobol points, then one fit and one maximisation an ask, seeded by what was told."""
    problem = get_problem("zdt1", n_var=D)
    optimizer = qnehvi.make(
        SPACE, 2, 1, batch=2, startup=6, reference_point=[11, 11],
        mc_samples=16, raw_samples=16, restarts=2,
    )  # fmt: skip
    sobol = torch.quasirandom.SobolEngine(D, scramble=True, seed=1).draw(6, dtype=torch.float64)
    told: list[Vector] = []
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    try:
        while sum(map(len, told)) < 10:
            X = optimizer.ask()
            before = np.vstack([np.empty((0, D)), *told])
            if len(before) < 6:
                assert np.array_equal(X, sobol[len(before) :][:2].numpy())
            else:
                seed = int(np.random.default_rng([1, len(before)]).integers(2**32))
                F = torch.from_numpy(problem.evaluate(before))
                assert np.array_equal(X, direct(torch.from_numpy(before), F, seed, 2))
            told.append(X)
            optimizer.tell(X, problem.evaluate(X))
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)


@pytest.mark.parametrize(
    "check",
    [contract.check_batches, contract.check_replay, contract.check_global_random],
    ids=lambda check: check.__name__,
)
def test_past_the_first_design_it_keeps_the_contract(check: Callable[..., None]) -> None:
    check(CHEAP, 6)


def test_ints_and_choices_are_asked_as_levels() -> None:
    """The proposals too, which a maximiser of floats would put anywhere."""
    optimizer = CHEAP(contract_plays.MIXED, 2, 0)
    for _ in range(3):
        X = optimizer.ask()
        for x in some(X[:, 2:]):
            back = [p.encode(p.decode(v)) for p, v in zip(contract_plays.MIXED.parameters[2:], x)]  # noqa: B905
            assert x.tolist() == pytest.approx(back)
        optimizer.tell(X, contract_plays.bowls(X))


def test_a_failed_trial_is_told_as_the_reference_point() -> None:
    def third(failed: Vector) -> Vector:
        optimizer = CHEAP(SPACE, 2, 0)
        for _ in range(2):
            X = optimizer.ask()
            optimizer.tell(X, np.vstack([failed, contract_plays.bowls(X[1:])]))
        return np.asarray(optimizer.ask())

    assert np.array_equal(third(penalty(2)), third(np.ones(2)))


def test_the_start_is_asked_first_and_the_design_ends_in_a_short_batch() -> None:
    start = np.full((1, D), 0.25)
    optimizer = qnehvi.make(SPACE, 2, 0, start, batch=3, startup=5, **SMALL)
    sizes = []
    for _ in range(2):
        X = optimizer.ask()
        sizes.append(len(X))
        optimizer.tell(X, contract_plays.bowls(X))
        assert len(sizes) == 2 or np.array_equal(X[:1], start)
    assert sizes == [3, 2]


@pytest.mark.parametrize(
    ("m", "options", "says"),
    [
        (1, {}, "optuna_gp"),
        (2, {"batch": 0}, "batch is 0"),
        (2, {"startup": 1}, "startup is 1"),
        (2, {"restarts": 0}, "restarts is 0"),
        (2, {"restarts": 20, "raw_samples": 10}, "raw_samples is 10"),
        (2, {"reference_point": [1.0]}, "2 finite numbers"),
    ],
)
def test_bad_options_are_refused(m: int, options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        qnehvi.make(SPACE, m, 0, **options)


def test_a_missing_botorch_is_one_line_with_the_extra() -> None:
    code = (
        "import sys; sys.modules['botorch'] = None\n"
        "from suite.errors import BadInput\n"
        "from suite.optimizers import qnehvi\n"
        "from suite.spaces.space import Parameter, SearchSpace\n"
        "try: qnehvi.make(SearchSpace([Parameter('x')]), 2, 0)\n"
        "except BadInput as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("pip install 'merge-suite[botorch]'")
