"""Median time of one merge per method, beside what the memory alone costs; random weights.

    python benchmarks/merge.py --parameters 1300000 [--models 3] [--device cpu] [--json]

The floors are measured in the same run: a copy of the output's bytes, and one read (a sum) of
every source. A method's first merge, which computes what depends on the sources alone, is shown
apart from the median of the later ones, each of another recipe.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from suite.merging import Merger, Sources
from suite.recipe import Input, Recipe
from suite.rules import METHODS
from suite.values import Value

LAYERS = 6


def mistral(parameters: int) -> torch.nn.Module:
    """A random Mistral of six layers with about this many parameters, head tied."""
    from transformers import MistralConfig, MistralForCausalLM

    def make(width: int) -> MistralForCausalLM:
        return MistralForCausalLM(
            MistralConfig(
                vocab_size=16 * width,
                hidden_size=width,
                intermediate_size=8 * width // 3,
                num_hidden_layers=LAYERS,
                num_attention_heads=4,
                num_key_value_heads=2,
                tie_word_embeddings=True,
            )
        )

    # 16 w² of embedding, and per layer 3 w² of attention and 8 w² of MLP
    width = min(range(16, 8192, 16), key=lambda w: abs((16 + 11 * LAYERS) * w * w - parameters))
    return make(width).requires_grad_(False)


def recipe(method: str, models: int, number: int) -> Recipe:
    """Candidate `number`: a weight per layer and model, density 0.3 to 0.7."""
    if method == "slerp":
        t = tuple((0.1 * layer + 0.01 * number) % 1.0 for layer in range(LAYERS))
        return Recipe("slerp", (Input("m0"), Input("m1")), "m0", {"t": t})
    inputs = []
    for model in range(models):
        parameters: dict[str, Value] = {
            "weight": tuple(0.2 + 0.05 * k + 0.1 * model + 0.01 * number for k in range(LAYERS))
        }
        if "density" in METHODS[method].parameters:
            parameters["density"] = 0.3 + 0.4 * (number % 10) / 10
        inputs.append(Input(f"m{model}", parameters))
    return Recipe(method, tuple(inputs), None if method == "linear" else "base")


def milliseconds(action: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1e3 * (time.perf_counter() - start)


def _merge_one(merger: Merger, candidates: list[Recipe], number: int) -> None:
    merger.merge(candidates[number])


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    torch.manual_seed(0)
    live = mistral(arguments.parameters)
    base = {name: p.detach().clone() for name, p in live.named_parameters()}
    weights = {"base": base}
    for i in range(arguments.models):
        weights[f"m{i}"] = {n: p + 0.01 * torch.randn_like(p) for n, p in base.items()}
    sources = Sources.from_tensors(weights, arguments.device)
    del weights
    merger = Merger(sources, live)
    flats = [sources.flat(name) for name in sources.names]
    target = torch.empty_like(flats[0])

    def median(action: Callable[[int], object]) -> float:
        numbers = range(arguments.repeats)
        return statistics.median(milliseconds(partial(action, n), sources.device) for n in numbers)

    rows: dict[str, dict[str, float]] = {}
    for method in METHODS:
        candidates = [recipe(method, arguments.models, n) for n in range(arguments.repeats)]
        first = milliseconds(partial(merger.merge, candidates[0]), sources.device)
        later = median(partial(_merge_one, merger, candidates))
        rows[method] = {"median_ms": later, "first_ms": first}
    return {
        "parameters": sum(p.numel() for p in live.parameters()),
        "tensors": len(sources.layout.segments),
        "models": arguments.models,
        "device": str(sources.device),
        "threads": torch.get_num_threads(),
        "floors": {
            "copy_ms": median(lambda n: target.copy_(flats[0])),
            "read_ms": median(lambda n: [float(flat.sum()) for flat in flats]),
        },
        "methods": rows,
    }


def table(result: dict[str, Any]) -> str:
    floors, rows = result["floors"], result["methods"]
    floor = floors["copy_ms"] + floors["read_ms"]
    lines = [
        f"{result['parameters']:,} parameters in {result['tensors']} tensors, base +"
        f" {result['models']} models, {result['device']}, {result['threads']} thread(s)",
        f"floors: copy of the output {floors['copy_ms']:.3f} ms,"
        f" one read of all sources {floors['read_ms']:.3f} ms",
        f"{'method':<18}{'median ms':>10}{'x floors':>10}{'first ms':>10}",
    ]
    for method, row in rows.items():
        median = row["median_ms"]
        lines.append(f"{method:<18}{median:>10.2f}{median / floor:>10.1f}{row['first_ms']:>10.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of one merge per method, beside the floors.")
    parser.add_argument("--parameters", type=int, default=1_300_000)
    parser.add_argument("--models", type=int, default=3, help="besides the base; 2 or more")
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of a CPU; default: torch's own choice")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.models < 2 or arguments.repeats < 1 or arguments.parameters < 1:
        parser.error("models must be 2 or more, repeats and parameters 1 or more")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    result = measure(arguments)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
