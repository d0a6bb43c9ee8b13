"""Whether models fit each other and this machine, before anything large is downloaded or loaded."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from suite.checkpoints.metadata import BYTES, Header, read
from suite.errors import BadInput

__all__ = ["Fit", "Header", "check", "read", "size"]

LIVE = {"float32": 4, "bfloat16": 2, "float16": 2}  # bytes per parameter of the live model
ROWS = ("embed_tokens.weight", "lm_head.weight")  # tensors with one row per token
VOCABULARY = ("refuse", "cut")


@dataclass(frozen=True)
class Fit:
    """Models that merge: `cut` names the tensors that lose rows; `download`, `disk`, `memory` in bytes.

    `disk` is free where the Hub's cache lies. `memory` is the least a search needs: every source
    in its own type and the live model; `machine` is what there is.
    """

    headers: tuple[Header, ...]
    base: str
    cut: Mapping[str, tuple[str, ...]]
    download: int
    disk: int
    memory: int
    machine: int
    warnings: tuple[str, ...] = field(default=())


def check(
    headers: Sequence[Header],
    base: str,
    vocabulary: str = "refuse",
    device: str = "cpu",
    dtype: str = "float32",
    streamed: bool = False,
    vlm: str | None = None,
) -> Fit:
    """That the models fit each other and this machine; `BadInput` names the first thing that does not.

    With `vocabulary` ``cut``, embeddings and heads longer than the base's are allowed, as their
    surplus rows take no part in a merge; shorter ones never are. `device` is a torch device, `dtype` the
    live model's type; `streamed` sources do not count for a device that is not the processor. `vlm`
    is the live model when only its language tower is merged.
    """
    if dtype not in LIVE:
        raise BadInput(f"dtype={dtype}: allowed are {', '.join(LIVE)}")
    if vocabulary not in VOCABULARY:
        raise BadInput(f"vocabulary={vocabulary}: allowed are {', '.join(VOCABULARY)}")
    by_name = {header.name: header for header in headers}
    if base not in by_name:
        raise BadInput(f"base {base!r} is not one of {', '.join(by_name)}")
    live = by_name.get(base if vlm is None else vlm)
    if live is None or (vlm is not None and not live.eyes):
        what = "has no vision tower" if live else f"is not one of {', '.join(by_name)}"
        raise BadInput(f"vlm {vlm!r} {what}")
    for header in headers:
        _check_types(header)
    cut = {header.name: _compare(by_name[base], header, vocabulary) for header in headers}
    download = sum(header.download for header in headers)
    surplus = sum(_surplus(by_name[base], by_name[name], cut[name]) for name in cut)
    resident = 0 if streamed and device != "cpu" else sum(h.bytes for h in headers) - surplus
    memory = resident + LIVE[dtype] * (live.parameters + live.eyes * (vlm is not None))
    disk, machine = disk_free(), memory_of(device)
    if download > disk:
        raise BadInput(
            f"disk: {size(download)} to download, {size(disk)} free where the Hub's cache lies"
            " (HF_HOME moves it)"
        )
    if memory > machine:
        raise BadInput(
            f"memory: {len(headers)} models need {size(memory)} at least, {device} has"
            f" {size(machine)}"
        )
    warnings = tuple(_warnings(headers, by_name[base], memory, machine))
    kept = {name: tensors for name, tensors in cut.items() if tensors}
    return Fit(tuple(headers), base, kept, download, disk, memory, machine, warnings)


def disk_free() -> int:
    """Bytes free where the Hub's cache lies or will lie."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE).expanduser().absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def memory_of(device: str) -> int:
    """Bytes of memory of a torch device; for the processor, what this process may have of it."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[1])
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        path = Path("/sys/fs/cgroup") / limit
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            found.append(int(text))
    return min(found)


def size(count: int) -> str:
    """A number of bytes as people read it, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.4g} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"


def _check_types(header: Header) -> None:
    if header.quantised:
        raise BadInput(
            f"model {header.name!r} is quantised ({header.quantised}); merge the model it was made from"
        )
    for tensor, kind in header.dtypes.items():
        if kind not in BYTES:
            raise BadInput(
                f"model {header.name!r}: tensor {tensor!r} is {kind}; allowed are {', '.join(BYTES)}"
            )


def _compare(base: Header, other: Header, vocabulary: str) -> tuple[str, ...]:
    """The tensors of `other` that lose rows to the base's; `BadInput` when the two do not fit."""
    seeing = base.eyes or other.eyes  # whose architecture is not its decoder's
    kinds = [header.family if seeing else header.architecture for header in (base, other)]
    if all(kinds) and kinds[0] != kinds[1]:
        raise BadInput(
            f"models do not fit: {base.name!r} is a {_kind(base)}, {other.name!r} a {_kind(other)}"
        )
    for left, right in ((base, other), (other, base)):
        if lacking := sorted(set(left.shapes) - set(right.shapes)):
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise BadInput(
                f"models do not fit: tensor {lacking[0]!r}{more} is in {left.name!r},"
                f" not in {right.name!r}"
            )
    differ = [tensor for tensor in base.shapes if base.shapes[tensor] != other.shapes[tensor]]
    for tensor in differ:
        here, there = base.shapes[tensor], other.shapes[tensor]
        longer = tensor.endswith(ROWS) and here[1:] == there[1:] and there[:1] > here[:1]
        if longer and vocabulary == "cut":
            continue
        hint = "; task.vocabulary=cut merges the base's rows alone" if longer else ""
        if not longer and tensor.endswith(ROWS) and here[1:] == there[1:]:
            hint = "; a vocabulary smaller than the base's cannot be merged"
        raise BadInput(
            f"models do not fit: tensor {tensor!r} has shape {list(here)} in {base.name!r}"
            f" and {list(there)} in {other.name!r}{hint}"
        )
    return tuple(differ)


def _kind(header: Header) -> str:
    """Its architecture in words, with the decoder's family where the two are not the same."""
    return f"{header.architecture} ({header.family})" if header.eyes else str(header.architecture)


def _surplus(base: Header, other: Header, cut: Sequence[str]) -> int:
    """Bytes of the rows that `other` loses."""
    return sum(
        (math.prod(other.shapes[t]) - math.prod(base.shapes[t])) * BYTES[other.dtypes[t]]
        for t in cut
    )


def _warnings(headers: Sequence[Header], base: Header, memory: int, machine: int) -> list[str]:
    found = [
        f"{header.name}: {problem}"
        for header in headers
        for problem, there in (
            ("config.json names no architecture", not header.architecture),
            ("no licence stated", not header.licence and header.revision),
            (f"{header.dtype}, where the base is {base.dtype}", header.dtype != base.dtype),
        )
        if there
    ]
    licences = sorted({header.licence for header in headers if header.licence})
    if len(licences) > 1:
        found.append(f"the models have different licences: {', '.join(licences)}")
    if memory > 0.8 * machine:
        found.append(f"memory is tight: {size(memory)} of {size(machine)}")
    return found
