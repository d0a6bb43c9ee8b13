"""How figures are written: in which unit, with how many decimals, with a true minus."""

from __future__ import annotations

import math

from suite.objective import Objective


def scale(objective: Objective) -> float:
    """Tell what scores are multiplied by where they are shown.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    float
        100 for shares, which are shown as percent, else 1; told by the ideal and the reference of the
        configuration, never by scores.

    Examples
    --------
    >>> scale(Objective("ja_math", "maths.right", "maximize", 1.0, 0.2, "share"))
    100.0
    """
    bounds = (objective.ideal, objective.reference)
    return 100.0 if all(0.0 <= bound <= 1.0 for bound in bounds) else 1.0


def unit(objective: Objective) -> str:
    """Tell the unit that scaled scores are shown in.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    str
        Possibly empty.

    Examples
    --------
    >>> unit(Objective("depth", "cost.hops", "minimize", 6, 24, "layers"))
    'layers'
    """
    return "%" if scale(objective) == 100.0 else objective.unit


def digits(objective: Objective) -> int:
    """Tell with how many decimals a scaled score is shown.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    int
        1 for percent and for ranges of 10 or more, else 3.

    Examples
    --------
    >>> digits(Objective("depth", "cost.hops", "minimize", 6, 24, "layers"))
    1
    """
    wide = abs(objective.ideal - objective.reference) >= 10
    return 1 if wide or scale(objective) == 100.0 else 3


def natural(objective: Objective, loss: float) -> float:
    """Turn a loss back into the scaled score that it stands for.

    Parameters
    ----------
    objective : Objective
    loss : float
        0 is the ideal, 1 the reference.

    Returns
    -------
    float
        In the unit that `unit` names.

    Examples
    --------
    >>> natural(Objective("depth", "cost.hops", "minimize", 6, 24, "layers"), 0.5)
    15.0
    """
    # the inverse of suite.objective: loss = (ideal − score) / (ideal − reference)
    score = objective.ideal - loss * (objective.ideal - objective.reference)
    return score * scale(objective)


def fixed(value: float, digits: int = 1, factor: float = 1.0) -> str:
    """Write a number with a fixed count of decimals and a true minus.

    Parameters
    ----------
    value : float
    digits : int
        Decimals.
    factor : float
        What the value is multiplied by first.

    Returns
    -------
    str
        NaN as a dash, infinity as its sign.

    Examples
    --------
    >>> fixed(-0.126, 1, 100.0), fixed(math.nan)
    ('−12.6', '–')
    """
    if math.isnan(value):
        return "–"
    return f"{value * factor:.{digits}f}".replace("-", "−") if math.isfinite(value) else "∞"


def signed(value: float, digits: int = 1, factor: float = 1.0) -> str:
    """Write a number with its sign, a true minus among them.

    Parameters
    ----------
    value : float
    digits : int
        Decimals.
    factor : float
        What the value is multiplied by first.

    Returns
    -------
    str
        NaN as a dash.

    Examples
    --------
    >>> signed(0.126, 1, 100.0)
    '+12.6'
    """
    return "–" if math.isnan(value) else f"{value * factor:+.{digits}f}".replace("-", "−")


def pvalue(value: float) -> str:
    """Write a p value with three decimals.

    Parameters
    ----------
    value : float
        In [0, 1], or NaN.

    Returns
    -------
    str
        ``<0.001`` below that; NaN as a dash.

    Examples
    --------
    >>> pvalue(0.0316), pvalue(1e-9)
    ('0.032', '<0.001')
    """
    if math.isnan(value):
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def score(objective: Objective, value: float) -> str:
    """Write a score in the unit that it is shown in.

    Parameters
    ----------
    objective : Objective
    value : float
        In the objective's natural unit.

    Returns
    -------
    str

    Examples
    --------
    >>> score(Objective("ja_math", "maths.right", "maximize", 1.0, 0.2, "share"), 0.416)
    '41.6 %'
    """
    return f"{fixed(value, digits(objective), scale(objective))} {unit(objective)}".strip()
