"""What a model replies on a device, what a search measures there, and vLLM beside transformers.

Replies are greedy: they part where the two largest logits differ by less than the devices' rounding, and
after that token a reply is another one. `APART` of the replies, or of the outcomes of items, may differ.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gpu_findings import Finding, Verdict, tried

from suite import resources
from suite.assembly import assemble, compose
from suite.evaluators.models import handle
from suite.experimental.vllm_engine import handle as vllm_handle
from suite.merging import PathMerger, Sources
from suite.recipes.recipe import Input, Recipe
from suite.records.journal import Journal
from suite.search import harness

APART = 0.01  # of the replies, and of the outcomes of items
TASK = "ja_math_micro"
CASE = f"{TASK}, float32"
_BASE = resources.ZOO / TASK / "base"
_FEW = 8  # items of each evaluator, in the small check
_MERGES = (
    (0.0, 0.0),
    (0.6, 0.4),
    (1.0, 0.0),
    (0.6, 0.4),
)  # of japanese and math_add; one comes back


def checks(device: str, candidates: int, small: bool) -> Iterator[Finding]:
    """Generation, a search of `candidates` and vLLM on `device`; `small` asks few items."""
    yield tried("generate", CASE, "greedy replies", lambda: generated(device, small))
    title = f"{candidates} candidates"
    yield tried("search", CASE, title, lambda: searched(device, candidates, small))
    try:
        vllm_handle.importable()
    except Exception as error:  # a broken installation raises more than BadInput
        yield Finding("vLLM", CASE, "weights and replies", "unchecked", str(error))
        return
    yield tried("vLLM", CASE, "weights and replies", lambda: by_vllm(device, small))


def generated(device: str, small: bool) -> Finding:
    """Greedy replies of the micro task's base on the device beside the CPU's."""
    ours, theirs = (handle.load(_BASE, where, 64) for where in ("cpu", device))
    asked = prompts(small)
    started = time.perf_counter()
    replies = theirs.generate(asked, 24)
    ms = 1e3 * (time.perf_counter() - started) / len(asked)
    verdict, note = _share([a != b for a, b in zip(ours.generate(asked, 24), replies, strict=True)])
    said = f"{note} replies differ; {ms:.1f} ms a reply"
    return Finding("generate", CASE, "greedy replies", verdict, said)


def searched(device: str, candidates: int, small: bool) -> Finding:
    """A random search on the device beside the CPU's: recipes, outcomes of items, losses."""
    task, ours = _search("cpu", candidates, small)
    started = time.perf_counter()
    _, theirs = _search(device, candidates, small)
    seconds = (time.perf_counter() - started) / candidates
    title = f"{candidates} candidates"
    if [t.recipe for t in ours] != [t.recipe for t in theirs]:
        return Finding("search", CASE, title, "refuted", "the candidates are not the same")
    if failed := [t.number for t in (*ours, *theirs) if t.status != "ok"]:
        return Finding("search", CASE, title, "refuted", f"trial {failed[0]} failed")
    metrics = [objective.metric for objective in task.objectives]
    pairs = list(zip(ours, theirs, strict=True))
    items = [
        a != b
        for one, other in pairs
        for metric in metrics
        for a, b in zip(one.scores[metric].items, other.scores[metric].items, strict=True)
    ]
    verdict, note = _share(items)
    losses = max(float(np.abs(np.subtract(a.losses, b.losses)).max()) for a, b in pairs)
    if verdict == "equal" and losses:
        verdict = "refuted"
    said = f"{note} outcomes differ, losses by at most {losses:.3g}; {seconds:.2f} s a candidate"
    return Finding("search", CASE, title, verdict, said)


def by_vllm(device: str, small: bool) -> Finding:
    """Merges one after the other into a live model and vLLM's: weights to the bit, replies.

    `VllmHandle` compares every bit after each swap, and its cache, and raises where they are stale; here it
    is also seen that a merge makes a difference before the swap, so that something was swapped.
    """
    live = handle.load(_BASE, device, 64)
    folders = {name: _BASE.with_name(name) for name in ("base", "japanese", "math_add")}
    merger = PathMerger(Sources.load(folders, device), live.model, "eager")
    engine = vllm_handle.start(live, _BASE, {})
    asked = prompts(small)
    apart: list[bool] = []
    seconds: list[float] = []
    for before, weights in zip((_MERGES[0], *_MERGES), _MERGES, strict=False):
        merger.merge(_merge(weights))
        if engine.is_current() != (before == weights):
            said = f"weights {weights} after {before}: vLLM is current {before != weights}"
            return Finding("vLLM", CASE, "weights and replies", "refuted", said)
        started = time.perf_counter()
        replies = engine.generate(asked, 24)
        seconds.append(time.perf_counter() - started)
        apart += [a != b for a, b in zip(live.generate(asked, 24), replies, strict=True)]
    verdict, note = _share(apart)
    said = f"{note} replies differ; {1e3 * min(seconds) / len(asked):.1f} ms a reply"
    return Finding("vLLM", CASE, "weights and replies", verdict, said)


def prompts(small: bool) -> list[str]:
    """What the task's evaluators ask on search items."""
    config = compose.compose([f"task={TASK}", "device=cpu"])
    evaluators: list[Any] = [*assemble.evaluators(config)]
    return [
        each.template.replace("{prompt}", item.prompt)
        for each in evaluators
        for item in each.splits["search"][: _FEW if small else None]
    ]


def _search(device: str, candidates: int, small: bool) -> tuple[Any, list[Any]]:
    """The task, and its trials: the same candidates whatever is measured."""
    config = compose.compose([f"task={TASK}", "optimizer=random", f"device={device}"])
    task = assemble.task(config)
    evaluators: list[Any] = [*task.evaluators] if small else []
    for each in evaluators:
        each.splits["search"] = each.splits["search"][:_FEW]
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "trials.jsonl")
        return task, harness.search(task, assemble.optimizer(config, task), journal, candidates)


def _merge(weights: Sequence[float]) -> Recipe:
    named = zip(("japanese", "math_add"), weights, strict=True)
    return Recipe("task_arithmetic", tuple(Input(n, {"weight": w}) for n, w in named), "base")


def _share(apart: Sequence[bool]) -> tuple[Verdict, str]:
    """The verdict on pairs of which some are `apart`, and how many are."""
    count = sum(apart)
    verdict: Verdict = (
        "equal" if not count else "within" if count <= APART * len(apart) else "refuted"
    )
    return verdict, f"{count} of {len(apart)}"
