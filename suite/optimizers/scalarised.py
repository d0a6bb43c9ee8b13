"""Several losses by single-objective strategies: one per weight vector, asked in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from suite.optimizers.chebyshev import augmented_chebyshev
from suite.optimizers.optimizer import told_losses
from suite.spaces.space import Vector


class Strategy(Protocol):
    """Minimises one value over the unit cube."""

    def ask(self) -> Vector:
        """The next generation, shape (k, d)."""
        ...

    def tell(self, values: Vector) -> None:
        """The values, shape (k,), of the generation that was asked for."""
        ...

    def stopped(self) -> bool:
        """Whether it met one of its library's stopping criteria."""
        ...


class Scalarised:
    """One generation of one strategy an ask, the strategies in turn.

    Each minimises the augmented Chebyshev scalarisation of the losses by its row of `weights`,
    (K, m). One that stopped is started again: ``strategy(True)`` makes it, ``strategy(False)`` made
    the first. Where there is a `redraw`, a strategy takes the weight vector, (m,), that it gives:
    after each of its generations, or where `keep` says so, when it is started again.
    """

    def __init__(
        self,
        strategy: Callable[[bool], Strategy],
        weights: Vector,
        rho: float,
        redraw: Callable[[], Vector] | None = None,
        keep: bool = False,
    ) -> None:
        self._strategy = strategy
        self._weights = weights.copy()
        self._rho = rho
        self._redraw = redraw
        self._keep = keep
        self._strategies = [strategy(False) for _ in weights]
        self._turn = 0
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next generation of the strategy whose turn it is."""
        self._asked = self._strategies[self._turn].ask()
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Scalarises `F` by the weights of the strategy that asked, and passes the turn."""
        losses = told_losses(self._asked, X, F, self._weights.shape[1])
        self._asked = None
        strategy = self._strategies[self._turn]
        strategy.tell(np.asarray(augmented_chebyshev(losses, self._weights[self._turn], self._rho)))
        stopped = strategy.stopped()
        if stopped:
            self._strategies[self._turn] = self._strategy(True)
        if self._redraw is not None and (stopped or not self._keep):
            self._weights[self._turn] = self._redraw()
        self._turn = (self._turn + 1) % len(self._strategies)
