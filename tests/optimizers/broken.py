"""A correct optimizer, and one for each way to break the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.errors import BadInput
from suite.optimizers import contract
from suite.optimizers.optimizer import starting_points
from suite.spaces.space import SearchSpace, Vector


class Walk:
    """A correct optimizer: a random walk from the best candidate told so far."""

    size = 4

    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        first = starting_points(space, start)
        self.rng = np.random.default_rng(seed)
        self.best = first[0].copy() if len(first) else np.full(space.d, 0.5)
        self.value = np.inf
        self.asked = self.best[None]

    def step(self) -> Vector:
        return self.rng.normal(0, 0.1, (self.size, len(self.best)))

    def ask(self) -> Vector:
        self.asked = np.clip(self.best + self.step(), 0, 1)
        return self.asked.copy()

    def learn(self, X: Vector, F: Vector) -> None:
        total = F.sum(axis=1)
        if total.min() < self.value:
            self.value, self.best = float(total.min()), X[int(total.argmin())].copy()

    def tell(self, X: Vector, F: Vector) -> None:
        self.learn(X, F)


class Outside(Walk):
    def ask(self) -> Vector:
        return super().ask() + 0.5


class Single(Walk):
    def ask(self) -> Vector:
        return super().ask()[0, :]


class Wide(Walk):
    def ask(self) -> Vector:
        return np.hstack([super().ask(), np.zeros((self.size, 1))])


class Lower(Walk):
    def ask(self) -> Vector:
        return super().ask().astype(np.float32)


class Missing(Walk):
    def ask(self) -> Vector:
        return np.where(super().ask() < 0.3, np.nan, 0.5)


class Low(Walk):
    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        if space.d > 20:
            raise BadInput("at most 20 parameters")
        super().__init__(space, n_objectives, seed, start)


class Unseeded(Walk):
    def step(self) -> Vector:
        return np.random.default_rng().normal(0, 0.1, (self.size, len(self.best)))


class SeedIgnored(Walk):
    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        super().__init__(space, n_objectives, 0, start)


class SameObjectOnly(Walk):
    """Learns only from the very array it gave away, as a run that is not resumed returns it."""

    def ask(self) -> Vector:
        super().ask()
        return self.asked

    def tell(self, X: Vector, F: Vector) -> None:
        if X is self.asked:
            self.learn(X, F)


class Positional(Walk):
    """Pairs the losses with its own rows without looking at those it is told."""

    def tell(self, X: Vector, F: Vector) -> None:
        self.learn(self.asked, F)


class Writer(Walk):
    def tell(self, X: Vector, F: Vector) -> None:
        self.learn(X, F)
        F -= F.min()


class Keeper(Walk):
    """Keeps what it is told without a copy, so the caller's next use of the array reaches it."""

    def learn(self, X: Vector, F: Vector) -> None:
        self.best = X[int(F.sum(axis=1).argmin())]


class Spread(Walk):
    def learn(self, X: Vector, F: Vector) -> None:
        if np.ptp(F.sum(axis=1)) == 0 and F.max() < 1:
            raise ZeroDivisionError("no spread of losses")
        super().learn(X, F)


class Fragile(Walk):
    def learn(self, X: Vector, F: Vector) -> None:
        if F.max() > 100:
            raise OverflowError("losses too large")
        super().learn(X, F)


class Distinct(Walk):
    """Insists on settings it has not proposed before."""

    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        super().__init__(space, n_objectives, seed, start)
        self.space = space
        self.seen: set[str] = set()

    def ask(self) -> Vector:
        rows: list[Vector] = []
        for _ in range(1000):
            row = self.rng.random(self.space.d)
            if str(self.space.decode(row)) not in self.seen:
                self.seen.add(str(self.space.decode(row)))
                rows.append(row)
            if len(rows) == self.size:
                return np.array(rows)
        raise RuntimeError("no settings left")


class GlobalDraws(Walk):
    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        super().__init__(space, n_objectives, seed, start)
        np.random.seed(seed)

    def step(self) -> Vector:
        return np.random.normal(0, 0.1, (self.size, len(self.best)))


class TorchDraws(Walk):
    def step(self) -> Vector:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng.integers(2**31)))
            step = torch.randn(self.size, len(self.best), dtype=torch.float64).numpy()
        torch.rand(1)
        return np.asarray(step) / 10


class GlobalReader(Walk):
    """Is steered by global state that it leaves as it found it."""

    def step(self) -> Vector:
        state = np.random.get_state()
        shift = np.random.random_sample() / 100
        np.random.set_state(state)
        return super().step() + shift


class StartIgnored(Walk):
    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        starting_points(space, start)
        super().__init__(space, n_objectives, seed)


class StartUnchecked(Walk):
    def __init__(self, space: SearchSpace, n_objectives: int, seed: int, start: Any = None) -> None:
        super().__init__(space, n_objectives, seed)
        if start is not None:
            self.best = np.resize(np.clip(np.nan_to_num(start), 0, 1), space.d)


# What is broken: the check that must say so, and a word of what it says.
BROKEN = [
    (contract.check_batches, Outside, "outside"),
    (contract.check_batches, Single, "shape"),
    (contract.check_batches, Wide, "columns"),
    (contract.check_batches, Lower, "float64"),
    (contract.check_batches, Missing, "NaN"),
    (contract.check_sizes, Low, "24 parameters"),
    (contract.check_determinism, Unseeded, "one seed"),
    (contract.check_seed, SeedIgnored, "ignored"),
    (contract.check_replay, SameObjectOnly, "journal"),
    (contract.check_order, Positional, "wrong rows"),
    (contract.check_told_arrays, Writer, "read-only"),
    (contract.check_told_arrays, Keeper, "overwritten"),
    (contract.check_constant_objective, Spread, "constant"),
    (contract.check_failures, Fragile, "failed trials"),
    (contract.check_few_settings, Distinct, "six settings"),
    (contract.check_global_random, GlobalDraws, "numpy is changed"),
    (contract.check_global_random, TorchDraws, "torch is changed"),
    (contract.check_global_random, GlobalReader, "depend"),
    (contract.check_start, StartIgnored, "no difference"),
    (contract.check_start, StartUnchecked, "accepted"),
]
