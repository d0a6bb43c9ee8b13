"""What looking at every picture once saves: an ordinary call against the handle that keeps features.

    python benchmarks/pictures.py [--towers micro modest] [--items 100] [--candidates 5]
                                  [--beams 1] [--threads 2] [--json]

A candidate is one pass over the items with new weights in the language tower. ``ordinary_s`` is
``model.generate(**processor(...))``, which processes and encodes every picture for every candidate
(`processor_s` and `tower_s` of it); ``once_s`` the handle after its first look (``first_look_s``, paid
once in a search). Both have the same batches; ``max_logit_difference`` is the largest difference
between their logits after the prompts, ``largest_logit`` what to compare it with.
``disk_mb`` is what the features take on disk, ``reread_s`` a later process's first look, which finds
them there, ``once_from_disk_s`` a candidate's time that reads them from there.

One column for the shipped VLM, if there is one, on its own items; one for each of `--towers`: random
weights, the shipped language tower's size, random pictures. Medians over candidates.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from candidate import Stopwatch
from picture_models import TOWERS, Asked, made, shipped

from suite.evaluators.models import vision
from suite.evaluators.models.handle import Decoding


def ordinary(live: vision.VisionHandle, asked: Asked, options: Any) -> list[str]:
    """``model.generate(**processor(...))`` in the handle's batches."""
    prompts, pictures = asked
    order = sorted(range(len(prompts)), key=lambda row: len(live.tokenizer(prompts[row]).input_ids))
    size = max(1, live.batch_size // options.beams)
    replies: dict[int, str] = {}
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        inputs = live.processor(
            text=[prompts[row] for row in rows],
            images=[pictures[row].image() for row in rows],
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            out = live.model.generate(
                **inputs,
                max_new_tokens=options.tokens,
                do_sample=False,
                num_beams=options.beams,
                pad_token_id=live.tokenizer.pad_token_id,
                eos_token_id=live.tokenizer.eos_token_id,
            )
        new = out[:, inputs["input_ids"].shape[1] :]
        texts = live.tokenizer.batch_decode(new, skip_special_tokens=True)
        replies.update(zip(rows, texts, strict=True))
    return [replies[row] for row in range(len(prompts))]


def once(live: vision.VisionHandle, asked: Asked, options: Any) -> list[str]:
    """The same through the handle."""
    decoding = Decoding(options.beams)
    return [reply.text for reply in live.generate(asked[0], options.tokens, asked[1], decoding)]


@contextmanager
def timed(owner: Any, method: str) -> Iterator[Stopwatch]:
    """Adds up the time spent in a method, and keeps the logits of prompts that it returns."""
    watch = Stopwatch(getattr(owner, method))
    functools.update_wrapper(watch, getattr(owner, method))  # generation reads the signature
    setattr(owner, method, watch)
    try:
        yield watch
    finally:
        delattr(owner, method)


def first_logits(live: vision.VisionHandle, call: Any) -> torch.Tensor:
    """The logits that follow each prompt, in the order of batches, of one call."""
    kept: list[torch.Tensor] = []
    real = live.model.forward

    @functools.wraps(real)
    def forward(*args: Any, **inputs: Any) -> Any:
        out = real(*args, **inputs)
        if inputs["input_ids"].shape[1] > 1:
            kept.append(out.logits[:, -1])
        return out

    live.model.forward = forward
    call()
    del live.model.forward
    return torch.cat(kept)


def seconds(call: Any) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure(live: vision.VisionHandle, asked: Asked, options: Any) -> dict[str, float]:
    """One column of the table."""
    usual = functools.partial(ordinary, live, asked, options)
    kept = functools.partial(once, live, asked, options)
    first = seconds(lambda: live.features.learn(asked[1]))
    ours, theirs = first_logits(live, kept), first_logits(live, usual)
    same = [a == b for a, b in zip(kept(), usual(), strict=True)]  # and everything has run before
    rows, body = [], live.model.base_model
    for _ in range(options.candidates):
        perturb(live)
        with (
            timed(live.processor, "_process_images") as eyes,
            timed(body, "get_image_features") as tower,
        ):
            total = seconds(usual)
        rows.append((total, eyes.seconds, tower.seconds, seconds(kept)))
    total, processing, encoding, again = map(statistics.median, zip(*rows, strict=True))
    with tempfile.TemporaryDirectory() as store:
        disk = on_disk(live, asked, options, Path(store))
    seen = {picture.digest: live.features.get(picture) for picture in asked[1]}
    return {
        "items": len(asked[0]),
        "pictures": len(seen),
        "image_tokens": statistics.mean(len(each["features"]) for each in seen.values()),
        "ordinary_s": total,
        "processor_s": processing,
        "tower_s": encoding,
        "once_s": again,
        "ratio": total / again,
        "first_look_s": first,
        "max_logit_difference": float((ours - theirs).abs().max()),
        "largest_logit": float(theirs.abs().max()),
        "same_replies_share": statistics.mean(same),
        "memory_mb": sum(e["features"].nbytes for e in seen.values()) / 1e6,
        **disk,
    }


def on_disk(live: vision.VisionHandle, asked: Asked, options: Any, store: Path) -> dict[str, float]:
    """What features take on disk, and what reading them from there costs."""
    vision.VisionHandle(live.model, live.processor, store=store, memory=0).features.learn(asked[1])
    size = sum(file.stat().st_size for file in store.rglob("*.safetensors"))
    later = vision.VisionHandle(live.model, live.processor, live.batch_size, store, memory=0)
    reread = seconds(lambda: later.features.learn(asked[1]))
    once(later, asked, options)
    times = [seconds(lambda: once(later, asked, options)) for _ in range(options.candidates)]
    return {
        "disk_mb": size / 1e6,
        "reread_s": reread,
        "once_from_disk_s": statistics.median(times),
    }


def perturb(live: vision.VisionHandle) -> None:
    """New weights in the language tower, as a merge puts them there: in place."""
    with torch.no_grad():
        for parameter in live.model.base_model.language_model.parameters():
            parameter.mul_(1.0 + 1e-3 * torch.randn(()))


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--towers", nargs="*", choices=TOWERS, default=["micro", "modest"])
    for name, default in {
        "items": 100,
        "candidates": 5,
        "tokens": 12,
        "beams": 1,
        "threads": 2,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if min(options.items, options.candidates, options.tokens, options.beams) < 1:
        parser.error("--items, --candidates, --tokens and --beams are at least 1")
    torch.set_num_threads(options.threads)
    table: dict[str, dict[str, float]] = {}
    if found := shipped(options.items):
        table["shipped"] = measure(*found, options)
    for tower in options.towers:
        table[tower] = measure(*made(tower, options.items), options)
    if options.json:
        print(json.dumps(table))
        return
    print(f"{'':24}" + "".join(f"{column:>14}" for column in table))
    for key in next(iter(table.values()), {}):
        print(f"{key:24}" + "".join(f"{column[key]:14.4g}" for column in table.values()))


if __name__ == "__main__":
    main()
