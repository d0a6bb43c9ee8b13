"""From configuration to objects: the only place that knows both the YAML and the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite import resources
from suite.assembly import datasets, engines, problems, spaces
from suite.assembly.targets import build
from suite.errors import BadInput

Config = Mapping[str, Any]
MODES = ("auto", "eager", "compiled")


def device(name: str) -> str:
    """`auto`, `cpu`, `cuda` or `cuda:N` to a torch device that is there; `BadInput` otherwise."""
    import torch

    count = torch.cuda.device_count()
    if name == "auto":
        return "cuda:0" if count else "cpu"
    if name == "cpu":
        return name
    kind, _, index = name.partition(":")
    if kind != "cuda" or not (index.isdigit() or not index):
        raise BadInput(f"device={name}: allowed are auto, cpu, cuda, cuda:N")
    if int(index or 0) >= count:
        raise BadInput(f"device={name}: this machine has {count} CUDA device(s)")
    return f"cuda:{index or 0}"


def fitted(config: Config) -> Any:
    """The `Fit` of the task's models, from metadata alone; nothing large is downloaded."""
    from suite.checkpoints import compatibility

    spec = config["task"]
    if spec["base"] not in spec["models"]:
        known = ", ".join(spec["models"])
        raise BadInput(f"task {spec['name']}: base {spec['base']!r} is not one of {known}")
    on = device(config["device"])
    # What would else be found only once the models are downloaded.
    seeing_options(spec)
    merging_options(config)
    headers = [compatibility.read(name, model) for name, model in spec["models"].items()]
    return compatibility.check(
        headers,
        spec["base"],
        spec.get("vocabulary", "refuse"),
        on,
        spec.get("dtype", "float32"),
        config["merging"]["streamed"],
        spec.get("vlm"),
    )


def folders(config: Config) -> dict[str, Path]:
    """The folder of each model of the task; what is not here is downloaded if all of it fits."""
    from suite.checkpoints import hub

    if problems.named(config["task"]):
        return {}
    fitted(config)
    return {name: hub.locate(model).folder for name, model in config["task"]["models"].items()}


def task(config: Config) -> Any:
    """The `Task` of a resolved run configuration (keys task, device, batch_size, allow_targets)."""
    if problems.named(config["task"]):
        return problems.task(config)
    from suite.merging.hops import PathMerger
    from suite.merging.sources import Sources
    from suite.search.task import Task

    spec, on = config["task"], device(config["device"])
    base = spec["base"]
    evaluators, objectives = measures(config)  # before the models: these are read in a moment
    vllm = engines.vllm(config, evaluators, on)
    paths = folders(config)
    # First, as it finds in a moment that a processor is missing.
    live, target = _live(spec, paths, on, config["batch_size"])
    merging = merging_options(config)
    sources = Sources.load(
        {base: paths[base], **paths},
        on,
        merging["streamed"],
        spec.get("vocabulary", "refuse"),
        spec.get("allow_nonfinite", False),
    )
    tables = None if merging["tables"] is None else resources.resolve(merging["tables"])
    space = spaces.build(spec, sources.layout.layers)
    merger = PathMerger(sources, target, engines.merging(merging["mode"], on), tables)
    if vllm is not None:  # last: it takes what memory it finds
        live = vllm.start(live, paths[base], config.get("vllm") or {})
    return Task(spec["name"], space, objectives, evaluators, merger, live)


def _live(spec: Config, paths: Mapping[str, Path], on: str, batch_size: int) -> tuple[Any, Any]:
    """The handle on the live model, and the module that is merged: the model or its language tower."""
    from suite.evaluators.models import handle, vision
    from suite.merging.language_tower import LanguageTower

    dtype, vlm, options = spec.get("dtype", "float32"), spec.get("vlm"), seeing_options(spec)
    if vlm is None:
        plain = handle.load(paths[spec["base"]], on, batch_size, dtype)
        return plain, plain.model
    seeing = vision.load(paths[vlm], on, batch_size, dtype, **options)
    return seeing, LanguageTower(seeing.model)


def merging_options(config: Config) -> Config:
    """The settings ``merging``, checked."""
    found: Config = config["merging"]
    if found["mode"] not in MODES:
        raise BadInput(f"merging.mode={found['mode']}: allowed are {', '.join(MODES)}")
    if not isinstance(found["streamed"], bool):
        raise BadInput(f"merging.streamed={found['streamed']}: allowed are true and false")
    return found


def seeing_options(spec: Config) -> dict[str, Any]:
    """How a task's ``vlm`` is loaded: its ``tiling`` and ``rope_theta``, where they are given."""
    found = {key: spec[key] for key in ("tiling", "rope_theta") if spec.get(key) is not None}
    if found and spec.get("vlm") is None:
        raise BadInput(
            f"task {spec['name']}: {next(iter(found))} is a setting of a vlm; it has none"
        )
    if not isinstance(found.get("tiling", True), bool):
        raise BadInput(f"tiling={found['tiling']}: allowed are true and false")
    return found


def measures(config: Config) -> tuple[list[Any], list[Any]]:
    """The task's evaluators and objectives; no model is needed for these."""
    from suite.objective import Objective

    spec = config["task"]
    objectives = [Objective(**entry) for entry in spec["objectives"].values()]
    if not objectives:
        raise BadInput(f"task {spec['name']}: no objectives")
    datasets.check_there(spec)
    evaluators = [evaluator(entry, config) for entry in spec["evaluators"].values()]
    _check_metrics(objectives, evaluators)
    datasets.check_leaks(evaluators)
    return evaluators, objectives


def _check_metrics(objectives: Sequence[Any], evaluators: Sequence[Any]) -> None:
    """Refuse an objective that no evaluator measures, or the wrong way round, before any is measured.

    An evaluator may have `directions`: maximize or minimize by figure, for those that it knows.
    """
    known = {
        f"{each.name}.{figure}": getattr(each, "directions", {}).get(figure)
        for each in evaluators
        for figure in each.figures
    }
    for objective in objectives:
        if objective.metric not in known:
            raise BadInput(
                f"objective {objective.name!r}: no metric {objective.metric!r};"
                f" the evaluators give {', '.join(known)}"
            )
        if (better := known[objective.metric]) not in (None, objective.direction):
            raise BadInput(
                f"objective {objective.name!r}: direction {objective.direction}, but the task says"
                f" {better} of {objective.metric!r}"
            )


def evaluator(entry: Config, config: Config) -> Any:
    """One evaluator, its item folder resolved."""
    options = dict(entry)
    if "items" in options:
        options["items"] = resources.resolve(options["items"])
    return build(options, config.get("allow_targets", ()))


def baselines(config: Config, folder: Path | None = None) -> dict[str, Any]:
    """The task's hand-tuned recipes by name, read from its folder of mergekit YAML files, if any."""
    from suite.merging import donor
    from suite.recipes import mergekit

    spec = config["task"]
    if folder is None and not spec.get("baselines"):
        return {}
    folder = folder or resources.data("baselines") / spec["baselines"]
    if not folder.is_dir():
        raise BadInput(f"baselines {folder}: no such folder")
    recipes = {}
    for path in sorted(folder.glob("*.yaml")):
        recipe = mergekit.read(path, layers=_layers(spec["models"]))
        needed = {model for name in recipe.models for model in donor.models(name)}
        if unknown := sorted(needed - set(spec["models"])):
            raise BadInput(
                f"{path}: models {unknown} are not of the task: {', '.join(spec['models'])}"
            )
        recipes[path.stem] = recipe
    return recipes


def _layers(models: Config) -> Callable[[str], int]:
    """The number of layers of a model of the task, by its name in recipes."""

    def count(name: str) -> int:
        from suite.checkpoints import parents

        if name not in models:
            raise BadInput(f"model {name!r} is not of the task: {', '.join(models)}")
        return parents.layers(models[name])

    return count


def starts(config: Config, task: Any) -> Any:
    """The candidates named in ``start``, shape (s, d); None without any.

    Names are those of baselines, and in a space of paths that of its frame: part A as it is.
    """
    if not config["start"]:
        return None
    import numpy as np

    from suite.spaces.path_space import PathSpace

    space, recipes = task.recipe_space, baselines(config)
    if isinstance(space, PathSpace):
        recipes = {space.frame: space.part_a(), **recipes}
    if unknown := [name for name in config["start"] if name not in recipes]:
        raise BadInput(
            f"start: no baseline {unknown[0]!r}; there are {', '.join(recipes) or 'none'}"
        )
    return np.stack([space.encode(recipes[name]) for name in config["start"]])


def optimizer(config: Config, task: Any) -> Any:
    """The run's optimizer over the task's space, seeded."""
    return build(
        config["optimizer_options"],
        config["allow_targets"],
        space=task.space,
        n_objectives=len(task.objectives),
        seed=config["seed"],
        start=starts(config, task),
    )
