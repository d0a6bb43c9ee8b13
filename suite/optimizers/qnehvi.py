"""qNEHVI by botorch: Bayesian optimization of the hypervolume with noisy losses, in batches.

Daulton, Balandat & Bakshy 2021, "Parallel Bayesian optimization of multiple noisy objectives with
expected hypervolume improvement", NeurIPS 34; in the logarithm of Ament et al. 2023, "Unexpected
improvements to expected improvement", NeurIPS 36, which botorch recommends over the original since
that one's gradients vanish. Needs the extra ``botorch``.

One Gaussian process for each objective, botorch's default (RBF, a length scale per parameter with
the prior of Hvarfner, Hellsten & Nardi 2024, ICML), its noise inferred: the measured standard errors
of the scores are not used. Each ask fits anew on all that was told and depends on nothing else, so
that resuming proposes the same candidates, at the cost of the same seconds.

Ints and choices are native: ints keep their order and are searched level by level (relaxed and
rounded beyond 20 levels); choices have botorch's categorical kernel and are searched option by
option, alternating with gradient steps in the floats.

Losses beyond the reference point are told to the model as the reference point: no hypervolume is won
there, and a failed trial, told as 1e3, would flatten all others.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.global_state import one_thread, seeded
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.spaces.space import SearchSpace, Vector

if TYPE_CHECKING:
    from botorch.models.gp_regression import SingleTaskGP
    from torch import Tensor


class QNehvi:
    """A first design, then `batch` maximisers of the acquisition an ask.

    `design`, (s, d), is asked first; `reference`, (m,), is the reference point; `search` has the
    sizes of the maximisation: ``mc_samples``, ``raw_samples``, ``num_restarts``.
    """

    def __init__(
        self,
        space: SearchSpace,
        design: Vector,
        seed: int,
        batch: int,
        reference: Vector,
        search: dict[str, int],
    ) -> None:
        self._levels = np.array([p.levels for p in space.parameters])
        self._choices = [i for i, p in enumerate(space.parameters) if p.kind == "choice"]
        self._design = self._snapped(design)
        self._seed, self._batch, self._reference, self._search = seed, batch, reference, search
        self._X, self._F = np.empty((0, space.d)), np.empty((0, len(reference)))
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next `batch` candidates, fewer at the end of the first design."""
        rows = self._design[len(self._X) : len(self._X) + self._batch]
        self._asked = rows.copy() if len(rows) else self._proposed()
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Keeps the losses, limited to the reference point, for the next fit."""
        losses = told_losses(self._asked, X, F, len(self._reference))
        assert self._asked is not None
        self._X = np.vstack([self._X, self._asked])
        self._F = np.vstack([self._F, np.minimum(losses, self._reference)])
        self._asked = None

    def _proposed(self) -> Vector:
        import torch

        drawn = np.random.default_rng([self._seed, len(self._X)]).integers(2**32)
        X, Y = torch.from_numpy(self._X), torch.from_numpy(-self._F)  # botorch maximises
        with one_thread(), seeded(int(drawn)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of restarts that failed, and of constant losses
            candidates = self._maximised(self._fitted(X, Y), X)
        return self._snapped(np.clip(candidates.detach().numpy(), 0, 1))

    def _fitted(self, X: Tensor, Y: Tensor) -> SingleTaskGP:
        """Independent processes, one a column of `Y`, in one model."""
        from botorch.fit import fit_gpytorch_mll
        from botorch.models.gp_regression import SingleTaskGP
        from botorch.models.gp_regression_mixed import MixedSingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        model = MixedSingleTaskGP(X, Y, self._choices) if self._choices else SingleTaskGP(X, Y)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model

    def _maximised(self, model: SingleTaskGP, X: Tensor) -> Tensor:
        """Maximisers of the acquisition, (batch, d), one after the other given those before."""
        import torch
        from botorch.acquisition.multi_objective.logei import (
            qLogNoisyExpectedHypervolumeImprovement,
        )
        from botorch.optim.optimize import optimize_acqf
        from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
        from botorch.sampling.normal import SobolQMCNormalSampler

        size = torch.Size([self._search["mc_samples"]])
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=(-self._reference).tolist(),
            X_baseline=X,
            sampler=SobolQMCNormalSampler(size, seed=int(torch.randint(2**31, (1,)))),
            prune_baseline=True,
        )
        shared: dict[str, Any] = {
            "acq_function": acquisition,
            "q": self._batch,
            "num_restarts": self._search["num_restarts"],
            "raw_samples": self._search["raw_samples"],
            "sequential": True,
        }
        cells = {i: _middles(int(k)).tolist() for i, k in enumerate(self._levels) if k > 1}
        bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).repeat(1, len(self._levels))
        for index, values in cells.items():
            bounds[:, index] = torch.tensor([values[0], values[-1]], dtype=torch.float64)
        fixed = {int(i): 0.5 for i in np.flatnonzero(self._levels == 1)}
        shared |= {"bounds": bounds, "fixed_features": fixed or None}
        if not cells:
            limits: dict[str, Any] = {"batch_limit": 5, "maxiter": 200}
            return optimize_acqf(**shared, options=limits)[0]
        ordered = {i: values for i, values in cells.items() if i not in self._choices}
        options = {i: values for i, values in cells.items() if i in self._choices}
        return optimize_acqf_mixed_alternating(**shared, discrete_dims=ordered, cat_dims=options)[0]

    def _snapped(self, X: Vector) -> Vector:
        """`X`, (k, d), with ints and choices at the middle of their cells."""
        levels = np.maximum(self._levels, 1)
        middle = (np.minimum(np.floor(X * levels), levels - 1) + 0.5) / levels
        return np.where(self._levels > 0, middle, X)


def _middles(levels: int) -> Vector:
    """The middles of `levels` equal cells of the unit interval."""
    return np.asarray((np.arange(levels) + 0.5) / levels)


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    batch: int = 1,
    startup: int | None = None,
    reference_point: Sequence[float] | None = None,
    mc_samples: int = 128,
    raw_samples: int = 512,
    restarts: int = 10,
) -> QNehvi:
    """qLogNEHVI after a first design of `startup` scrambled Sobol points, None being 2 (d + 1).

    Starting points are asked first and take the places of Sobol points. `reference_point` is (m,),
    None being 1 in each objective. The acquisition is the mean of `mc_samples` and is maximised from
    the best `restarts` of `raw_samples` points, for each of the `batch` candidates of an ask. Needs
    two objectives or more.
    """
    if n_objectives < 2:
        raise BadInput("optimizer qnehvi: 1 objective, allowed: 2 or more; optuna_gp takes 1")
    size = 2 * (space.d + 1) if startup is None else startup
    search = {"mc_samples": mc_samples, "raw_samples": raw_samples, "num_restarts": restarts}
    for name, value in {"batch": batch, "startup": size, **search}.items():
        check_option("qnehvi", name.removeprefix("num_"), value, 2 if name == "startup" else 1)
    check_option("qnehvi", "raw_samples", raw_samples, restarts)
    reference = _reference(n_objectives, reference_point)
    first = starting_points(space, start)
    _check_installed()
    import torch

    sobol = torch.quasirandom.SobolEngine(space.d, scramble=True, seed=seed)
    spread = sobol.draw(max(size - len(first), 0), dtype=torch.float64).numpy()
    return QNehvi(space, np.vstack([first, spread]), seed, batch, reference, search)


def _reference(m: int, given: Sequence[float] | None) -> Vector:
    point = np.ones(m) if given is None else np.array(given, dtype=np.float64)
    if point.shape != (m,) or not np.isfinite(point).all():
        raise BadInput(f"optimizer qnehvi: reference_point {given}, allowed: {m} finite numbers")
    return point


def _check_installed() -> None:
    try:
        import botorch  # noqa: F401
    except ImportError:
        raise BadInput(
            "optimizer qnehvi: botorch is not installed; pip install 'merge-suite[botorch]'"
        ) from None
