"""`cma_es_margin`: CMA-ES with margin (cmaes), for spaces of floats, ints and choices.

Hamano, Saito, Nomura & Shirakawa 2022, "CMA-ES with margin: lower-bounding marginal probability for
mixed-integer black-box optimization", GECCO, arXiv:2205.13482. An int is one discretised coordinate
that leaves its level at least with the probability `margin`, however small the step has become. As in
`cma_es`, K strategies, one per weight vector, each minimise an augmented Chebyshev scalarisation of
the losses (`chebyshev`) and are asked in turn. Without ints and choices this is plain CMA-ES.

Choices have no order, and CMA-ES with margin has no categorical variable; they are encoded so that
none is imposed. Two options are one binary coordinate. More are one binary coordinate *per option*,
and the option is the one whose sampled value is largest. All options are equally likely at the
start and treated alike. Each coordinate keeps the margin's guarantee, to cross its threshold with at
least that probability; changing an option takes two crossings, so its least probability is lower
than the margin, about its square. The price is the dimension: a choice of k options costs k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.chebyshev import weight_vectors
from suite.optimizers.optimizer import check_option, starting_points
from suite.optimizers.scalarised import Scalarised
from suite.spaces.space import Parameter, SearchSpace, Vector

if TYPE_CHECKING:
    from cmaes import CMAwM


class Coordinates:
    """The coordinates of a strategy for the parameters of `space`: `mean_at` there, `candidate` back.

    A continuous parameter is a coordinate in [0, 1]; an int or a choice of two options is one whose
    levels are the middles of its cells; a larger choice is a binary coordinate per option. Parameters
    of a single level have none. `bounds` is (D, 2), `steps` is (D,), 0 for continuous.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        levels = np.concatenate([_levels(parameter) for parameter in space.parameters])
        with np.errstate(divide="ignore"):
            self.steps: Vector = np.where(levels > 0, 1 / levels, 0.0)
        self.bounds: Vector = np.stack([self.steps / 2, 1 - self.steps / 2], axis=1)

    @property
    def size(self) -> int:
        """Number of coordinates D."""
        return len(self.steps)

    def mean_at(self, x: Vector) -> Vector:
        """The mean, shape (D,), of a strategy that starts at the settings of candidate `x`, (d,)."""
        parts: list[Vector] = []
        for parameter, value in zip(self._space.parameters, x, strict=True):
            width = len(_levels(parameter))
            if width > 1:
                chosen = parameter.options.index(parameter.decode(float(value)))
                parts.append(np.where(np.arange(width) == chosen, 0.75, 0.25))
            elif width == 1:
                parts.append(np.array([_centred(parameter, float(value))]))
        return np.concatenate(parts)

    def candidate(self, discretised: Vector, sampled: Vector) -> Vector:
        """The candidate, shape (d,), of a sample in its two forms of cmaes, each (D,)."""
        x = np.empty(self._space.d)
        at = 0
        for i, parameter in enumerate(self._space.parameters):
            width = len(_levels(parameter))
            if width > 1:
                chosen = int(np.argmax(sampled[at : at + width]))
                x[i] = parameter.encode(parameter.options[chosen])
            else:
                x[i] = _centred(parameter, discretised[at] if width else 0.5)
            at += width
        return x


def _levels(parameter: Parameter) -> Vector:
    """Levels of each coordinate that stands for `parameter`; 0 for a continuous one."""
    if parameter.levels == 1:
        return np.empty(0)
    if parameter.kind == "choice" and parameter.levels > 2:
        return np.full(parameter.levels, 2.0)
    return np.array([float(parameter.levels)])


def _centred(parameter: Parameter, value: float) -> float:
    """`value` itself for a continuous parameter, the middle of its cell for an int or a choice."""
    return parameter.encode(parameter.decode(value)) if parameter.levels else float(value)


class _CmaEsMargin:
    """cmaes's strategy, asked for a whole generation of candidates."""

    def __init__(self, strategy: CMAwM, coordinates: Coordinates) -> None:
        self._strategy = strategy
        self._coordinates = coordinates
        self._sampled: list[Vector] = []

    def ask(self) -> Vector:
        pairs = [self._strategy.ask() for _ in range(self._strategy.population_size)]
        self._sampled = [sampled for _, sampled in pairs]
        return np.array([self._coordinates.candidate(*pair) for pair in pairs])

    def tell(self, values: Vector) -> None:
        self._strategy.tell(list(zip(self._sampled, values.tolist(), strict=True)))

    def stopped(self) -> bool:
        return bool(self._strategy.should_stop())


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    strategies: int = 3,
    weights: Sequence[Any] | None = None,
    popsize: int | None = None,
    sigma0: float = 0.1667,
    rho: float = 0.05,
    margin: float | None = None,
    resampling: int = 10,
) -> Scalarised:
    """CMA-ES with margin, with `strategies` evenly spread weight vectors, or with `weights` given.

    `weights`, `sigma0`, `rho` and the first starting point are those of `cma_es.make`; `popsize` is
    by default 4 + 3 ln D of the D coordinates, and a strategy that met a stopping criterion of
    cmaes's starts again from a uniform mean. `margin` is the least probability of leaving a level
    (None: cmaes's 1 / (D popsize)). A sample with a continuous value outside the cube is drawn
    again up to `resampling` times and then clipped; near the faces of a large space that is nearly
    always, and cmaes's own 100 would make it slow.
    """
    check_option("cma_es_margin", "sigma0", sigma0, 1e-6, 1.0)
    check_option("cma_es_margin", "popsize", 4 if popsize is None else popsize, 4)
    check_option("cma_es_margin", "rho", rho, 0.0, 1.0)
    check_option("cma_es_margin", "margin", 0.1 if margin is None else margin, 1e-9, 0.25)
    check_option("cma_es_margin", "resampling", resampling, 0)
    spread = weight_vectors("cma_es_margin", n_objectives, strategies, weights)
    coordinates = Coordinates(space)
    if not coordinates.size:
        raise BadInput("optimizer cma_es_margin: no parameter has two levels, nothing to search")
    first = starting_points(space, start)
    mean = coordinates.mean_at(first[0]) if len(first) else np.full(coordinates.size, 0.5)
    random = np.random.RandomState(seed)
    from cmaes import CMAwM

    def strategy(again: bool) -> _CmaEsMargin:
        made = CMAwM(
            mean=coordinates.mean_at(random.random_sample(space.d)) if again else mean,
            sigma=sigma0,
            bounds=coordinates.bounds,
            steps=coordinates.steps,
            n_max_resampling=resampling,
            seed=random.randint(2**31),
            population_size=popsize,
            margin=margin,
        )
        return _CmaEsMargin(made, coordinates)

    return Scalarised(strategy, spread, rho)
