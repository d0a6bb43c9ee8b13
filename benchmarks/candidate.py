"""What a candidate costs: merge, forward passes, and everything else, in one run.

    python benchmarks/candidate.py [--task ja_math_micro] [--candidates 20] [--threads 2] [--json]

Prints medians over random candidates, the share of a candidate's time that is outside the model's
forward passes, and the ratio to the bare forward passes over the same tokens.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from typing import Any

import numpy as np
import torch

from suite.assembly import assemble, compose


class Stopwatch:
    """Adds up the wall time spent inside a callable."""

    def __init__(self, call: Any) -> None:
        functools.update_wrapper(self, call)  # transformers reads a forward's signature
        self._call = call
        self.seconds = 0.0
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        result = self._call(*args, **kwargs)
        self.seconds += time.perf_counter() - started
        self.calls += 1
        return result


def measure(task: Any, candidates: int) -> dict[str, float]:
    """Medians in seconds per candidate over `candidates` seeded random candidates."""
    rng = np.random.default_rng(0)
    rows = []
    for x in rng.random((candidates + 1, task.space.d)):
        model = task.handle.model
        original, watch = model.forward, Stopwatch(model.forward)
        model.forward = watch
        started = time.perf_counter()
        measured = task.measure(task.recipe(x), "search")
        total = time.perf_counter() - started
        model.forward = original
        lengths = [s for name, s in measured.scores.items() if name.endswith(".tokens")]
        rows.append(
            {
                "items": sum(score.n for score in lengths),
                "generated_tokens": sum(score.value * score.n for score in lengths),
                "forward_passes": watch.calls,
                "total_s": total,
                "merge_s": measured.seconds["merge"],
                "forward_s": watch.seconds,
                "outside_forward_share": 1 - watch.seconds / total,
                "ratio_to_forward": total / watch.seconds,
            }
        )
    # The first candidate warms up.
    return {key: statistics.median(row[key] for row in rows[1:]) for key in rows[0]}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="ja_math_micro")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = compose.compose([f"task={options.task}", f"device={options.device}"])
    table = measure(assemble.task(config), options.candidates)
    if options.json:
        print(json.dumps(table))
        return
    for name, value in table.items():
        print(f"{name:24}{value:12.4f}")


if __name__ == "__main__":
    main()
