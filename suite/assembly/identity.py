"""The run card: what a run was made from and where, so that another can tell whether it is the same."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from suite import resources
from suite.assembly import problems
from suite.checkpoints import hub
from suite.checkpoints.hub import sha256
from suite.errors import BadInput
from suite.records import folder as folders

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

# A run may be continued with another of these; everything else is what the run *is*.
FREE = ("trials", "results", "tracker", "batch_size", "merging", "asked", "hand_tuning")


def pinned(config: dict[str, Any]) -> dict[str, Any]:
    """`config` with each Hub model at a commit hash; what was asked for is kept as ``asked``.

    A branch is resolved once per task and results folder, so that its runs, and a run that is
    continued, use the same weights when the branch moves. Unchanged without Hub branches or tags.
    """
    task = config["task"]
    if problems.named(task):
        return config
    asked = {}
    for name, model in task["models"].items():
        named = hub.parse(model)
        if named and not hub.is_commit(named[1]):
            asked[name] = "@".join(named)
    if not asked:
        return config
    earlier = _resolved(config)
    found = {name: earlier.get(model) or hub.pinned(model) for name, model in asked.items()}
    return {**config, "task": {**task, "models": {**task["models"], **found}}, "asked": asked}


def _resolved(config: dict[str, Any]) -> dict[str, str]:
    """What this run, or else others of its task, made of Hub names: asked for → at a commit."""
    own = folders.run_folder(
        config["results"], config["task"]["name"], config["optimizer"], config["seed"]
    )
    found: dict[str, str] = {}
    for path in [own / "config.yaml", *sorted(own.parent.parent.glob("*/seed=*/config.yaml"))]:
        if path.is_file():
            run = yaml.safe_load(path.read_text(encoding="utf-8"))
            for name, model in run.get("asked", {}).items():
                found.setdefault(model, run["task"]["models"][name])
    return found


def inputs(config: dict[str, Any]) -> dict[str, Any]:
    """sha256 of every weight file and item set the task names; part of the run's identity.

    Of a task without models, that of the files its problem names.
    """
    if problems.named(config["task"]):
        return {"problem": {n: sha256(f) for n, f in problems.files(config["task"]).items()}}
    models = {
        name: {file.name: sha256(file) for file in hub.locate(model).weights()}
        for name, model in config["task"]["models"].items()
    }
    items = {
        entry["name"]: {name: sha256(file) for name, file in _item_files(entry).items()}
        for entry in config["task"]["evaluators"].values()
        if {"items", "data", "tasks"} & set(entry)
    }
    return {"models": models, "items": items}


def _item_files(entry: Mapping[str, Any]) -> dict[str, Path]:
    """The files that an evaluator's items are read from, by name."""
    from suite.evaluators.datasets import item_data
    from suite.evaluators.datasets import items as item_sets
    from suite.evaluators.lm_eval import data

    if "items" in entry:
        return item_sets.files(resources.resolve(entry["items"]))
    module = str(entry.get("_target_")).rpartition(".")[0]
    if module in ("suite.evaluators.lm_eval_task", "suite.evaluators.lm_eval_mean"):
        return data.files_of(entry)
    return item_data.files(entry["data"], f"evaluator {entry['name']!r}")


def digest(config: dict[str, Any]) -> str:
    """One sha256 over all `inputs`."""
    return hashlib.sha256(json.dumps(inputs(config), sort_keys=True).encode()).hexdigest()


def environment(config: dict[str, Any]) -> dict[str, Any]:
    """Code revision, package versions, device, threads; never a path or a host name."""
    found = {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "packages": versions(),
        "device": platform.machine(),
    }
    if problems.named(config.get("task", {})):  # an export of a recipe has none
        return found  # torch has no part in it, and takes seconds to import
    import torch

    from suite.assembly.assemble import device

    on = device(config["device"])
    if on.startswith("cuda"):
        found["device"] = torch.cuda.get_device_name(on)
    return {**found, "threads": torch.get_num_threads()}


def write(path: Path, card: dict[str, Any]) -> None:
    """Keep a run's first card; a run continued under another one lists that under ``continued``."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else card
    later = kept.get("continued", [])
    first = {key: value for key, value in kept.items() if key != "continued"}
    if card != [first, *later][-1]:
        kept = {**first, "continued": [*later, card]}
    folders.write_whole(path, json.dumps(kept, indent=1) + "\n")


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


def stored(config: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """A configuration as config.yaml holds it, with the hashes of its weights and items."""
    objectives = list(config["task"]["objectives"].values())
    own = {key: value for key, value in config.items() if key != "hand_tuning"}  # no part of a run
    return {**own, "task": {**config["task"], "objectives": objectives}, "inputs": inputs}


def check_same(before: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    """`BadInput` when the run in `folder`, stored as `before`, is another than `now`."""
    if changed := sorted(differences(before, now)):
        raise BadInput(
            f"{folder} holds another configuration; different here: {'; '.join(changed)}."
            " Use another results folder or remove this one"
        )


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """The keys in which two configurations differ, each with both values; `FREE` keys aside."""
    if isinstance(before, dict) and isinstance(now, dict):
        found = []
        for key in before.keys() | now.keys():
            if not where and key in FREE:
                continue
            found += differences(
                before.get(key), now.get(key), f"{where}.{key}" if where else str(key)
            )
        return found
    return [] if before == now else [f"{where}: {before!r} there, {now!r} now"]
