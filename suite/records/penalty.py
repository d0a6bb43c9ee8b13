"""What an optimizer is told of a trial: its losses, or the penalty of a failure.

A strategy keeps what it was told of early trials, so a failure has to look worse than every measured
loss, those still to come included. Measured losses have no upper end. Therefore they are told as they
are up to half the penalty, and larger ones are bent to stay below it, in their order:

    told(l) = l                 for l <= P / 2
    told(l) = P - (P / 2)^2 / l for l >  P / 2

which joins at P / 2 with slope 1 and tends to P. It looks at nothing but the loss itself, so that a
replayed journal is told the same. 500 times the distance from the ideal to the reference is far from
any merge worth having; journals hold the losses as measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from suite.records.trial import Trial

PENALTY = 1e3  # in losses: 0 is the ideal, 1 the reference
_HIGHEST = np.nextafter(PENALTY, 0.0)  # what rounding would lift to the penalty itself


def penalty(m: int) -> NDArray[np.float64]:
    """What a failed trial is told as.

    Parameters
    ----------
    m : int
        Number of objectives.

    Returns
    -------
    ndarray, shape (m,)
        Worse in every objective than whatever `penalised_losses` makes of a successful trial.

    Examples
    --------
    >>> penalty(2).tolist()
    [1000.0, 1000.0]
    """
    return np.full(m, PENALTY)


def penalised_losses(trial: Trial, m: int) -> NDArray[np.float64]:
    """What an optimizer is told of one trial.

    Parameters
    ----------
    trial : Trial
        Successful or failed.
    m : int
        Number of objectives.

    Returns
    -------
    ndarray, shape (m,)
        Finite. `penalty` for a failed trial; else its losses, bent below the penalty where they are
        above half of it.

    Examples
    --------
    >>> def done(*losses):
    ...     return Trial(0, (), {}, "ok", None, {}, losses, {})
    >>> penalised_losses(done(0.25, 1.5), 2).tolist()
    [0.25, 1.5]
    >>> penalised_losses(done(1000.0, 1e6), 2).tolist()
    [750.0, 999.75]
    """
    if trial.status != "ok":
        return penalty(m)
    losses = np.array(trial.losses, dtype=np.float64)
    half = PENALTY / 2
    bent = PENALTY - half * (half / np.maximum(losses, half))
    return np.where(losses <= half, losses, np.minimum(bent, _HIGHEST))
