"""NSGA-II by pymoo: non-dominated sorting with crowding, and operators for each kind of parameter.

Deb, Pratap, Agarwal & Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm:
NSGA-II", IEEE TEC 6(2). On continuous spaces the operators are pymoo's defaults: SBX with eta 15 and
probability 0.9, polynomial mutation (PM) with eta 20.

Ints and choices are native, by pymoo's mixed-variable mating: whole levels are crossed by SBX and
mutated by PM, rounded; options are swapped by uniform crossover and mutated to a random option, so
that no order is imposed on them. Two of pymoo's settings for such spaces are not taken over: parents
are chosen by NSGA-II's binary tournament, not at random, and every parameter mutates with
probability 1/d, as in the paper, where pymoo counts each kind for itself and each choice alone,
which makes half of all choices mutate in every offspring. Ints have eta 3, since a level is too wide
for the small steps of eta 20. Continuous parameters are searched in the unit interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.space import Parameter, SearchSpace, Vector

if TYPE_CHECKING:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.mixed import MixedVariableMating
    from pymoo.core.variable import Variable

INT_ETA = 3.0


class Nsga2:
    """One generation an ask: first the initial population, then its offspring."""

    def __init__(self, algorithm: NSGA2, rows: Callable[[Any], Vector]) -> None:
        self._algorithm = algorithm
        self._rows = rows
        self._offspring: Any = None
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next generation; at most `population` rows, fewer where pymoo drops duplicates."""
        self._offspring = self._algorithm.ask()
        if self._offspring is None:
            raise RuntimeError("NSGA-II found no offspring that differs from its population")
        self._asked = self._rows(self._offspring.get("X"))
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Survival selection among the population and these offspring."""
        from pymoo.problems.static import StaticProblem

        problem = self._algorithm.problem
        losses = told_losses(self._asked, X, F, problem.n_obj)
        self._asked = None
        self._algorithm.evaluator.eval(StaticProblem(problem, F=losses), self._offspring)
        self._algorithm.tell(infills=self._offspring)


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
) -> Nsga2:
    """NSGA-II with `population` individuals and as many offspring a generation.

    Starting points take the first places of the random initial population. Where a space has too
    few settings for a population without duplicates, it is smaller.
    """
    check_option("nsga2", "population", population, 2)
    first = starting_points(space, start)
    if len(first) > population:
        raise BadInput(
            f"optimizer nsga2: {len(first)} starting points, allowed: at most the population"
            f" of {population}"
        )
    from pymoo.core.termination import NoTermination

    build = _mixed if any(parameter.levels for parameter in space.parameters) else _continuous
    algorithm, problem, rows = build(space, n_objectives, population, first)
    algorithm.setup(problem, termination=NoTermination(), seed=seed)
    return Nsga2(algorithm, rows)


def _continuous(
    space: SearchSpace, n_objectives: int, population: int, first: Vector
) -> tuple[NSGA2, Any, Callable[[Any], Vector]]:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.sampling.rnd import FloatRandomSampling

    class Sampling(FloatRandomSampling):  # type: ignore[misc]
        """Pymoo takes too few given points as a short population, so they are filled up here."""

        def _do(self, *args: Any, **kwargs: Any) -> Vector:
            points: Vector = super()._do(*args, **kwargs)
            points[: len(first)] = first
            return points

    algorithm = NSGA2(pop_size=population, sampling=Sampling())
    problem = Problem(n_var=space.d, n_obj=n_objectives, xl=0.0, xu=1.0)
    return algorithm, problem, lambda X: np.array(X, dtype=np.float64)


def _mixed(
    space: SearchSpace, n_objectives: int, population: int, first: Vector
) -> tuple[NSGA2, Any, Callable[[Any], Vector]]:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.mixed import MixedVariableDuplicateElimination, MixedVariableSampling
    from pymoo.core.problem import Problem

    begun = [_native(space, x) for x in first]

    class Sampling(MixedVariableSampling):  # type: ignore[misc]
        def _do(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
            points: list[dict[str, Any]] = super()._do(*args, **kwargs)
            return begun + points[len(begun) :]

    distinct = MixedVariableDuplicateElimination()
    algorithm = NSGA2(
        pop_size=population,
        sampling=Sampling(),
        mating=_mating(space.d, distinct),
        eliminate_duplicates=distinct,
    )
    variables = {parameter.name: _variable(parameter) for parameter in space.parameters}
    problem = Problem(vars=variables, n_obj=n_objectives)
    return algorithm, problem, lambda X: np.array([_row(space, values) for values in X])


def _mating(d: int, distinct: Any) -> MixedVariableMating:
    """Mixed-variable mating with mutation at rate 1/d, after NSGA-II's binary tournament."""
    from pymoo.algorithms.moo.nsga2 import binary_tournament
    from pymoo.core.mixed import MixedVariableMating
    from pymoo.core.population import Population
    from pymoo.core.variable import Choice, Integer, Real
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.mutation.rm import ChoiceRandomMutation
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.selection.tournament import TournamentSelection

    class Mating(MixedVariableMating):  # type: ignore[misc]
        def do(self, problem: Any, pop: Any, n_offsprings: int, **kwargs: Any) -> Population:
            """Repeats settings of the population only where there are no others left to propose."""
            offspring = super().do(problem, pop, n_offsprings, **kwargs)
            return offspring if len(offspring) else self._do(problem, pop, n_offsprings, **kwargs)

    rate = min(0.5, 1 / d)
    whole = {"vtype": float, "repair": RoundingRepair()}
    return Mating(
        selection=TournamentSelection(func_comp=binary_tournament),
        crossover={Real: SBX(), Integer: SBX(eta=INT_ETA, **whole), Choice: UX()},
        mutation={
            Real: PM(prob_var=rate),
            Integer: PM(prob_var=rate, eta=INT_ETA, **whole),
            Choice: ChoiceRandomMutation(prob_var=rate),
        },
        eliminate_duplicates=distinct,
    )


def _variable(parameter: Parameter) -> Variable:
    """Options go by their number, since pymoo's arrays would make one type of all of them."""
    from pymoo.core.variable import Choice, Integer, Real

    if parameter.kind == "choice":
        return Choice(options=list(range(parameter.levels)))
    if parameter.kind == "int":
        return Integer(bounds=(int(parameter.low), int(parameter.high)))
    return Real(bounds=(0.0, 1.0))


def _native(space: SearchSpace, x: Vector) -> dict[str, Any]:
    """pymoo's values, by name, for the settings of candidate `x`."""
    values: dict[str, Any] = {}
    for parameter, value in zip(space.parameters, x, strict=True):
        setting = parameter.decode(float(value))
        number = parameter.options.index(setting) if parameter.kind == "choice" else setting
        values[parameter.name] = number if parameter.levels else float(value)
    return values


def _row(space: SearchSpace, values: dict[str, Any]) -> list[float]:
    """The candidate with these values of pymoo's; ints and choices at the middle of their cells."""
    row = []
    for parameter in space.parameters:
        value = values[parameter.name]
        if parameter.kind == "choice":
            value = parameter.encode(parameter.options[int(value)])
        elif parameter.kind == "int":
            value = parameter.encode(int(value))
        row.append(float(value))
    return row
