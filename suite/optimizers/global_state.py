"""What optimizers' libraries share with the rest of the process: random state and torch's threads.

Torch is meant where it is loaded; nothing here loads it but `one_thread`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def global_random() -> dict[str, str]:
    """The state of the process-wide generators (torch: the CPU's) by library."""
    numpy: Any = np.random.get_state()
    states = {"numpy": repr((numpy[1].tolist(), numpy[2:])), "Python": repr(random.getstate())}
    torch = sys.modules.get("torch")
    return states if torch is None else {**states, "torch": repr(torch.get_rng_state().tolist())}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The process-wide generators seeded, and as before afterwards; `seed` is in [0, 2^32).

    For libraries that take no generator.
    """
    torch = sys.modules.get("torch")
    states = np.random.get_state(), random.getstate(), torch and torch.get_rng_state()
    try:
        np.random.seed(seed)
        random.seed(seed)
        if torch is not None:
            torch.default_generator.manual_seed(seed)
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
        if torch is not None:
            torch.set_rng_state(states[2])


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread, so that sums come out the same bit for bit, and as before afterwards."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
