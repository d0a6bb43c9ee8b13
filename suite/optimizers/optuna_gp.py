"""Bayesian optimization by optuna's own Gaussian processes, with ints and choices as what they are.

One Matérn-5/2 process with a length scale per parameter for each objective, and the expected
improvement of the hypervolume in its logarithm: Daulton, Balandat & Bakshy 2020, "Differentiable
expected hypervolume improvement", NeurIPS 33 (EHVI), and Ament et al. 2023, "Unexpected improvements
to expected improvement", NeurIPS 36 (the logarithm). With one objective it is log EI. Noise is
inferred. Untold candidates of a batch count as running, and the sampler takes the expectation over
what they may turn out to be. The reference point is optuna's own, from the worst losses seen.

Optuna's reference point is a tenth beyond the worst losses it was told, not the 1 that bounds every
hypervolume of the suite: given losses as they are it seeks what wins nothing here, a loss near 0
beside one far above 1. A candidate with a loss above 1 is therefore told with no loss below 1, so
that all inside the reference dominate it, and with none above `limit`, as a failed trial, told as
1e3, would leave the standardised losses of all others indistinguishable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from suite.optimizers.global_state import one_thread
from suite.optimizers.optimizer import check_option, starting_points
from suite.optimizers.optuna_search import OptunaSearch, make_study
from suite.spaces.space import SearchSpace, Vector

if TYPE_CHECKING:
    from optuna import Study


class OptunaGp(OptunaSearch):
    """Its samplers' linear algebra in one thread, so that the same seed gives the same bits."""

    def __init__(self, space: SearchSpace, study: Study, batch: int, limit: float | None) -> None:
        super().__init__(space, study, batch)
        self._limit = limit

    def tell(self, X: Vector, F: Vector) -> None:
        """Completes the trials of the last ask; candidates with a loss above 1 in ``[1, limit]``."""
        losses = np.array(F, dtype=float)
        if self._limit is not None:
            outside = (losses > 1).any(axis=-1)
            losses[outside] = np.clip(losses[outside], 1, self._limit)
        super().tell(X, losses)

    def ask(self) -> Vector:
        """The next `batch` candidates; seconds each."""
        with one_thread():
            return super().ask()


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    batch: int = 1,
    startup: int = 10,
    limit: float | None = 2.0,
) -> OptunaGp:
    """Optuna's `GPSampler` after `startup` random trials, `batch` candidates an ask.

    `limit`, 1 or more, is the largest loss told; None tells all losses as they are. Starting points
    are enqueued: they are asked first and count among the startup trials. Resuming asks again, and
    so costs the same seconds.
    """
    check_option("optuna_gp", "batch", batch, 1)
    check_option("optuna_gp", "startup", startup, 1)
    check_option("optuna_gp", "limit", np.inf if limit is None else limit, 1.0)
    first = starting_points(space, start)
    import optuna

    sampler = optuna.samplers.GPSampler(
        seed=seed,
        n_startup_trials=startup,
        warn_independent_sampling=False,  # a choice of one option is none of the model's
    )
    return OptunaGp(space, make_study(space, n_objectives, sampler, first), batch, limit)
