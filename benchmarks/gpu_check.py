"""Prove or refute, in ten minutes on a machine with a GPU, what has not run on one yet.

    python benchmarks/gpu_check.py [--markdown docs/gpu.md] [--json]

1. Merges by every method on the device, by torch operations and by the Triton kernel, sources resident and
   staged, in float32 and bfloat16, beside the same merges on the CPU: the micro task's models and random
   ones of 30 million parameters, then of a billion in bfloat16. What is allowed stands in `gpu_merges.py`.
2. Greedy replies of the micro model, and a search of 20 candidates, beside the CPU's (`gpu_replies.py`).
3. vLLM, where it is installed: weights swapped and compared to the bit, replies beside transformers'.

Nothing is downloaded. A billion parameters want about 25 GB on the device and 50 GB on the host, most of
it for the orders of magnitudes; `--parameters` takes other sizes, of which the last is bfloat16 alone.
It prints how many claims are equal, within what is allowed and refuted, and the milliseconds of a merge
beside the time in which the memory could move the same bytes. Exit codes: 0 nothing is refuted,
1 something is, 2 there is no CUDA device. On a CPU, ``--device cpu --small`` runs the same code.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gpu_merges
import gpu_replies
import torch
from gpu_findings import Finding, markdown, table

from suite.experimental.cuda_merging import launch
from suite.recipes.method_table import METHODS

SIZES = [30_000_000, 1_000_000_000]


def findings(options: argparse.Namespace) -> Iterator[Finding]:
    """Everything that is checked, as it is found."""
    device = torch.device(options.device)
    with torch.no_grad():
        for case in cases(options, device):
            if device.type == "cuda" and not launch.available():
                said = "no Triton, or no C compiler for it (set CC)"
                yield Finding("Triton", case.name, "all methods", "unchecked", said)
            yield from gpu_merges.checks(case, options.methods, options.repeats)
            del case
            gc.collect()
            torch.cuda.empty_cache()
    yield from gpu_replies.checks(options.device, options.candidates, options.small)


def cases(options: argparse.Namespace, device: torch.device) -> Iterator[gpu_merges.Case]:
    """From small to large, each made when it is its turn."""
    both = (torch.float32, torch.bfloat16)
    for dtype in both:
        yield gpu_merges.micro(dtype, device)
    for size in options.parameters:
        last = size == options.parameters[-1] and len(options.parameters) > 1
        for dtype in both[last:]:
            yield gpu_merges.synthetic(size, dtype, device)


def about(words: list[str], device: torch.device, seconds: float) -> str:
    """The command `words`, where it ran, and how long."""
    name = platform.processor() or platform.machine()
    driver = ""
    if device.type == "cuda":
        name, driver = torch.cuda.get_device_name(device), f", CUDA {torch.version.cuda}"
    command = " ".join(["python benchmarks/gpu_check.py", *words])
    return f"`{command}`: {name}{driver}, torch {torch.__version__}, {seconds:.0f} s"


def parsed(words: list[str]) -> argparse.Namespace:
    """The command line; what is not given is for a GPU, or with ``--small`` for a test."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--device", default="cuda:0", help="cuda:0 unless given; cpu to try the script"
    )
    parser.add_argument("--small", action="store_true", help="tiny sizes, few items")
    parser.add_argument("--parameters", type=int, nargs="+", metavar="N", help=f"sizes: {SIZES}")
    parser.add_argument(
        "--methods", nargs="+", choices=list(METHODS), default=list(METHODS), metavar="NAME"
    )
    parser.add_argument("--candidates", type=int, help="of the search; 20")
    parser.add_argument("--repeats", type=int, help="timed merges of each kind; 4")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables for docs")
    options = parser.parse_args(words)
    options.parameters = options.parameters or ([200_000] if options.small else SIZES)
    options.candidates = options.candidates or (3 if options.small else 20)
    options.repeats = options.repeats or (2 if options.small else 4)
    if min(*options.parameters, options.candidates, options.repeats) < 1:
        parser.error("parameters, candidates and repeats must be 1 or more")
    return options


def main(words: list[str] | None = None) -> int:
    """Check, print, and say by the exit code whether anything is refuted."""
    given = sys.argv[1:] if words is None else words
    options = parsed(given)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        said = f"torch {torch.__version__} finds no CUDA device here; nothing was checked"
        print(f"gpu_check: {said} (--device cpu --small tries the script)", file=sys.stderr)
        return 2
    started = time.perf_counter()
    found = []
    for finding in findings(options):
        found.append(finding)
        line = (
            f"{finding.engine} | {finding.case} | {finding.claim}: {finding.verdict} {finding.note}"
        )
        print(line, file=sys.stderr, flush=True)
    run = about(given, device, time.perf_counter() - started)
    if options.markdown:
        options.markdown.write_text(markdown(run, found), encoding="utf-8")
    if options.json:
        print(json.dumps({"about": run, "findings": [each.to_json() for each in found]}))
    else:
        print(table(run, found))
    return int(any(each.verdict == "refuted" for each in found))


if __name__ == "__main__":
    sys.exit(main())
