"""What a run was made from and where: the hashes and versions that tell whether another is the same."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from suite import resources
from suite.assembly import assemble, problems
from suite.assembly.spec import RunSpec
from suite.assembly.targets import Target
from suite.checkpoints import hub
from suite.checkpoints.hub import sha256
from suite.records.task_folder import TaskFolder

PACKAGES = [
    "merge-suite",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "moocore",
    "pymoo",
    "optuna",
    "cma",
    "cmaes",
    "comocma",
    "coco-experiment",
    "botorch",
    "numba",
    "lightgbm",
    "hydra-core",
    "lm-eval",
    "wandb",
]


def pinned(run: RunSpec) -> RunSpec:
    """`run` with each Hub model at a commit hash; what was asked for is kept as ``asked``.

    A branch is resolved once per task and results folder, so that its runs, and a run that is
    continued, use the same weights when the branch moves. Unchanged without Hub branches or tags.
    """
    asked = {}
    for name, model in run.task.models.items():
        named = hub.parse(model)
        if named and not hub.is_commit(named[1]):
            asked[name] = "@".join(named)
    if not asked:
        return run
    earlier = _resolved(run)
    found = {name: earlier.get(model) or hub.pinned(model) for name, model in asked.items()}
    task = run.task.changed(models={**run.task.models, **found})
    return run.changed(task=task.written, asked=asked)


def _resolved(run: RunSpec) -> dict[str, str]:
    """What this run, or else others of its task, made of Hub names: asked for → at a commit."""
    found: dict[str, str] = {}
    for folder in [run.folder, *TaskFolder.of(run.folder).runs()]:
        if folder.begun:
            earlier = RunSpec.of(folder)
            for name, model in earlier.asked.items():
                found.setdefault(model, earlier.task.models[name])
    return found


def recorded(run: RunSpec) -> RunSpec:
    """`run` with its `inputs`: all that its config.yaml holds."""
    return run.changed(inputs=inputs(run))


def inputs(run: RunSpec) -> dict[str, Any]:
    """sha256 of every weight file and item set the task names; part of the run's identity.

    Of a task without models, that of the files its problem names.
    """
    if run.task.problem is not None:
        return {"problem": {name: sha256(file) for name, file in problems.files(run.task).items()}}
    models = {
        name: {file.name: sha256(file) for file in hub.locate(model).weights()}
        for name, model in run.task.models.items()
    }
    items = {
        evaluator.name: {name: sha256(file) for name, file in files.items()}
        for evaluator in run.task.evaluators.values()
        if (files := _files(evaluator, run))
    }
    return {"models": models, "items": items}


def _files(evaluator: Target, run: RunSpec) -> dict[str, Path]:
    """The files that an evaluator reads, by name, as it says itself (`suite.search.task.Evaluator`)."""
    says = getattr(evaluator.load(run.allow_targets), "files", None)
    return dict(says(evaluator.options)) if callable(says) else {}


def digest(run: RunSpec) -> str:
    """One sha256 over all `inputs`."""
    return hashlib.sha256(json.dumps(inputs(run), sort_keys=True).encode()).hexdigest()


def environment(device: str | None) -> dict[str, Any]:
    """Code revision, package versions, device, threads; never a path or a host name.

    `device` is as configuration names it; None where there is nothing to compute on one, and torch,
    which takes seconds to import, has no part.
    """
    found = {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "packages": versions(),
        "device": platform.machine(),
    }
    if device is None:
        return found
    import torch

    on = assemble.device(device)
    if on.startswith("cuda"):
        found["device"] = torch.cuda.get_device_name(on)
    return {**found, "threads": torch.get_num_threads()}


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide a result."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git(*words: str) -> str | None:
    """What git says of the checkout the package runs from; None outside of one."""
    try:
        answer = subprocess.run(
            ["git", *words],
            cwd=resources.PACKAGE,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
