"""Plans carried out with torch operations, chunk by chunk: any device, no compiler.

The reference for the fused kernels, which compute the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from suite.merging import masks
from suite.merging.plan import Edges, Plan
from suite.merging.tables import Tables, variance

Tensor = torch.Tensor
_CHUNK = {"cpu": 1 << 18, "cuda": 1 << 25}  # elements; a CPU's cache, a GPU's launch overhead
_MAGNITUDE = 0x7FFFFFFF  # the bits of a float32 but its sign


class Eager:
    """Writes the merged tensors of a plan into `live`, (layout.size,), on the sources' device."""

    def __init__(self, tables: Tables, live: Tensor) -> None:
        self.tables, self.sources, self.live = tables, tables.sources, live
        self._chunk = _CHUNK.get(self.sources.device.type, _CHUNK["cpu"])

    def run(self, plan: Plan) -> bool:
        """Carry out `plan`, what it measures first; whether all is finite is not looked at."""
        if plan.measure != "no":
            plan = plan.with_weights(self._measured(plan), self.tables.sizes[plan.places])
        for row, part, start in self._stretches(plan):
            vectors = self._vectors(plan, row, part, start)
            base = None if plan.base is None else self.sources.part(plan.base, part)
            self.live[part] = _merged(plan, row, vectors, base)
        return False

    def _measured(self, plan: Plan) -> np.ndarray:
        sums = np.zeros(plan.weights.shape)
        for row, part, start in self._pieces(plan):
            for i, vector in enumerate(self._vectors(plan, row, part, start)):
                size = vector.square() if plan.measure == "squares" else vector.abs()
                sums[row, i] += float(size.sum(dtype=torch.float64))
        return sums

    def _vectors(self, plan: Plan, row: int, part: slice, start: int) -> list[Tensor]:
        """The masked d_i of one chunk, which begins at element `start` of its tensor."""
        vectors = [self.sources.vector(plan.base, model, part) for model in plan.models]
        if plan.mask == "all":
            return vectors
        if plan.mask == "variance":
            chosen = _reached(_bits(variance(vectors)), plan.low, (row, 0), start)
            return [
                vector.view(torch.int32).bitwise_and(chosen).view(torch.float32)
                for vector in vectors
            ]
        mask = {"window": _windowed, "random": _dropped, "ranked": self._dropped_by_rank}[plan.mask]
        return [mask(plan, vector, (row, i), start) for i, vector in enumerate(vectors)]

    def _dropped_by_rank(
        self, plan: Plan, vector: Tensor, at: tuple[int, int], start: int
    ) -> Tensor:
        ranks = self.tables.row_ranks(str(plan.base), plan.models[at[1]])
        first = self.tables.starts[plan.places[at[0]]] + start
        own = torch.from_numpy(ranks[first : first + len(vector)].astype(np.float32))
        return kept_by_rank(plan, vector, own.to(vector.device), at, start)

    def _pieces(self, plan: Plan) -> Iterator[tuple[int, slice, int]]:
        """(row, elements, offset in the tensor) of every chunk of every tensor of the plan."""
        for row, place in enumerate(plan.places):
            first, size = int(self.tables.starts[place]), int(self.tables.sizes[place])
            for start in range(0, size, self._chunk):
                yield row, slice(first + start, first + min(start + self._chunk, size)), start

    def _stretches(self, plan: Plan) -> Iterator[tuple[int, slice, int]]:
        """`_pieces`, but neighbouring tensors of the same coefficients are one where no mask is."""
        if plan.mask != "all":
            yield from self._pieces(plan)
            return
        known = np.column_stack([plan.weights, plan.scale])
        same = (np.diff(plan.places) == 1) & (known[1:] == known[:-1]).all(1)
        heads = np.flatnonzero(np.r_[True, ~same])
        for head, after in zip(heads, np.r_[heads[1:], len(plan.places)], strict=True):
            last = plan.places[after - 1]
            begin = int(self.tables.starts[plan.places[head]])
            end = int(self.tables.starts[last] + self.tables.sizes[last])
            for start in range(begin, end, self._chunk):
                yield int(head), slice(start, min(start + self._chunk, end)), start


def _merged(plan: Plan, row: int, vectors: list[Tensor], base: Tensor | None) -> Tensor:
    weights = plan.weights[row].tolist()
    if plan.elect == "no":
        total: Tensor = vectors[0] * weights[0]
        for vector, weight in zip(vectors[1:], weights[1:], strict=True):
            total.add_(vector, alpha=weight)
        return total if base is None else total.add_(base)
    shares = weights if plan.shares is None else plan.shares[row].tolist()
    total = elected(vectors, weights, shares, plan.elect == "plain", plan.divide)
    total.mul_(float(plan.scale[row]))
    return total if base is None else total.add_(base)


def elected(
    vectors: list[Tensor], weights: list[float], shares: list[float], plain: bool, divide: str
) -> Tensor:
    """Sum of the w_i d_i that agree with the elected sign (Yadav et al. 2023, steps 2 and 3).

    The sign is that of Σ w_i d_i, or of Σ d_i where `plain` (SCE); 0 counts as positive, and
    zeros agree with neither. `divide` ``kept``: by the sum of the `shares` that agree (0 → 1);
    ``clamped``: by the same, at least 1e-6.
    """
    column = vectors[0].new_tensor([weights, shares]).unsqueeze(-1)
    weighted = torch.stack(vectors)
    votes = weighted.clone() if plain else weighted.mul_(column[0])
    if plain:
        weighted.mul_(column[0])
    sign = (_summed(votes) >= 0).to(votes.dtype).mul_(2).sub_(1)
    agreeing = votes.mul(sign).clamp_(min=0)  # turned upward, so that one bound serves both signs
    if plain:
        agrees = agreeing.sign_()
        total = _summed(weighted.mul_(agrees))
    else:
        total = _summed(agreeing).mul_(sign)
        agrees = agreeing if divide == "no" else agreeing.sign_()
    if divide == "no":
        return total
    divisor = _summed(agrees.mul_(column[1]))
    return total.div_(divisor.add_(divisor == 0) if divide == "kept" else divisor.clamp_(min=1e-6))


def _summed(rows: Tensor) -> Tensor:
    """Sum of the rows (K, n), one after the other: the order is part of the result."""
    total = rows[0].clone()
    for row in rows[1:]:
        total += row
    return total


def _windowed(plan: Plan, vector: Tensor, at: tuple[int, int], start: int) -> Tensor:
    kept = _reached(_bits(vector), plan.low, at, start)
    if plan.high is not None:
        kept.bitwise_and_(_reached(_bits(vector), plan.high, at, start).bitwise_not_())
    return kept.bitwise_and_(vector.view(torch.int32)).view(torch.float32)


def _reached(bits: Tensor, edges: Edges | None, at: tuple[int, int], start: int) -> Tensor:
    """All ones where a magnitude reaches its edge, else 0, in the place of `bits`.

    The edge changes once, at its cut. Masks of booleans cost a CPU several times as much.
    """
    if edges is None:
        return bits.fill_(-1)
    cut = min(max(int(edges.cut[at]) - start, 0), len(bits))
    for part, edge in ((bits[:cut], edges.before[at]), (bits[cut:], edges.after[at])):
        part.neg_().add_(int(edge) - 1)
    return bits.bitwise_right_shift_(31)


def _dropped(plan: Plan, vector: Tensor, at: tuple[int, int], start: int) -> Tensor:
    if plan.keys is None or plan.bounds is None:
        raise ValueError("a plan of random masks has keys and bounds")
    bound = int(plan.bounds[at])
    if bound >= 1 << 31:
        return vector
    before, after = plan.keys[at].tolist()
    bits = masks.random_bits((before, after), start, start + len(vector), vector.device)
    # masks of booleans cost a CPU several times as much as bits that are all ones where kept
    kept = bits.sub_(bound).bitwise_right_shift_(31)
    return kept.bitwise_and_(vector.view(torch.int32)).view(torch.float32)


def kept_by_rank(
    plan: Plan, vector: Tensor, ranks: Tensor, at: tuple[int, int], start: int
) -> Tensor:
    """DELLA's drop: element j stays with chance + slope rank_j, `ranks` in float32."""
    if plan.keys is None or plan.chance is None or plan.slope is None:
        raise ValueError("a plan of ranked masks has keys, chance and slope")
    before, after = plan.keys[at].tolist()
    bits = masks.random_bits((before, after), start, start + len(vector), vector.device)
    chance = ranks.mul(float(plan.slope[at])).add_(float(plan.chance[at]))
    kept = vector / chance.clamp(max=1.0) if plan.inverse else vector
    return torch.where(bits.float().mul_(2.0**-31) < chance, kept, 0.0)


def _bits(vector: Tensor) -> Tensor:
    return vector.view(torch.int32).bitwise_and(_MAGNITUDE)
