"""Ints and choices for the strategies of pymoo: native, by its mixed-variable mating.

Whole levels are crossed by SBX and mutated by PM, rounded; options are swapped by uniform crossover
and mutated to a random option, so that no order is imposed on them. Two of pymoo's settings for such
spaces are not taken over: parents are chosen as the strategy chooses them elsewhere, not at random,
and every parameter mutates with probability 1/d, as in the papers, where pymoo counts each kind for
itself and each choice alone, which makes half of all choices mutate in every offspring. Ints have eta
3, since a level is too wide for the small steps of eta 20. Continuous parameters are searched in the
unit interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.spaces.space import Parameter, SearchSpace, Vector

if TYPE_CHECKING:
    from pymoo.core.mixed import MixedVariableDuplicateElimination, MixedVariableMating
    from pymoo.core.problem import Problem
    from pymoo.core.sampling import Sampling
    from pymoo.core.selection import Selection
    from pymoo.core.variable import Variable

INT_ETA = 3.0


def needed(space: SearchSpace) -> bool:
    """Whether `space` has ints or choices."""
    return any(parameter.levels for parameter in space.parameters)


def problem(space: SearchSpace, n_objectives: int) -> Problem:
    """pymoo's problem with a variable for each parameter, by name."""
    from pymoo.core.problem import Problem

    variables = {parameter.name: _variable(parameter) for parameter in space.parameters}
    return Problem(vars=variables, n_obj=n_objectives)


def rows(space: SearchSpace) -> Callable[[Any], Vector]:
    """From pymoo's values, a dictionary by name each, to candidates, shape (k, d)."""
    return lambda X: np.array([_row(space, values) for values in X])


def distinct() -> MixedVariableDuplicateElimination:
    """pymoo's comparison of settings, which keeps a population free of duplicates."""
    from pymoo.core.mixed import MixedVariableDuplicateElimination

    return MixedVariableDuplicateElimination()


def sampling(space: SearchSpace, first: Vector) -> Sampling:
    """Random settings, by pymoo, with those of `first` in the first places."""
    from pymoo.core.mixed import MixedVariableSampling

    begun = [_native(space, x) for x in first]

    class Sampling(MixedVariableSampling):  # type: ignore[misc]
        def _do(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
            points: list[dict[str, Any]] = super()._do(*args, **kwargs)
            return begun + points[len(begun) :]

    return Sampling()


def mating(
    d: int,
    distinct: MixedVariableDuplicateElimination | None,
    selection: Selection | None,
    *,
    eta: float,
    prob: float,
) -> MixedVariableMating:
    """Mixed-variable mating after `selection`; crossover with `prob`, of floats with `eta`.

    `distinct` None lets offspring repeat settings of the population, `selection` None is for
    algorithms that choose the parents themselves.
    """
    from pymoo.core.mixed import MixedVariableMating
    from pymoo.core.population import Population
    from pymoo.core.variable import Choice, Integer, Real
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.mutation.rm import ChoiceRandomMutation
    from pymoo.operators.repair.rounding import RoundingRepair

    class Mating(MixedVariableMating):  # type: ignore[misc]
        def do(self, problem: Any, pop: Any, n_offsprings: int, **kwargs: Any) -> Population:
            """Repeats settings of the population only where there are no others left to propose."""
            offspring = super().do(problem, pop, n_offsprings, **kwargs)
            return offspring if len(offspring) else self._do(problem, pop, n_offsprings, **kwargs)

        def _do(
            self, problem: Any, pop: Any, n_offsprings: int, parents: Any = None, **kwargs: Any
        ) -> Population:
            """Mates `parents` where they are given; pymoo would mate the population itself."""
            chosen = parents is not None
            mates = parents if chosen else pop
            return super()._do(problem, mates, n_offsprings, parents=chosen, **kwargs)

    class Crossovers(dict[Any, Any]):
        """By kind; MOEA/D asks it for the number of parents, as if it were one crossover."""

        n_parents = 2

    rate = min(0.5, 1 / d)
    whole = {"vtype": float, "repair": RoundingRepair()}
    return Mating(
        selection=selection,
        crossover=Crossovers(
            {
                Real: SBX(eta=eta, prob=prob),
                Integer: SBX(eta=INT_ETA, prob=prob, **whole),
                Choice: UX(prob=prob),
            }
        ),
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
