"""Fitting what `suite.problems.tabular` reads, from the trials of whole runs.

Each network has every item as an output and never sees the runs of one seed, so that the file holds
its own held-out test: network k is tested on the runs of fold k. Of what was tried the choice
predicts best on held-out runs (docs/surrogates.md).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.problems.outcomes import Field, Levels
from suite.problems.tabular import FORMAT, Surrogate
from suite.spaces.space import Parameter

Array = NDArray[np.float64]

WIDTH, HIDDEN = 96, 2  # units of a hidden layer, and hidden layers
EPOCHS, BATCH, RATE, DECAY = 120, 256, 5e-3, 0.1  # AdamW under a one-cycle schedule
LENGTHS = np.geomspace(0.05, 3.0, 22)  # of the field, in units of the cube
FURTHEST, PAIRS = 1.2, 40_000  # pairs of candidates that the length is fitted to
ROUNDED = np.float16  # of weights; a hundredth of the held-out error


@dataclass(frozen=True)
class Trials:
    """Candidates `X` (n, d), their outcomes `Y` (n, items), and where they come from.

    `sizes` splits the items by figure, in order; `tokens` (n, evaluators) are per item, `seconds`
    (n,) per candidate; `runs` names the run and `folds` the fold of each candidate.
    """

    X: Array
    Y: Array
    sizes: Mapping[str, int]
    evaluators: Sequence[str]
    tokens: Array
    seconds: Array
    runs: NDArray[np.str_]
    folds: NDArray[np.intp]

    def part(self, chosen: NDArray[np.bool_]) -> Trials:
        """The chosen candidates alone."""
        names = ("X", "Y", "tokens", "seconds", "runs", "folds")
        own = {name: getattr(self, name)[chosen] for name in names}
        return Trials(sizes=self.sizes, evaluators=self.evaluators, **own)


def fields(task: str, parameters: Sequence[Parameter], trials: Trials) -> dict[str, Any]:
    """The entries of the file: a network for each fold, in ascending order, and what goes with them."""
    networks = [
        network(trials.part(trials.folds != fold), seed=int(fold))
        for fold in np.unique(trials.folds)
    ]
    found = _stacked(networks)
    values, counts = levels(trials.Y)
    known = np.hstack([np.ones((len(trials.X), 1)), trials.X])
    tokens, *_ = np.linalg.lstsq(known, trials.tokens)
    found |= {"values": values.astype(np.float32), "counts": counts.astype(np.float32)}
    found["tokens"] = tokens.astype(np.float32)
    shared = [_items_of(each, trials.sizes) for each in trials.evaluators]
    per_candidate = (trials.tokens * shared).sum(axis=1)
    about = {
        "format": FORMAT,
        "task": task,
        "parameters": [{"name": p.name, "low": p.low, "high": p.high} for p in parameters],
        "sizes": dict(trials.sizes),
        "evaluators": list(trials.evaluators),
        "layers": HIDDEN + 1,
        # the median: the journals were written on a machine with other work
        "seconds_per_token": float(np.median(trials.seconds / per_candidate)),
        "length": 1.0,
        "folds": np.unique(trials.folds).tolist(),
        "runs": np.unique(trials.runs).tolist(),
    }
    drafted = Surrogate({**found, "about": json.dumps(about)})
    about["length"] = length(trials, held_out(drafted, trials), Levels(values, counts))
    return {**found, "about": np.array(json.dumps(about))}


def network(trials: Trials, seed: int, hidden: int = HIDDEN) -> list[tuple[Array, Array]]:
    """Weights (in, out) and biases (out,) of each layer of one network fitted to `trials`.

    It minimises the cross-entropy of the items, which for graded outcomes estimates their mean
    (Papke & Wooldridge 1996). It starts as every item's mean outcome. Without `hidden` layers it is
    a logistic regression.
    """
    import torch

    torch.manual_seed(seed)
    X = torch.tensor(2 * trials.X - 1, dtype=torch.float32)
    Y = torch.tensor(trials.Y, dtype=torch.float32)
    sizes = [X.shape[1], *hidden * [WIDTH]]
    linear = [torch.nn.Linear(i, o) for i, o in itertools.pairwise(sizes)]
    last = torch.nn.Linear(sizes[-1], Y.shape[1])
    torch.nn.init.zeros_(last.weight)
    last.bias.data = torch.logit(Y.mean(dim=0), eps=0.002)
    body = [layer for each in linear for layer in (each, torch.nn.SiLU())]
    model = torch.nn.Sequential(*body, last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    steps = max(1, len(X) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X)).tensor_split(steps):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(X[rows]), Y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return [
        (layer.weight.detach().numpy().T.astype(float), layer.bias.detach().numpy().astype(float))
        for layer in (*linear, last)
    ]


def held_out(surrogate: Surrogate, trials: Trials) -> Array:
    """Expected outcomes (n, items) by networks that never saw the candidate's fold.

    Of a fold that was not there when the surrogate was fitted, the mean of all of them.
    """
    found = np.empty_like(trials.Y)
    for fold in np.unique(trials.folds).tolist():
        rows = trials.folds == fold
        members = surrogate.members(trials.X[rows])
        known = fold in surrogate.folds
        found[rows] = members[surrogate.folds.index(fold)] if known else members.mean(axis=0)
    return found


def levels(Y: Array) -> tuple[Array, Array]:
    """Values and counts (items, k) of each item's outcomes, ascending; 0 and 1 seen half a time more."""
    found = [np.unique([0.0, 1.0, *column], return_counts=True) for column in Y.T]
    most = max(len(values) for values, _ in found)
    values, counts = np.ones((len(found), most)), np.zeros((len(found), most))
    for i, (value, count) in enumerate(found):
        values[i, : len(value)], counts[i, : len(value)] = value, count
        counts[i, [0, len(value) - 1]] -= 0.5
    return values, counts


def length(trials: Trials, expected: Array, levels: Levels) -> float:
    """The field's length at which drawn outcomes decorrelate with distance as the journals' do.

    Pairs are of the same run, up to `FURTHEST` apart; squared errors of the correlation of what the
    surrogate does not explain, in ten bins of distance with equally many pairs.
    """
    first, second = near_pairs(trials)
    bins = np.array_split(np.argsort(_distance(trials.X, first, second), kind="stable"), 10)

    def decay(residuals: Array) -> Array:
        a, b = residuals[first], residuals[second]
        pairs = [(a[rows], b[rows]) for rows in bins]
        return np.array([(p * q).sum() / np.sqrt((p**2).sum() * (q**2).sum()) for p, q in pairs])

    wanted = decay(trials.Y - expected)
    errors = []
    for tried in LENGTHS:
        field = Field(trials.X.shape[1], trials.Y.shape[1], tried, np.random.default_rng(0))
        fields = field(trials.X)
        outcomes = np.array([levels.drawn(*row) for row in zip(expected, fields, strict=True)])
        errors.append(((decay(outcomes - expected) - wanted) ** 2).sum())
    return float(LENGTHS[int(np.argmin(errors))])


def near_pairs(trials: Trials) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of pairs of different candidates of one run, up to `FURTHEST` apart; `PAIRS` at most."""
    firsts, seconds = [], []
    for run in np.unique(trials.runs):
        rows = np.flatnonzero(trials.runs == run)
        i, j = (rows[side] for side in np.triu_indices(len(rows), 1))
        distance = _distance(trials.X, i, j)
        near = (distance > 0) & (distance <= FURTHEST)
        firsts.append(i[near])
        seconds.append(j[near])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    chosen = np.random.default_rng(0).permutation(len(first))[:PAIRS]
    return first[chosen], second[chosen]


def _distance(X: Array, first: NDArray[np.intp], second: NDArray[np.intp]) -> Array:
    found: Array = np.linalg.norm(X[first] - X[second], axis=1)
    return found


def _items_of(evaluator: str, sizes: Mapping[str, int]) -> int:
    """How many items an evaluator generates for; its figures share them."""
    return max(size for figure, size in sizes.items() if figure.startswith(f"{evaluator}."))


def _stacked(networks: Sequence[Sequence[tuple[Array, Array]]]) -> dict[str, Any]:
    """``weight0``, ``bias0`` …: each layer of all networks, the networks first."""
    found = {}
    for index, layers in enumerate(zip(*networks, strict=True)):
        found[f"weight{index}"] = np.stack([weight for weight, _ in layers]).astype(ROUNDED)
        found[f"bias{index}"] = np.stack([bias for _, bias in layers]).astype(ROUNDED)
    return found
