"""Rebuild a family of micro checkpoints from nothing: tokenizer, base stages, experts, items, provenance.

Finished stages are kept in a work folder under a digest of everything that led to them, so that an
interrupted build continues and a changed recipe retrains only what the change touches.
"""

from __future__ import annotations

import copy
import hashlib
import json
import platform
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import AutoConfig, AutoProcessor

from suite.assembly.identity import versions
from suite.checkpoints.hub import sha256
from zoo import eyes, reading, sight, tokenizer, train
from zoo.mixture import batches
from zoo.probe import probe, probe_sight
from zoo.worlds import WORLDS, World

Stage = dict[str, Any]


def build(recipe: Path, out: Path, work: Path, threads: int, probes: int = 100) -> None:
    """Train the family that `recipe` (conf/zoo) describes and write it whole to `out`.

    `threads` is part of the result: another number of threads sums in another order. Skills are
    measured on `probes` fresh documents after each stage and kept in provenance.json.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    spec = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    world = WORLDS[spec.get("world", "problems")]
    builder = Builder(spec, world, work, probes)
    model, path = train.new_model(builder.tokens, spec["shape"], spec["seed"]), ""
    for number, stage in enumerate(spec["base"]):
        path = builder.stage(model, f"base/{number}", stage, path)
    finished = {"base": path}
    for name, stage in spec["experts"].items():
        finished[name] = builder.stage(builder.loaded(path), name, stage, path)
    if "vlm" in spec:
        finished["vlm"] = builder.vlm(path)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for name, folder in finished.items():
        builder.ship(folder, draft / name)
    digests = world.items(draft / "items")
    card = provenance(recipe, spec, builder.skills, draft, digests, threads)
    (draft / "provenance.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)


class Builder:
    """Trains stages, or finds them finished in the work folder."""

    def __init__(self, spec: dict[str, Any], world: World, work: Path, probes: int) -> None:
        self.spec, self.world, self.work, self.probes = spec, world, work, probes
        self.tokens = tokenizer.build(world.corpus())
        self.skills: dict[str, dict[str, float]] = {}
        self._console = Console()

    def stage(self, model: Any, name: str, stage: Stage, before: str, see: Any = None) -> str:
        """Train `model` through one stage in place; returns the stage's folder under the work folder.

        `see` is the processor of a model that sees; without it documents are text alone.
        """
        vocabulary = sorted(self.tokens.get_vocab().items())
        known = [self.spec["seed"], self.spec["shape"], vocabulary, before, name, stage]
        if see is not None:
            known.append(self.spec["vlm"]["vision"])
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]
        folder = f"{name.replace('/', '-')}-{digest}"
        done = self.work / folder / "skills.json"
        if done.exists():
            model.load_state_dict(self.loaded(folder).state_dict())
        else:
            self._train(model, name, stage, see)
            model.save_pretrained(self.work / folder)
            done.write_text(json.dumps(self._probe(model, see), ensure_ascii=False))
        self.skills[name] = json.loads(done.read_text())
        shown = "  ".join(f"{skill} {share:.2f}" for skill, share in self.skills[name].items())
        self._console.print(f"[bold]{name}[/bold]  {shown}")
        return folder

    def vlm(self, before: str) -> str:
        """Give the finished base eyes and train it through the VLM's stages; returns the folder."""
        processor = sight.new_processor(copy.deepcopy(self.tokens))  # which gets an image token
        spec = self.spec["vlm"]
        model = sight.new_vlm(self.loaded(before), processor, spec["vision"], self.spec["seed"])
        for number, stage in enumerate(spec["stages"]):
            before = self.stage(model, f"vlm/{number}", stage, before, processor)
        processor.save_pretrained(self.work / before)
        return before

    def loaded(self, folder: str, dtype: torch.dtype = torch.float32) -> Any:
        """The model of a finished stage."""
        path = self.work / folder
        kind = getattr(transformers, AutoConfig.from_pretrained(path).architectures[0])
        return kind.from_pretrained(path, dtype=dtype)

    def ship(self, folder: str, out: Path) -> None:
        """A finished stage as users get it: bfloat16 safetensors with the tokenizer beside them."""
        self.loaded(folder, torch.bfloat16).save_pretrained(out)
        if (self.work / folder / "processor_config.json").exists():
            AutoProcessor.from_pretrained(self.work / folder).save_pretrained(out)
        else:
            self.tokens.save_pretrained(out)

    def _train(self, model: Any, name: str, stage: Stage, see: Any) -> None:
        seed = f"{stage.get('seed', self.spec['seed'])}/{name}"
        columns = [
            TextColumn(f"{name:10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
        ]  # fmt: skip
        with Progress(*columns, console=self._console) as bar:
            row = bar.add_task(name, total=stage["steps"], loss=float("nan"))

            def report(step: int, loss: float) -> None:
                bar.update(row, completed=step, loss=loss)

            if "teach" in stage:
                taught = {key: stage[key] for key in ("steps", "lr", "batch") if key in stage}
                teach = {"features": eyes.teach_features, "words": eyes.teach_words}
                teach[stage["teach"]](model, see, seed=seed, report=report, **taught)
            else:
                keys = ("steps", "lr", "final", "device")
                options = {key: stage[key] for key in keys if key in stage}
                train.train(model, self._stream(stage, name, see), report=report, **options)

    def _stream(self, stage: Stage, name: str, see: Any) -> Iterator[train.Batch]:
        """Endless batches of the stage's documents."""
        weight = stage.get("prompt_weight", 0.2)
        for drawn in batches(
            reading.mixture(self.spec, name, stage), stage.get("batch", reading.BATCH)
        ):
            if see is None:
                yield train.encode(drawn, self.tokens, weight)
            else:
                yield sight.encode_sights(drawn, see, weight)

    def _probe(self, model: Any, see: Any) -> dict[str, float]:
        if see is None:
            return probe(model, self.tokens, self.world.skills(self.probes))
        return probe_sight(model, see, self.world.sights(self.probes))


def provenance(
    recipe: Path,
    spec: dict[str, Any],
    skills: dict[str, dict[str, float]],
    folder: Path,
    digests: dict[str, str],
    threads: int,
) -> dict[str, Any]:
    """What made the files in `folder`, and their sha256."""
    files: Sequence[Path] = sorted(folder.rglob("*.safetensors")) + sorted(folder.rglob("*.jsonl"))
    return {
        "command": f"python -m zoo {spec['name']} --threads {threads}",
        "recipe": {"file": f"conf/zoo/{recipe.name}", "sha256": sha256(recipe)},
        "python": platform.python_version(),
        "packages": versions(),
        "threads": threads,
        "files": {file.relative_to(folder).as_posix(): sha256(file) for file in files},
        "items": digests,
        "skills": skills,
    }
