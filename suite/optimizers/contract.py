"""The optimizer contract as checks that a third party can run on its own optimizer.

>>> from functools import partial
>>> from suite.optimizers import random_search
>>> check_optimizer(partial(random_search.make, batch=4))

Each check takes the optimizer's `make` (options bound by `functools.partial`) and how many candidates
a play asks for, returns nothing, and raises `ContractViolation` with one line that says what went
wrong. A costly optimizer may be checked with fewer `evaluations`, as long as they go well past its
random start: nothing is learned about what is never asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np

from suite.errors import BadInput
from suite.optimizers.contract_plays import (
    FEW,
    FLOATS,
    OBJECTIVES,
    SPACES,
    bowls,
    demand,
    play,
    same,
    survive,
)
from suite.optimizers.contract_plays import ContractViolation as ContractViolation
from suite.optimizers.contract_plays import Make as Make
from suite.optimizers.global_state import global_random, seeded
from suite.records.penalty import penalty
from suite.spaces.space import Parameter, SearchSpace, Vector

EVALUATIONS = 48  # past every shipped optimizer's random start at 6 parameters


def check_optimizer(make: Make, evaluations: int = EVALUATIONS) -> None:
    """Runs every check of `CHECKS` on `make`."""
    for check in CHECKS:
        check(make, evaluations)


def check_batches(make: Make, evaluations: int = EVALUATIONS) -> None:
    """`ask` gives float64 (k, d) with k of 1 or more, finite, in [0, 1], on floats and mixed kinds."""
    for space in SPACES:
        for X, _ in play(make(space, OBJECTIVES, 0), bowls, evaluations):
            demand(X.shape[1] == space.d, f"ask gives {X.shape[1]} columns for d = {space.d}")


def check_sizes(make: Make, evaluations: int = EVALUATIONS) -> None:
    """24 parameters with 2 objectives work; 1 parameter, 1 or 3 objectives work or are `BadInput`."""
    for d, m in ((24, 2), (1, 2), (1, 1), (24, 1), (24, 3)):
        space = SearchSpace([Parameter(f"w{i}") for i in range(d)])
        try:
            optimizer = make(space, m, 0)
        except BadInput:
            demand((d, m) != (24, 2), "make refuses 24 parameters with 2 objectives")
            continue
        play(optimizer, lambda X, m=m: bowls(X, m), evaluations)  # type: ignore[misc]


def check_determinism(make: Make, evaluations: int = EVALUATIONS) -> None:
    """The same seed gives the same candidates, bit for bit."""
    for space in SPACES:
        once, again = (play(make(space, OBJECTIVES, 3), bowls, evaluations) for _ in range(2))
        demand(same(once, again), "two instances with one seed propose different candidates")


def check_seed(make: Make, evaluations: int = EVALUATIONS) -> None:
    """Another seed gives other candidates."""
    for space in SPACES:
        once, other = (play(make(space, OBJECTIVES, seed), bowls, evaluations) for seed in (3, 4))
        demand(
            not same(once, other), "seeds 3 and 4 propose the same candidates: the seed is ignored"
        )


def check_replay(make: Make, evaluations: int = EVALUATIONS) -> None:
    """A second instance, told the journaled batches, goes on exactly like the first.

    Its arrays come from JSON, as they do when a run is resumed, so they are equal but not the same.
    """
    for space in SPACES:
        whole = play(make(space, OBJECTIVES, 5), bowls, evaluations)
        resumed = make(space, OBJECTIVES, 5)
        half = len(whole) // 2
        for number, (X, F) in enumerate(whole):
            asked = resumed.ask()
            where = "a replayed" if number < half else "the first batch after a replay or a later"
            demand(
                np.array_equal(asked, X),
                f"{where} batch (number {number}) differs from the journal",
            )
            resumed.tell(*(np.array(json.loads(json.dumps(a.tolist()))) for a in (X, F)))


def check_order(make: Make, evaluations: int = EVALUATIONS) -> None:
    """Rows told in another order are refused (`ValueError`) or make no difference.

    A difference would mean that losses were paired with the wrong rows.
    """
    for space in SPACES:
        straight, turned = (make(space, OBJECTIVES, 6) for _ in range(2))
        seen = 0
        while seen < evaluations:
            X, Y = np.array(straight.ask()), np.array(turned.ask())
            demand(
                np.array_equal(X, Y),
                "losses are paired with the wrong rows when told in another order",
            )
            seen += len(X)
            straight.tell(X, bowls(X))
            try:
                turned.tell(Y[::-1].copy(), bowls(Y)[::-1].copy())
            except ValueError:
                demand(len(Y) > 1, "a batch of one row is refused")
                break


def check_told_arrays(make: Make, evaluations: int = EVALUATIONS) -> None:
    """`tell` neither changes its arrays nor keeps them, and `ask` gives its array away."""
    for space in SPACES:
        optimizer = make(space, OBJECTIVES, 7)
        for number, (X, F) in enumerate(play(make(space, OBJECTIVES, 7), bowls, evaluations)):
            asked = optimizer.ask()
            demand(
                np.array_equal(asked, X),
                f"arrays overwritten after tell change batch number {number}",
            )
            told = asked, F.copy()
            for array in told:
                array.flags.writeable = False
            try:
                optimizer.tell(*told)
            except ValueError as error:
                raise ContractViolation(f"tell fails on read-only arrays: {error}") from error
            demand(
                np.array_equal(told[0], X) and np.array_equal(told[1], F), "tell changes its arrays"
            )
            for array in told:
                array.flags.writeable = True
                array[:] = 0.123


def check_constant_objective(make: Make, evaluations: int = EVALUATIONS) -> None:
    """The search survives losses that are the same everywhere."""

    def flat(X: Vector) -> Vector:
        return np.full((len(X), OBJECTIVES), 0.5)

    for space in SPACES:
        survive(make, space, flat, "a constant objective", evaluations)


def check_failures(make: Make, evaluations: int = EVALUATIONS) -> None:
    """The search survives failed trials: every one at first, then every third."""
    for space in SPACES:
        batches = iter(range(10**6))

        def failing(X: Vector, batches: Iterator[int] = batches) -> Vector:
            every = 1 if next(batches) < 2 else 3
            F = bowls(X)
            F[::every] = penalty(OBJECTIVES)
            return F

        survive(make, space, failing, "failed trials", evaluations)


def check_few_settings(make: Make, evaluations: int = EVALUATIONS) -> None:
    """The search goes on where every setting of the space has been seen."""
    survive(make, FEW, bowls, "a space of six settings", evaluations)


def check_global_random(make: Make, evaluations: int = EVALUATIONS) -> None:
    """Global random state is left alone, and does not steer the search.

    Of numpy and Python, and of torch where it is loaded.
    """
    for space in SPACES:
        before = global_random()
        expected = play(make(space, OBJECTIVES, 8), bowls, evaluations)
        after = global_random()
        changed = [library for library, state in before.items() if state != after[library]]
        demand(not changed, f"the global random state of {', '.join(changed)} is changed")
        with seeded(12345):
            disturbed = play(make(space, OBJECTIVES, 8), bowls, evaluations)
        demand(same(expected, disturbed), "candidates depend on the global random state")


def check_start(make: Make, evaluations: int = EVALUATIONS) -> None:
    """`start` takes one candidate or several, steers the search, and is refused where it misfits."""
    for space in SPACES:
        middle = space.encode(space.decode(np.full(space.d, 0.8)))
        plain = play(make(space, OBJECTIVES, 9), bowls, evaluations)
        for start in (middle, np.vstack([middle, 1 - middle])):
            begun = play(make(space, OBJECTIVES, 9, start=start), bowls, evaluations)
            demand(not same(plain, begun), "starting points make no difference")
    for misfit in (np.full(FLOATS.d + 1, 0.5), np.full(FLOATS.d, 1.5), np.full(FLOATS.d, np.nan)):
        try:
            make(FLOATS, OBJECTIVES, 9, start=misfit)
        except BadInput:
            continue
        raise ContractViolation(f"start {misfit.tolist()} is accepted for {FLOATS.d} parameters")


CHECKS: tuple[Callable[[Make, int], None], ...] = (
    check_batches,
    check_sizes,
    check_determinism,
    check_seed,
    check_replay,
    check_order,
    check_told_arrays,
    check_constant_objective,
    check_failures,
    check_few_settings,
    check_global_random,
    check_start,
)
