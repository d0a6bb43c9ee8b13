"""Bayesian optimization by optuna's own Gaussian processes, with ints and choices as what they are.

One Matérn-5/2 process with a length scale per parameter for each objective, and the expected
improvement of the hypervolume in its logarithm: Daulton, Balandat & Bakshy 2020, "Differentiable
expected hypervolume improvement", NeurIPS 33 (EHVI), and Ament et al. 2023, "Unexpected improvements
to expected improvement", NeurIPS 36 (the logarithm). With one objective it is log EI. Noise is
inferred. Untold candidates of a batch count as running, and the sampler takes the expectation over
what they may turn out to be. The reference point is optuna's own, from the worst losses seen.

Losses above `clip` are told as `clip`. The default is 1, the reference of every hypervolume of the
suite: beyond it no hypervolume is won, and a failed trial, told as 1e3, would otherwise leave the
standardised losses of all others indistinguishable.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suite.optimizers.global_state import one_thread
from suite.optimizers.optimizer import check_option, starting_points
from suite.optimizers.optuna_search import OptunaSearch, make_study
from suite.space import SearchSpace, Vector


class OptunaGp(OptunaSearch):
    """Its samplers' linear algebra in one thread, so that the same seed gives the same bits."""

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
    clip: float | None = 1.0,
) -> OptunaGp:
    """Optuna's `GPSampler` after `startup` random trials, `batch` candidates an ask.

    `clip` is the largest loss told, None for no limit. Starting points are enqueued: they are asked
    first and count among the startup trials. Resuming asks again, and so costs the same seconds.
    """
    check_option("optuna_gp", "batch", batch, 1)
    check_option("optuna_gp", "startup", startup, 1)
    check_option("optuna_gp", "clip", np.inf if clip is None else clip, 0.0)
    first = starting_points(space, start)
    import optuna

    sampler = optuna.samplers.GPSampler(
        seed=seed,
        n_startup_trials=startup,
        warn_independent_sampling=False,  # a choice of one option is none of the model's
    )
    return OptunaGp(space, make_study(space, n_objectives, sampler, first), batch, clip)
