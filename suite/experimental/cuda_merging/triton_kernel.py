"""The fused pass on a GPU: what eager.py computes step by step, in registers, as Triton kernels.

Import this only where Triton is (it comes with CUDA builds of torch). `fused` writes or measures
tile after tile, one program each; `row_sums` adds up what was measured. `launch.py` calls both and
describes their tables. Arithmetic follows eager.py operation by operation: contraction must be
off (``enable_fp_fusion=False``), fused multiply-add stands only where torch fuses too, and
division is the correctly rounded one.

Bfloat16 is handled as 16-bit integers: widening is a shift, and rounding to nearest even is the
same integer arithmetic on every device and in Triton's interpreter, whose own cast does not round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton
import triton.language as tl

# typed, because triton is no dependency: its decorator would make every function untyped
jit: Callable[[Callable[..., Any]], Any] = triton.jit
chunks: Callable[[Callable[..., Any]], Any] = triton.jit(
    do_not_specialize=["first"], do_not_specialize_on_alignment=["first"]
)


@jit
def _widened(stored: tl.tensor, NARROW: tl.constexpr) -> tl.tensor:
    """Float32 from a source's numbers: bfloat16 as int16 where `NARROW`, else float32."""
    if NARROW:
        stored = (stored.to(tl.int32) << 16).to(tl.float32, bitcast=True)
    return stored


@jit
def _narrowed(merged: tl.tensor, LIVE: tl.constexpr) -> tl.tensor:
    """The live model's numbers, ties to even; bfloat16 as int16, every NaN as the quiet one."""
    if LIVE == "bfloat16":
        bits = merged.to(tl.uint32, bitcast=True)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        merged = tl.where(merged != merged, 0x7FC0, bits.to(tl.int32)).to(tl.int16)
    elif LIVE == "float16":
        merged = merged.to(tl.float16)
    return merged


@jit
def _random_bits(index: tl.tensor, before: tl.tensor, after: tl.tensor) -> tl.tensor:
    """masks.random_bits: `index` and keys uint32, result int32 in [0, 2³¹)."""
    x = index * 0x9E3779B1 + before
    x = x ^ (x >> 16)
    x = x * 0x85EBCA6B + after
    x = x ^ (x >> 13)
    x = x * 0xC2B2AE35
    x = x ^ (x >> 16)
    return (x & 0x7FFFFFFF).to(tl.int32)


@jit
def _magnitude(vector: tl.tensor) -> tl.tensor:
    return vector.to(tl.int32, bitcast=True) & 0x7FFFFFFF


@jit
def _reaches(
    bits: tl.tensor,
    lane: tl.tensor,
    begin: tl.tensor,
    cut: tl.tensor,
    edges: tl.tensor,
    K: tl.constexpr,
) -> tl.tensor:
    """Whether magnitudes reach an edge: `cut` points to its cut, `edges` to before and, K on, after.

    `lane` counts from element `begin` of the tensor.
    """
    ahead = tl.minimum(tl.maximum(tl.load(cut) - begin, 0), 0x7FFFFFFF).to(tl.int32)
    return bits >= tl.where(lane < ahead, tl.load(edges), tl.load(edges + K))


@jit
def _variance(vectors: tl.tuple, K: tl.constexpr) -> tl.tensor:
    """tables.variance."""
    away = tl.zeros_like(vectors[0])
    for k in tl.static_range(1, K):
        away = away + (vectors[k] - vectors[0])
    count = tl.zeros_like(away) + K
    mean = vectors[0] + tl.div_rn(away, count)
    total = tl.zeros_like(mean)
    for k in tl.static_range(K):
        away = vectors[k] - mean
        total = total + away * away
    return tl.div_rn(total, count)


@jit
def _elected(
    vectors: tl.tuple,
    weights: tl.tensor,
    K: tl.constexpr,
    PLAIN: tl.constexpr,
    DIVIDE: tl.constexpr,
) -> tl.tensor:
    """eager.elected; `weights` points to the K of the row, which its K shares follow."""
    votes = vectors[0] if PLAIN else vectors[0] * tl.load(weights)
    for k in tl.static_range(1, K):
        votes = votes + (vectors[k] if PLAIN else vectors[k] * tl.load(weights + k))
    sign = tl.where(votes >= 0, 1.0, -1.0)
    total = tl.zeros_like(votes)
    divisor = tl.zeros_like(votes)
    for k in tl.static_range(K):
        weighted = vectors[k] * tl.load(weights + k)
        agrees = ((vectors[k] if PLAIN else weighted) * sign > 0).to(tl.float32)
        total = total + weighted * agrees
        divisor = divisor + agrees * tl.load(weights + K + k)
    if DIVIDE == "kept":
        total = tl.div_rn(total, tl.where(divisor == 0, 1.0, divisor))
    elif DIVIDE == "clamped":
        total = tl.div_rn(total, tl.where(divisor < 1e-6, 1e-6, divisor))
    return total


@chunks
def fused(
    tiles: tl.tensor,
    longs: tl.tensor,
    words: tl.tensor,
    floats: tl.tensor,
    base: tl.tensor,
    models: tl.tuple,
    ranks: tl.tuple,
    live: tl.tensor,
    sums: tl.tensor,
    first: tl.tensor,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
    NARROW: tl.constexpr,
    LIVE: tl.constexpr,
    DELTA: tl.constexpr,
    MASK: tl.constexpr,
    HIGH: tl.constexpr,
    INVERSE: tl.constexpr,
    ELECT: tl.constexpr,
    DIVIDE: tl.constexpr,
    MEASURE: tl.constexpr,
) -> None:
    """Merge tile `first` + program id, or add up |d| or d² of what stays of it.

    `tiles` (…, 3) int32: row, number of the tile in its tensor, place in the sources in units of
    16 elements. A tensor's elements are handled up to the next multiple of 16, so that loads and
    stores are whole vectors; what lies behind its end becomes 0, as it was. Per row `longs` hold
    start / 16, size, cuts of low and high (K each); `words` before and after of low and of high,
    both keys and the bound; `floats` weights, shares, the scale, chances and slopes. `models` and
    `ranks` are tuples of K pointers. `sums` (tiles, K) float64.
    """
    tile = first + tl.program_id(0)
    row = tl.load(tiles + 3 * tile)
    begin = tl.load(tiles + 3 * tile + 1).to(tl.int64) * BLOCK
    source = tl.load(tiles + 3 * tile + 2).to(tl.int64) * 16
    longs += row * (2 + 2 * K)
    words += row * (7 * K)
    floats += row * (1 + 4 * K)
    size = tl.minimum(tl.load(longs + 1) - begin, BLOCK).to(tl.int32)
    lane = tl.arange(0, BLOCK)
    padded = lane < (size + 15) // 16 * 16
    inside = lane < size

    origin = tl.zeros((BLOCK,), tl.float32)
    if DELTA:
        origin = _widened(tl.load(base + source + lane, mask=padded, other=0), NARROW)
    vectors: tl.tuple = ()
    for k in tl.static_range(K):
        vector = _widened(tl.load(models[k] + source + lane, mask=padded, other=0), NARROW)
        if DELTA:
            vector = vector - origin
        if MASK == "window":
            bits = _magnitude(vector)
            stays = _reaches(bits, lane, begin, longs + 2 + k, words + k, K)
            if HIGH:
                above = _reaches(bits, lane, begin, longs + 2 + K + k, words + 2 * K + k, K)
                stays = stays & (above == 0)
            vector = tl.where(stays, vector, 0.0)
        elif MASK == "random" or MASK == "ranked":
            before = tl.load(words + 4 * K + k).to(tl.uint32, bitcast=True)
            after = tl.load(words + 5 * K + k).to(tl.uint32, bitcast=True)
            bits = _random_bits((begin + lane).to(tl.uint32), before, after)
            if MASK == "random":
                bound = tl.load(words + 6 * K + k).to(tl.uint32, bitcast=True)
                vector = tl.where(bits.to(tl.uint32) < bound, vector, 0.0)
            else:
                rank = tl.load(ranks[k] + source + lane, mask=padded, other=0)
                rank = (rank.to(tl.int32) & 0xFFFF).to(tl.float32)
                slope = tl.load(floats + 1 + 3 * K + k)
                chance = rank * slope + tl.load(floats + 1 + 2 * K + k)
                kept = vector
                if INVERSE:
                    kept = tl.div_rn(vector, tl.where(chance > 1.0, 1.0, chance))
                vector = tl.where(bits.to(tl.float32) * 4.656612873077393e-10 < chance, kept, 0.0)
        vectors += (vector,)
    if MASK == "variance":
        bits = _magnitude(_variance(vectors, K))
        stays = _reaches(bits, lane, begin, longs + 2, words, K)
        chosen: tl.tuple = ()
        for k in tl.static_range(K):
            chosen += (tl.where(stays, vectors[k], 0.0),)
        vectors = chosen

    if MEASURE != "no":
        for k in tl.static_range(K):
            vector = tl.where(inside, vectors[k], 0.0)
            amount = vector * vector if MEASURE == "squares" else tl.abs(vector)
            tl.store(sums + tile.to(tl.int64) * K + k, tl.sum(amount, 0).to(tl.float64))
    else:
        if ELECT == "no":
            merged = vectors[0] * tl.load(floats)
            for k in tl.static_range(1, K):
                merged = tl.fma(vectors[k], tl.load(floats + k) + tl.zeros_like(merged), merged)
        else:
            merged = _elected(vectors, floats, K, ELECT == "plain", DIVIDE) * tl.load(
                floats + 2 * K
            )
        if DELTA:
            merged = merged + origin
        merged = tl.where(inside, merged, 0.0)
        place = tl.load(longs) * 16 + begin
        tl.store(live + place + lane, _narrowed(merged, LIVE), mask=padded)


@jit
def row_sums(
    sums: tl.tensor, heads: tl.tensor, found: tl.tensor, K: tl.constexpr, BLOCK: tl.constexpr
) -> None:
    """Into `found` (S, K) the sums (tiles, K) of tiles [heads[row], heads[row + 1])."""
    row = tl.program_id(0)
    head = tl.load(heads + row)
    stop = tl.load(heads + row + 1)
    for k in tl.static_range(K):
        total = tl.zeros((BLOCK,), tl.float64)
        for start in range(head, stop, BLOCK):
            tile = start + tl.arange(0, BLOCK)
            total += tl.load(sums + tile * K + k, mask=tile < stop, other=0.0)
        tl.store(found + row * K + k, tl.sum(total, 0))


INTERPRETED = not isinstance(fused, triton.JITFunction)  # Triton's interpreter, on a CPU
