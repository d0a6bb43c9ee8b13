"""What a layer path costs beyond its forward passes, and what its layers take in memory.

    python benchmarks/path.py [--task ja_math_micro] [--hops 12] [--candidates 20] [--threads 2] [--json]

Random paths with scales over the task's base and its first other model, measured as a search
measures them. Times are medians over candidates: putting the path into the model (`setup_s`), the
model's forward passes (`forward_s`), and the share of a candidate that is neither in them. Memory:
the bytes of the distinct layers of a path, the bytes that its hops refer to, what a copy for every
hop would take; and, over all candidates together, the bytes held that belong neither to the
sources nor to the live model.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from candidate import Stopwatch

from suite.assembly import assemble, compose, engines
from suite.evaluators.models import handle
from suite.merging import PathMerger, Sources
from suite.recipes.layer_path import Hop, LayerPath

TARGET = 0.15  # of a candidate's time outside the forward passes


def paths(parts: list[str], layers: int, hops: int, count: int) -> Iterator[LayerPath]:
    """Seeded random paths that begin and end like the first part."""
    rng = random.Random(0)
    for _ in range(count):
        middle = [(rng.choice(parts), rng.randrange(layers)) for _ in range(hops - 2)]
        order = [(parts[0], 0), *middle, (parts[0], layers - 1)]
        yield LayerPath(parts[0], tuple(Hop(*hop, rng.uniform(0.7, 1.2)) for hop in order))


def evaluate(live: Any, merger: PathMerger, evaluators: list[Any], path: LayerPath) -> Any:
    """Seconds of one candidate: setup, forward, total; and its forward passes."""
    model, original = live.model, live.model.forward
    model.forward = watch = Stopwatch(original)
    started = time.perf_counter()
    merger.merge(path)
    ready = time.perf_counter()
    for evaluator in evaluators:
        evaluator.evaluate(live, "search")
    total = time.perf_counter() - started
    model.forward = original
    return {
        "hops": len(path.hops),
        "forward_passes": watch.calls,
        "total_s": total,
        "setup_s": ready - started,
        "forward_s": watch.seconds,
        "outside_forward_share": 1 - watch.seconds / total,
        "setup_share": (ready - started) / total,
    }


def memory(layers: Any, path: LayerPath, foreign: dict[int, int], known: set[int]) -> Any:
    """Bytes of the layers of `path`; storages that are not `known` are added to `foreign`."""
    views = {p.data_ptr(): p for layer in layers for p in layer.parameters()}
    for parameter in views.values():
        storage = parameter.untyped_storage()
        if storage.data_ptr() not in known:
            foreign[storage.data_ptr()] = storage.nbytes()
    one = sum(p.numel() * p.element_size() for p in layers[0].parameters())
    return {
        "distinct_layers": len({(hop.part, hop.layer) for hop in path.hops}),
        "distinct_layers_mb": one * len({(hop.part, hop.layer) for hop in path.hops}) / 1e6,
        "hops_refer_to_mb": sum(p.numel() * p.element_size() for p in views.values()) / 1e6,
        "a_copy_per_hop_mb": one * len(path.hops) / 1e6,
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Medians over candidates; the first one warms up."""
    config = compose.compose([f"task={options.task}", f"device={options.device}"])
    spec, on = config.task, assemble.device(config.device)
    folders = assemble.folders(config)
    parts = [spec.base, next(name for name in folders if name != spec.base)]
    sources = Sources.load({part: folders[part] for part in parts}, on)
    live = handle.load(folders[parts[0]], on, config.batch_size, spec.dtype)
    count = live.model.config.num_hidden_layers
    merger = PathMerger(sources, live.model, engines.merging(config.merging.mode, on))
    evaluators = assemble.evaluators(config)
    known = {sources.flat(part).untyped_storage().data_ptr() for part in parts}
    known |= {p.untyped_storage().data_ptr() for p in live.model.parameters()}
    foreign: dict[int, int] = {}
    rows = []
    for path in paths(parts, count, options.hops, options.candidates + 1):
        row = evaluate(live, merger, evaluators, path)
        rows.append(row | memory(live.model.get_decoder().layers, path, foreign, known))
    found = {key: statistics.median(row[key] for row in rows[1:]) for key in rows[0]}
    return {**found, "held_beyond_sources_and_model_mb": sum(foreign.values()) / 1e6}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="ja_math_micro")
    parser.add_argument("--hops", type=int, default=12)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.hops < 2 or options.candidates < 1:
        parser.error("--hops is at least 2, --candidates at least 1")
    torch.set_num_threads(options.threads)
    table = {**measure(options), "target_outside_forward_share": TARGET}
    if options.json:
        print(json.dumps(table))
        return
    for name, value in table.items():
        print(f"{name:34}{value:12.4f}")


if __name__ == "__main__":
    main()
