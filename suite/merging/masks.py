"""Random masks that are a function of their place: the same in any order, chunk or device.

An element's 32 random bits are a hash of its index and of two keys made of (seed, tensor, model).
The mixing steps are those of MurmurHash3's finaliser (Appleby 2008), in wrapping int32 arithmetic.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

_SPREAD, _FIRST, _SECOND = 0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35  # odd: bijections of 32-bit words
_LARGEST = 2**31 - 1


def _signed(word: int) -> int:
    """The 32-bit word as a two's complement number, as int32 tensors want it."""
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word


def _fold(bits: torch.Tensor, shift: int) -> torch.Tensor:
    """bits ^ (bits >> shift), logical; int32 shifts drag the sign, which is masked off."""
    return bits.bitwise_xor_((bits >> shift).bitwise_and_((1 << (32 - shift)) - 1))


@lru_cache(maxsize=1 << 16)
def keys(seed: int, tensor: str, model: str) -> tuple[int, int]:
    """The two 32-bit keys of one tensor of one model under a seed."""
    name = "\0".join((str(seed), tensor, model)).encode()
    digest = hashlib.blake2b(name, digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def random_bits(
    key: tuple[int, int], start: int, stop: int, device: str | torch.device = "cpu"
) -> torch.Tensor:
    """31 random bits each, int32 in [0, 2³¹), of elements start … stop − 1 of a tensor.

    Indices count modulo 2³². One key enters before the first multiplication and one after, so
    that two streams are not permutations of each other.
    """
    before, after = key
    bits = torch.arange(stop - start, dtype=torch.int32, device=device)
    bits.mul_(_signed(_SPREAD)).add_(_signed(start * _SPREAD + before))
    _fold(bits, 16).mul_(_signed(_FIRST)).add_(_signed(after))
    _fold(bits, 13).mul_(_signed(_SECOND))
    return _fold(bits, 16).bitwise_and_(_LARGEST)


def bounds(density: NDArray[np.float64]) -> NDArray[np.int64]:
    """What random bits are below with probability `density`, in [0, 1], to 2⁻³¹.

    Bits kept at one density are kept at every larger one; all are at 1.
    """
    return np.round(np.clip(density, 0, 1) * 2.0**31).astype(np.int64)
