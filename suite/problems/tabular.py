"""Tasks from journals: a file that `zoo.surrogate` fitted takes the place of the models.

Networks, one for each seed whose runs they never saw, predict every search item's expected outcome
from the candidate; their mean is the surrogate. What a split gives:

========  =====================================================================================
search    outcomes drawn around the expected ones, of all items or of `items` of each objective
select    other draws, of all items
report    the expected outcomes themselves, of all items: no noise, standard error 0
========  =====================================================================================

Models answer one item the same way over a stretch of the search space and another way beyond it. So
the draws are no coin tosses: item i of candidate x is decided by a Gaussian field's value at x, whose
length was fitted to how fast the journals' outcomes decorrelate. The draws make a fixed landscape
that depends on `draw` alone, a search cannot sample its luck anew beside a lucky candidate, and
equal candidates have equal outcomes.
"""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import BadInput
from suite.problems.outcomes import Field, Levels
from suite.records.trial import Score
from suite.spaces.space import Parameter, SearchSpace, Setting

Array = NDArray[np.float64]
FORMAT = 1
FEWEST_ITEMS = 2  # a standard error needs two


class Surrogate:
    """What a fitted file says of candidates; `fields` are its entries, made by `suite.problems.fit`."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        about = json.loads(str(fields["about"]))
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']}")
        self.task: str = about["task"]
        self.space = SearchSpace([Parameter(**entry) for entry in about["parameters"]])
        self.sizes: dict[str, int] = about["sizes"]
        self.length: float = about["length"]
        self.folds: list[int] = about["folds"]
        self.runs: list[str] = about["runs"]
        self.evaluators: list[str] = about["evaluators"]
        self.seconds_per_token: float = about["seconds_per_token"]
        self.values, self.counts = (fields[name].astype(float) for name in ("values", "counts"))
        self._tokens = fields["tokens"].astype(float)
        self._layers = [
            (fields[f"weight{i}"].astype(float), fields[f"bias{i}"].astype(float)[:, None])
            for i in range(about["layers"])
        ]

    def members(self, X: Array) -> Array:
        """Expected outcomes (networks, n, items), each in [0, 1], of candidates `X` (n, d)."""
        hidden: Array = np.broadcast_to(2.0 * X - 1.0, (len(self._layers[0][0]), *X.shape))
        for weight, bias in self._layers[:-1]:
            hidden = hidden @ weight + bias
            hidden = hidden / (1.0 + np.exp(-hidden))
        weight, bias = self._layers[-1]
        found: Array = 1.0 / (1.0 + np.exp(-(hidden @ weight + bias)))
        return found

    def expected(self, X: Array) -> Array:
        """Mean of the networks' expected outcomes, (n, items)."""
        found: Array = self.members(X).mean(axis=0)
        return found

    def weighed(self, X: Array, weights: Array) -> tuple[Array, Array]:
        """The items' expected outcomes weighed and summed, and how they change with the candidate.

        Parameters
        ----------
        X : (n, d)
            Candidates in the unit cube.
        weights : (items,)
            Of each item; the mean over n items of a figure is 1 / n for each of them.

        Returns
        -------
        values : (n,)
        gradients : (n, d)
            By the parameters in units of the cube.
        """
        hidden: Array = np.broadcast_to(2.0 * X - 1.0, (len(self._layers[0][0]), *X.shape))
        slopes = []
        for weight, bias in self._layers[:-1]:
            sums = hidden @ weight + bias
            gate = 1.0 / (1.0 + np.exp(-sums))
            slopes.append(gate * (1.0 + sums * (1.0 - gate)))
            hidden = sums * gate
        weight, bias = self._layers[-1]
        outcomes = 1.0 / (1.0 + np.exp(-(hidden @ weight + bias)))
        back: Array = (outcomes * (1.0 - outcomes) * weights) @ weight.swapaxes(1, 2)
        for (weight, _), slope in zip(reversed(self._layers[:-1]), reversed(slopes), strict=True):
            back = (back * slope) @ weight.swapaxes(1, 2)
        return (outcomes @ weights).mean(axis=0), 2.0 * back.mean(axis=0)

    def with_networks(self, networks: Sequence[Sequence[tuple[Array, Array]]]) -> Surrogate:
        """The same with other `networks`: of each, weights (in, out) and biases (out,) by layer."""
        other = copy.copy(self)
        other._layers = [
            (np.stack([w for w, _ in layer]), np.stack([b for _, b in layer])[:, None])
            for layer in zip(*networks, strict=True)
        ]
        return other

    def with_items(self, chosen: NDArray[np.intp]) -> Surrogate:
        """The same with the items `chosen` in place of its own, by column: another item set.

        Columns may repeat, so that a bootstrap sample of the items is one; `sizes` stay, so that as
        many of each figure's must be given, in the figures' order. `ValueError` otherwise.
        """
        ends = np.cumsum([0, *self.sizes.values()])
        wanted = np.repeat(np.arange(len(self.sizes)), np.diff(ends))
        figures = np.searchsorted(ends, chosen, side="right") - 1
        if not np.array_equal(figures, wanted):
            raise ValueError(f"items {chosen!r} are not {self.sizes} of each figure, in order")
        other = copy.copy(self)
        other.values, other.counts = self.values[chosen], self.counts[chosen]
        weight, bias = self._layers[-1]
        other._layers = [*self._layers[:-1], (weight[..., chosen], bias[..., chosen])]
        return other

    def tokens(self, X: Array) -> Array:
        """Tokens generated per item, (n, evaluators): linear in the candidate, 0 at least."""
        found: Array = X @ self._tokens[1:] + self._tokens[0]
        return found.clip(min=0.0)


def read(path: Path) -> Surrogate:
    """The surrogate in an .npz file without pickles; `BadInput` when it is not one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return Surrogate({name: file[name] for name in file.files})
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise BadInput(
            f"{path}: not a surrogate of format {FORMAT} ({error}); zoo.surrogate makes one"
        ) from None


class Tabular:
    """A surrogate as a problem.

    Its figures are the objectives' metrics on the real task (``ja_math.acc_ja``), the simulated
    ``<evaluator>.tokens`` per item, and the simulated ``seconds`` of a candidate.
    """

    def __init__(self, surrogate: Surrogate, items: int | None, draw: int, noise: bool) -> None:
        self._surrogate, self._noise = surrogate, noise
        self.title = f"the surrogate of {surrogate.task}"
        self.space = surrogate.space
        self.figures = (*surrogate.sizes, *map(_tokens, surrogate.evaluators), "seconds")
        used = _subsets(surrogate.sizes, items, np.random.default_rng([draw, 0]))
        every = _subsets(surrogate.sizes, None, np.random.default_rng(0))
        self._items = {"search": used, "select": every, "report": every}
        self._levels = Levels(surrogate.values, surrogate.counts)
        count = sum(surrogate.sizes.values())
        self._fields = {
            split: Field(self.space.d, count, surrogate.length, np.random.default_rng([draw, salt]))
            for salt, split in enumerate(("search", "select"), start=1)
        }

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        """Scores on `split`: drawn with their items for search and select, expected for report."""
        x = self.space.encode(settings)[None, :]
        outcomes = self._surrogate.expected(x)[0]
        drawn = self._noise and split in self._fields
        if drawn:
            outcomes = self._levels.drawn(outcomes, self._fields[split](x)[0])
        scores = {}
        for figure, chosen in self._items[split].items():
            values = outcomes[chosen]
            exact = Score(float(values.mean()), 0.0, len(values))
            scores[figure] = Score.mean(values.tolist()) if drawn else exact
        return {**scores, **self._costs(x, split)}

    def _costs(self, x: Array, split: str) -> dict[str, Score]:
        """What the candidate would cost on the split's items; an evaluator's objectives share them."""
        found, total = {}, 0.0
        per_item = self._surrogate.tokens(x)[0].tolist()
        for evaluator, tokens in zip(self._surrogate.evaluators, per_item, strict=True):
            chosen = [v for f, v in self._items[split].items() if f.startswith(f"{evaluator}.")]
            n = max(len(each) for each in chosen)
            found[_tokens(evaluator)] = Score(tokens, 0.0, n)
            total += tokens * n
        found["seconds"] = Score(total * self._surrogate.seconds_per_token, 0.0, 1)
        return found

    def front(self) -> None:
        """Not known."""
        return


def make(data: Path, items: int | None = None, draw: int = 0, noise: bool = True) -> Tabular:
    """The problem of the surrogate in `data`.

    `items` evaluates so many of each objective's search items, chosen by `draw`: a cheaper and
    noisier task (null: all). `draw` is the seed of all that is drawn; `noise` false gives the
    expected outcomes on every split. `BadInput` for values outside what the file holds.
    """
    surrogate = read(Path(data))
    most = min(surrogate.sizes.values())
    whole = isinstance(items, int) and not isinstance(items, bool)
    if items is not None and not (whole and FEWEST_ITEMS <= items <= most):
        raise BadInput(f"problem: items is {items}; allowed: {FEWEST_ITEMS} to {most}, or null")
    if not isinstance(draw, int) or isinstance(draw, bool) or draw < 0:
        raise BadInput(f"problem: draw is {draw}; allowed: whole numbers from 0")
    if not isinstance(noise, bool):
        raise BadInput(f"problem: noise is {noise}; allowed are true and false")
    return Tabular(surrogate, items, draw, noise)


def _tokens(evaluator: str) -> str:
    return f"{evaluator}.tokens"


def _subsets(
    sizes: Mapping[str, int], items: int | None, random: np.random.Generator
) -> dict[str, NDArray[np.intp]]:
    """Ascending columns of each figure's items: all, or `items` of them drawn without replacement."""

    def columns() -> Iterator[tuple[str, NDArray[np.intp]]]:
        first = 0
        for figure, size in sizes.items():
            chosen = np.arange(size) if items is None else random.permutation(size)[:items]
            yield figure, first + np.sort(chosen)
            first += size

    return dict(columns())
