"""A recipe carried out and saved as an ordinary checkpoint; whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from suite.checkpoints import metadata
from suite.errors import BadInput
from suite.export import unrolled
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Recipe

_SLACK = 1 << 20  # bytes for headers, config, recipe and card beside weights and tokenizer
_WIDTH = {"float32": 4, "bfloat16": 2, "float16": 2}
# What belongs to a tokenizer or processor; taken byte for byte, never the checkpoint's own code.
_TOKENIZER = (
    "*token*.json", "vocab.*", "merges.txt", "*.model", "*.tiktoken", "chat_template*",
    "*processor_config.json",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What to write: `recipe` over the checkpoints in `folders`, config and tokenizer of `base`.

    A layer path is written as an ordinary model of as many layers as it has hops (`unrolled`).
    `vlm` is the vision-language model whose language tower is replaced; all else is then its own,
    but for what `seeing` says otherwise (``tiling`` and ``rope_theta`` of `vision.load`).

    `dtype` None is the type of what was searched: the one the recipe rounds to, or else the live
    model's, `live`. `shard` is in bytes; `vocabulary` and `allow_nonfinite` are the task's.
    """

    recipe: Recipe | LayerPath
    folders: Mapping[str, Path]
    base: str
    device: str = "cpu"
    dtype: str | None = None
    shard: int = 5 * 10**9
    live: str = "float32"
    vocabulary: str = "refuse"
    allow_nonfinite: bool = False
    vlm: str | None = None
    seeing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lender(self) -> str:
        """The model whose config, tokenizer and processor are written, and its vision tower."""
        return self.base if self.vlm is None else self.vlm

    @property
    def stored(self) -> str | None:
        """The type to store; None for the live model's."""
        rounded = self.recipe.dtype if isinstance(self.recipe, Recipe) else "float32"
        return self.dtype or (rounded if rounded != "float32" else None)


@dataclass(frozen=True)
class Weights:
    """What became of the weights: `merged` is the type they were computed (and measured) in.

    `altered` is the share in [0, 1] of all parameters, those of a vision tower among them, that the
    rounding to `dtype` changed. `folding` is what the folding of a layer path's scales changed
    before that: the relative difference of the logits (`unrolled.unroll`).
    """

    parameters: int
    merged: str
    dtype: str
    altered: float
    folding: float = 0.0


Describe = Callable[[Weights], Mapping[str, str]]


def write(plan: Plan, out: Path, describe: Describe) -> Weights:
    """Merge and save to the new folder `out`; `describe` gives more text files by name.

    `BadInput` when `out` exists or cannot be written, the disk is too small for it, a parent is
    missing or does not fit, or the merge is not finite. `out` then does not appear.
    """
    check(plan, out)
    model = merged(plan)
    folding = 0.0
    if isinstance(plan.recipe, LayerPath):
        folding = unrolled.unroll(model, plan.recipe)
    weights = replace(_store_as(model, plan.stored), folding=folding)
    with _draft(out) as draft:
        _save(model, plan, draft)
        for name, text in describe(weights).items():
            (draft / name).write_text(text, encoding="utf-8")
    return weights


def check(plan: Plan, out: Path) -> None:
    """Refuse, before anything is loaded, an `out` that exists, is out of reach or has no room.

    And a layer path whose scales cannot be folded.
    """
    if out.exists() or out.is_symlink():
        raise BadInput(f"{out}: exists; name a new folder")
    lender = plan.folders[plan.lender]
    known = metadata.read(plan.lender, str(lender))
    numbers = known.parameters
    if isinstance(plan.recipe, LayerPath):
        unrolled.check(plan.recipe)
        numbers = unrolled.parameters(plan.recipe, known.shapes)
    numbers += known.eyes
    texts = sum(file.stat().st_size for file in _tokenizer_files(lender))
    needed = numbers * _WIDTH[plan.stored or plan.live] + texts + _SLACK
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise BadInput(f"{out}: cannot be written ({there} is not a writable folder)")
    free = shutil.disk_usage(there).free
    if free < needed:
        raise BadInput(
            f"{out}: too little disk: {needed / 1e9:.2f} GB to write, {free / 1e9:.2f} GB free"
        )


def merged(plan: Plan) -> Any:
    """The live model with `plan.recipe` in it; the sources are let go."""
    import torch

    from suite.experimental.cuda_merging import launch
    from suite.merging import MergeFailure, PathMerger, Sources

    model, target = _live(plan)
    folders = {name: plan.folders[name] for name in (plan.base, *plan.recipe.models)}
    try:
        sources = Sources.load(
            folders,
            plan.device,
            vocabulary=plan.vocabulary,
            allow_nonfinite=plan.allow_nonfinite,
        )
        mode = launch.runner("auto", plan.device)
        PathMerger(sources, target, mode).merge(plan.recipe)
    except MergeFailure as error:
        raise BadInput(f"{plan.recipe.title}: {error}") from None
    except (MemoryError, torch.OutOfMemoryError):
        raise BadInput(
            f"{plan.recipe.title} of {len(plan.folders)} models: out of memory on {plan.device}"
        ) from None
    return model


def _live(plan: Plan) -> tuple[Any, Any]:
    """The live model, and the module that is merged: the model itself or its language tower."""
    from suite.evaluators.models import handle, vision
    from suite.merging.language_tower import LanguageTower

    folder = plan.folders[plan.lender]
    if plan.vlm is None:
        model = handle.load(folder, plan.device, dtype=plan.live).model
        return model, model
    model = vision.load(folder, plan.device, dtype=plan.live, **plan.seeing).model
    return model, LanguageTower(model)


def _store_as(model: Any, dtype: str | None) -> Weights:
    """Bring the parameters to the CPU in `dtype` (None: as they are), tied ones still tied."""
    import torch

    merged = str(next(model.parameters()).dtype).removeprefix("torch.")
    wanted = getattr(torch, dtype or merged)
    count = altered = 0
    for name, parameter in model.named_parameters():
        before = parameter.data
        after = before.to("cpu", wanted)
        back = after.to(before.device, before.dtype)
        if not bool(torch.isfinite(back).all()):
            raise BadInput(f"dtype {dtype}: tensor {name!r} overflows; choose another")
        count += before.numel()
        altered += int((back != before).sum())
        parameter.data = after
    return Weights(count, merged, dtype or merged, altered / max(count, 1))


def _save(model: Any, plan: Plan, draft: Path) -> None:
    """Weights, config, generation config and tokenizer into `draft`."""
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    lender = plan.folders[plan.lender]
    try:
        model.save_pretrained(draft, max_shard_size=plan.shard)
    except SafetensorError as error:
        raise OSError(None, str(error)) from None
    files = _tokenizer_files(lender)
    for file in files:
        shutil.copyfile(file, draft / file.name)
    for file in draft.glob("*.safetensors"):  # safetensors lets nobody but the owner read them
        file.chmod((draft / "config.json").stat().st_mode)
    if not files:
        AutoTokenizer.from_pretrained(lender, local_files_only=True).save_pretrained(draft)
    if plan.vlm is not None and not plan.seeing.get("tiling", True):
        _save_untiled(model, lender, draft)


def _save_untiled(model: Any, lender: Path, draft: Path) -> None:
    """The processor that a LLaVA-NeXT has without tiling, in the place of its own."""
    from suite.evaluators.models import processors

    read = processors.read(lender)
    if type(read).__name__ == "LlavaNextProcessor":
        for file in draft.glob("*processor_config.json"):
            file.unlink()
        processors.untiled(read, model.config).save_pretrained(draft)


def _tokenizer_files(folder: Path) -> list[Path]:
    found = {file for pattern in _TOKENIZER for file in folder.glob(pattern) if file.is_file()}
    return sorted(found)


@contextlib.contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes `out` when the block ends well, and goes otherwise."""
    draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.rename(out)
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def shard_bytes(text: str) -> int:
    """Bytes of a size such as ``5GB`` or ``200MB`` (decimal); `BadInput` for anything else."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    number, unit = text[:-2], text[-2:].upper()
    try:
        size = int(float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        size = 0
    if size < 1:
        raise BadInput(f"--max-shard-size {text}: allowed is a number and KB, MB, GB or TB: 5GB")
    return size
