"""qNEHVI by the loop of botorch's tutorial on noisy, parallel optimization of several objectives.

botorch.org/docs/tutorials/multi_objective_bo, and its numbers: Sobol points first, then a fit and four
candidates at a time, 128 samples, 512 starts of which 10 are followed. Of the tutorial the suite
takes neither the known noise nor the original acquisition, but a noise to be found and the logarithm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.optimizers.global_state import one_thread

from .function import Function


def qnehvi(function: Function, seed: int) -> None:
    """2 (d + 1) Sobol points, then four candidates a fit to losses of at most 1, the reference.

    The acquisition is maximised from random starts, drawn from torch's own generator. Each fit seeds
    it by the run's seed and the number of candidates so far, as the suite does to resume a run.
    """
    import torch
    from botorch.utils.sampling import draw_sobol_samples

    cube = torch.tensor([[0.0] * function.d, [1.0] * function.d], dtype=torch.float64)
    with one_thread(), torch.random.fork_rng(devices=[]):
        X = draw_sobol_samples(cube, n=2 * (function.d + 1), q=1, seed=seed).squeeze(1)
        F = torch.from_numpy(function(X.numpy()))
        while function.left:
            torch.manual_seed(int(np.random.default_rng([seed, len(X)]).integers(2**32)))
            new = _candidates(X, F.clamp(max=1.0), cube)
            X, F = torch.cat([X, new]), torch.cat([F, torch.from_numpy(function(new.numpy()))])


def _candidates(X: Any, F: Any, cube: Any) -> Any:
    """The next four, (4, d), one after the other, after candidates `X` (n, d) with losses `F` (n, m)."""
    import torch
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.gp_regression import SingleTaskGP
    from botorch.optim.optimize import optimize_acqf
    from botorch.sampling.normal import SobolQMCNormalSampler
    from gpytorch.mlls import ExactMarginalLogLikelihood

    model = SingleTaskGP(X, -F)  # botorch maximises
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model=model,
        ref_point=[-1.0] * F.shape[1],
        X_baseline=X,
        sampler=SobolQMCNormalSampler(torch.Size([128]), seed=int(torch.randint(2**31, (1,)))),
        prune_baseline=True,
    )
    candidates, _ = optimize_acqf(
        acquisition,
        bounds=cube,
        q=4,
        num_restarts=10,
        raw_samples=512,
        options={"batch_limit": 5, "maxiter": 200},
        sequential=True,
    )
    return candidates.detach()
