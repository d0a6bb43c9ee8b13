"""One merge per method: ours (eager, compiled), mergekit in memory and on disk, and the memory's floors.

    python benchmarks/merge.py --parameters 150000000 --threads 2 [--peer none] [--json]

Random Llama checkpoints in bfloat16 (a base and `--models` others) are written to a temporary
folder, loaded once, and merged into a live bfloat16 model by candidates that differ in weights and
densities. Floors, measured in the same run: a copy of the output's bytes and one read (a sum) of
every source's. On a GPU the floor is bytes moved (each source once, the output once) over the
bandwidth of a copy. `first` is a method's first merge, which computes what depends on the sources
alone; the others are medians of later ones. mergekit keeps its sources in memory too, or reads
and writes checkpoints on disk; it computes in bfloat16, its default for such checkpoints.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peers import in_memory, on_disk

from suite.experimental.cuda_merging import launch
from suite.merging import Merger, Sources
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import Value
from suite.recipes.recipe import Input, Recipe

LAYERS = 18
SLOW = 5.0  # seconds; what takes longer is measured once only


def llama(parameters: int) -> Any:
    """A random Llama of 18 layers with about this many parameters, bfloat16, head tied."""
    from transformers import LlamaConfig, LlamaForCausalLM

    # 42 w² of embedding, and per layer 4 w² of attention and 8 w² of MLP
    width = min(range(64, 8192, 64), key=lambda w: abs((42 + 12 * LAYERS) * w * w - parameters))
    config = LlamaConfig(
        vocab_size=42 * width,
        hidden_size=width,
        intermediate_size=8 * width // 3,
        num_hidden_layers=LAYERS,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).bfloat16().requires_grad_(False)


def checkpoints(parameters: int, models: int, root: Path) -> dict[str, Path]:
    """Folders of a base and `models` fine-tunes of it, with deltas of 0.002."""
    torch.manual_seed(0)
    live = llama(parameters)
    base = {name: p.clone() for name, p in live.named_parameters()}
    folders = {name: root / name for name in ("base", *(f"m{i}" for i in range(models)))}
    for name, folder in folders.items():
        if name != "base":
            for key, p in live.named_parameters():
                p.copy_(base[key].float() + 0.002 * torch.randn(p.shape))
        live.save_pretrained(folder)
    return folders


def recipe(method: str, models: int, number: int) -> Recipe:
    """Candidate `number`: one weight per model, density 0.3 to 0.7."""
    known, inputs = METHODS[method].parameters, []
    for model in range(METHODS[method].inputs or models):
        own: dict[str, Value] = {"weight": 0.2 + 0.1 * model + 0.01 * number}
        own |= {"density": 0.3 + 0.4 * (number % 10) / 10, "scale": 0.9 + 0.01 * number}
        inputs.append(Input(f"m{model}", {key: own[key] for key in own if key in known}))
    shared = {"t": 0.3 + 0.01 * number, "select_topk": 0.3 + 0.04 * (number % 10)}
    role = METHODS[method].base
    base = {"input": "m0", "optional": None}.get(role, "base")
    return Recipe(
        method,
        tuple(inputs),
        base,
        {key: shared[key] for key in shared if key in known},
        "bfloat16",
    )


def seconds(action: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def median(action: Callable[[int], object], repeats: int, device: torch.device) -> float:
    """Median milliseconds; an action slower than `SLOW` seconds runs once."""
    times = [seconds(partial(action, 0), device)]
    times += [
        seconds(partial(action, n), device) for n in range(1, repeats if times[0] < SLOW else 1)
    ]
    return 1e3 * statistics.median(times)


def memory(field: str) -> float:
    """MiB of this process by /proc: VmRSS now, VmHWM the peak; NaN where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    found = [line.split()[1] for line in lines if line.startswith(field)]
    return int(found[0]) / 1024 if found else float("nan")


def forget_peak() -> float:
    """Let the peak start from here; MiB in use."""
    gc.collect()
    if Path("/proc/self/clear_refs").is_file():
        Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def floors(sources: Sources, live: torch.nn.Module, repeats: int) -> dict[str, float]:
    """Milliseconds of one copy of the output and one read of all sources; `sum` of both."""
    flats = [sources.flat(name) for name in sources.names]
    source = torch.cat([p.detach().view(-1) for p in live.parameters()])
    target = torch.empty_like(source)
    copy = median(lambda n: target.copy_(source), repeats, sources.device)
    if sources.device.type == "cuda":
        moved = sum(f.nbytes for f in flats) + target.nbytes
        return {"copy_ms": copy, "floor_ms": copy * moved / (2 * target.nbytes)}
    read = median(lambda n: [float(flat.sum()) for flat in flats], repeats, sources.device)
    return {"copy_ms": copy, "read_ms": read, "floor_ms": copy + read}


def merge_one(merger: Merger, todo: list[Recipe], number: int) -> None:
    merger.merge(todo[number])


def measure(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    device, count = torch.device(arguments.device), arguments.models
    folders = checkpoints(arguments.parameters, count, root)
    before = forget_peak()
    sources = Sources.load(folders, device, arguments.streamed)
    live = llama(arguments.parameters).to(device)
    mergers = {
        mode: Merger(sources, live, launch.runner(mode, device))
        for mode in arguments.modes.split(",")
    }
    rows: dict[str, dict[str, float]] = {}
    for method in arguments.methods.split(",") if arguments.methods else METHODS:
        row = rows[method] = {}
        todo = [recipe(method, count, n) for n in range(arguments.repeats)]
        for mode, merger in mergers.items():
            row[f"{mode}_first"] = 1e3 * seconds(partial(merger.merge, todo[-1]), device)
            row[mode] = median(partial(merge_one, merger, todo), arguments.repeats, device)
        row |= floors(sources, live, arguments.repeats)
        if arguments.peer in ("memory", "both"):
            row["memory"] = median(
                in_memory(partial(recipe, method, count), folders),
                min(3, arguments.repeats),
                device,
            )
        if arguments.peer == "both":
            run_disk = on_disk(partial(recipe, method, count), folders, root)
            row["disk"] = median(run_disk, min(3, arguments.repeats), device)
        print(".", end="", flush=True, file=sys.stderr)
    peak = memory("VmHWM") - before
    on_gpu = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0
    return {
        "parameters": sum(p.numel() for p in live.parameters()),
        "tensors": len(sources.layout.segments),
        "models": count,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "sources_mib": sum(sources.flat(name).nbytes for name in sources.names) / 2**20,
        "peak_host_mib": peak,
        "peak_device_mib": on_gpu,
        "methods": rows,
    }


def table(result: dict[str, Any]) -> str:
    rows = result["methods"]
    known = [key for key in next(iter(rows.values())) if key not in ("copy_ms", "read_ms")]
    lines = [
        f"{result['parameters']:,} parameters in {result['tensors']} tensors, base +"
        f" {result['models']} models in bfloat16, {result['device']},"
        f" {result['threads']} thread(s); milliseconds",
        f"sources {result['sources_mib']:.0f} MiB; peak of loading and merging: host"
        f" {result['peak_host_mib']:.0f} MiB, device {result['peak_device_mib']:.0f} MiB",
        f"{'method':<17}" + "".join(f"{key:>15}" for key in known) + f"{'x floor':>9}{'x peer':>8}",
    ]
    for method, row in rows.items():
        ours = row.get("compiled", row.get("eager", row.get("auto")))
        peer = f"{row['memory'] / ours:>8.0f}" if "memory" in row else ""
        lines.append(
            f"{method:<17}"
            + "".join(f"{row[key]:>15.1f}" for key in known)
            + f"{ours / row['floor_ms']:>9.2f}{peer}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of one merge per method, beside the floors.")
    parser.add_argument("--parameters", type=int, default=150_000_000)
    parser.add_argument("--models", type=int, default=3, help="besides the base; 2 or more")
    parser.add_argument("--methods", help="comma-separated; default: all")
    parser.add_argument("--modes", default="eager,compiled")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--peer", choices=["none", "memory", "both"], default="memory")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--streamed", action="store_true", help="keep sources in host memory")
    parser.add_argument("--threads", type=int, help="of a CPU; default: torch's own choice")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.models < 2 or arguments.repeats < 2 or arguments.parameters < 1:
        parser.error("models and repeats must be 2 or more, parameters 1 or more")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as root, torch.no_grad():
        result = measure(arguments, Path(root))
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
