"""ZDT, DTLZ and WFG by pymoo: functions of continuous parameters whose fronts are known.

Zitzler, Deb & Thiele 2000, "Comparison of multiobjective evolutionary algorithms: empirical
results", Evolutionary Computation 8(2); Deb, Thiele, Laumanns & Zitzler 2002, "Scalable
multi-objective optimization test problems", CEC; Huband, Hingston, Barone & While 2006, "A review of
multiobjective test problems and a scalable test problem toolkit", IEEE TEC 10(5).

The rule for the tasks in conf/task: the ideal is the best value of each objective on the known
front, rounded down to two decimals. The reference lies above it by the larger of 1.1 times the
front's range and the distance to the upper quartile of the objective over the search space, rounded
up to two digits. So the whole front lies inside the box, its ends count, and at least one in four
uniform candidates enters it (fewer than one in a hundred would, for some of these, with the front's
own worst values); a budget of 200 to 1000 trials is then told apart from its first trials on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.records.trial import Score
from suite.spaces.space import Parameter, SearchSpace, Setting
from suite.statistics import pareto

if TYPE_CHECKING:
    from pymoo.core.problem import Problem as PymooProblem

ZDT = ("zdt1", "zdt2", "zdt3", "zdt4", "zdt6")
DTLZ = ("dtlz1", "dtlz2", "dtlz3", "dtlz4", "dtlz7")
WFG = ("wfg2", "wfg3", "wfg4", "wfg7", "wfg8")  # the others' optimal sets are less simple to walk
POINTS = {2: 1000, 3: 71}  # of a front, along each of the m - 1 directions in it


class Analytic:
    """One of pymoo's problems; parameters x1 … xd and figures f1 … fm, all exact."""

    def __init__(self, name: str, problem: PymooProblem) -> None:
        self.title = f"{name.upper()} (pymoo)"
        bounds = zip(problem.xl.tolist(), problem.xu.tolist(), strict=True)
        self.space = SearchSpace(
            [Parameter(f"x{i}", "float", low, high) for i, (low, high) in enumerate(bounds, 1)]
        )
        self.figures = tuple(f"f{i + 1}" for i in range(problem.n_obj))
        self._name = name
        self._problem = problem

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        """The function's values at `settings`; every split is the same."""
        x = np.array([float(settings[name]) for name in self.space.names])
        values = self._problem.evaluate(x, return_values_of=["F"])
        return {
            figure: Score(float(value), 0.0, 1)
            for figure, value in zip(self.figures, values, strict=True)
        }

    def front(self) -> NDArray[np.float64]:
        """Non-dominated points of the front, (n, m): about 1000, or about 5000 of three objectives."""
        made = _front(self._name, self._problem)
        return made[pareto.front(made)]


def make(name: str, d: int = 10, m: int = 2) -> Analytic:
    """pymoo's problem `name` of `d` parameters and `m` objectives, 2 or 3; ZDT has 2."""
    known = (*ZDT, *DTLZ, *WFG)
    if name not in known:
        raise BadInput(f"problem: {name!r} is unknown; there are {', '.join(known)}")
    if m not in (2,) if name in ZDT else m not in POINTS:
        allowed = "2" if name in ZDT else " and ".join(map(str, POINTS))
        raise BadInput(f"problem {name}: m is {m}; allowed: {allowed}")
    if not isinstance(d, int) or d <= m:
        raise BadInput(f"problem {name}: d is {d}; allowed: whole numbers above m, {m}")
    from pymoo.problems import get_problem

    try:
        problem = get_problem(name, n_var=d, **({} if name in ZDT else {"n_obj": m}))
    except (ValueError, AssertionError) as error:
        raise BadInput(f"problem {name}: d is {d}: {error}") from None
    return Analytic(name, problem)


def _front(name: str, problem: Any) -> NDArray[np.float64]:
    """pymoo's own points where it can make them as densely as wanted, without chance or download.

    Else its function on its optimal set: of DTLZ7 where the distance parameters are 0, of WFG where
    pymoo puts them, with equal position parameters within each of the m - 1 groups.
    """
    m = problem.n_obj
    if name in ZDT:
        count = {"n_points" if name == "zdt3" else "n_pareto_points": POINTS[2]}
        return np.asarray(problem.pareto_front(**count))
    if name in WFG or name == "dtlz7":
        axes = np.meshgrid(*(m - 1) * [np.linspace(0, 1, POINTS[m])], indexing="ij")
        places = np.stack([axis.ravel() for axis in axes], axis=1)
        if name == "dtlz7":
            best = np.hstack([places, np.zeros((len(places), problem.n_var - m + 1))])
        else:
            best = problem._positional_to_optimal(places.repeat(problem.k // (m - 1), axis=1))
        return np.asarray(problem.evaluate(best, return_values_of=["F"]))
    from pymoo.util.reference_direction import UniformReferenceDirectionFactory

    parts = {2: POINTS[2] - 1, 3: 99}[m]
    directions = UniformReferenceDirectionFactory(m, n_partitions=parts).do()
    return np.asarray(problem.pareto_front(ref_dirs=directions))
