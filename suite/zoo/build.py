"""Rebuild a family of micro checkpoints from nothing: tokenizer, base stages, experts, items, provenance.

Finished stages are kept in a work folder under a digest of everything that led to them, so that an
interrupted build continues and a changed recipe retrains only what the change touches.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import MistralForCausalLM, PreTrainedTokenizerFast

from suite.commands.card import versions
from suite.hub import sha256
from suite.zoo import documents, items, tokenizer, train
from suite.zoo.probe import probe

Stage = dict[str, Any]


def build(recipe: Path, out: Path, work: Path, threads: int, probes: int = 100) -> None:
    """Train the family that `recipe` (conf/zoo) describes and write it whole to `out`.

    `threads` is part of the result: another number of threads sums in another order. Skills are
    measured on `probes` fresh documents after each stage and kept in provenance.json.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    spec = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    tokens = tokenizer.build(documents.corpus())
    builder = Builder(spec, tokens, work, probes)
    model, path = train.new_model(tokens, spec["shape"], spec["seed"]), ""
    for number, stage in enumerate(spec["base"]):
        path = builder.stage(model, f"base/{number}", stage, path)
    finished = {"base": path}
    for name, stage in spec["experts"].items():
        expert = MistralForCausalLM.from_pretrained(work / path, dtype=torch.float32)
        finished[name] = builder.stage(expert, name, stage, path)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for name, folder in finished.items():
        ship(work / folder, tokens, draft / name)
    digests = items.build(draft / "items")
    card = provenance(recipe, spec, builder.skills, draft, digests, threads)
    (draft / "provenance.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)


class Builder:
    """Trains stages, or finds them finished in the work folder."""

    def __init__(
        self, spec: dict[str, Any], tokens: PreTrainedTokenizerFast, work: Path, probes: int
    ) -> None:
        self.spec, self.tokens, self.work, self.probes = spec, tokens, work, probes
        self.skills: dict[str, dict[str, float]] = {}
        self._console = Console()

    def stage(self, model: MistralForCausalLM, name: str, stage: Stage, before: str) -> str:
        """Train `model` through one stage in place; returns the stage's folder under the work folder."""
        known = [self.spec["seed"], self.spec["shape"], before, name, stage]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]
        folder = f"{name.replace('/', '-')}-{digest}"
        done = self.work / folder / "skills.json"
        if done.exists():
            model.load_state_dict(
                MistralForCausalLM.from_pretrained(
                    self.work / folder, dtype=torch.float32
                ).state_dict()
            )
        else:
            self._train(model, name, stage)
            model.save_pretrained(self.work / folder)
            skills = probe(model, self.tokens, self.probes)
            done.write_text(json.dumps(skills, ensure_ascii=False))
        self.skills[name] = json.loads(done.read_text())
        shown = "  ".join(f"{skill} {share:.2f}" for skill, share in self.skills[name].items())
        self._console.print(f"[bold]{name}[/bold]  {shown}")
        return folder

    def _train(self, model: MistralForCausalLM, name: str, stage: Stage) -> None:
        options = {key: value for key, value in stage.items() if key not in ("mixture", "seed")}
        columns = [
            TextColumn(f"{name:10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
        ]  # fmt: skip
        with Progress(*columns, console=self._console) as bar:
            row = bar.add_task(name, total=stage["steps"], loss=float("nan"))
            train.train(
                model,
                self.tokens,
                stage["mixture"],
                seed=f"{stage.get('seed', self.spec['seed'])}/{name}",
                report=lambda step, loss: bar.update(row, completed=step, loss=loss),
                **options,
            )


def ship(folder: Path, tokens: PreTrainedTokenizerFast, out: Path) -> None:
    """A finished stage as users get it: bfloat16 safetensors with the tokenizer beside them."""
    model = MistralForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.save_pretrained(out)
    tokens.save_pretrained(out)


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
        "command": f"python -m suite.zoo {spec['name']} --threads {threads}",
        "recipe": {"file": f"conf/zoo/{recipe.name}", "sha256": sha256(recipe)},
        "python": platform.python_version(),
        "packages": versions(),
        "threads": threads,
        "files": {file.relative_to(folder).as_posix(): sha256(file) for file in files},
        "items": digests,
        "skills": skills,
    }
