"""From a parsed run to objects: models, evaluators, task, optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite import resources
from suite.assembly import datasets, engines, problems, spaces
from suite.assembly.spec import RunSpec
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput

if TYPE_CHECKING:  # these import torch
    import numpy as np
    from numpy.typing import NDArray
    from torch.nn import Module

    from suite.checkpoints.compatibility import Fit
    from suite.evaluators.models.handle import ModelHandle
    from suite.objective import Objective
    from suite.optimizers.optimizer import Optimizer
    from suite.search.task import AnyRecipe, Evaluator, Task


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


def fitted(run: RunSpec) -> Fit:
    """The `Fit` of the task's models, from metadata alone; nothing large is downloaded."""
    from suite.checkpoints import compatibility

    task = run.task
    headers = [compatibility.read(name, model) for name, model in task.models.items()]
    return compatibility.check(
        headers,
        task.base,
        task.vocabulary,
        device(run.device),
        task.dtype,
        run.merging.streamed,
        task.vlm,
    )


def folders(run: RunSpec) -> dict[str, Path]:
    """The folder of each model of the task; what is not here is downloaded if all of it fits."""
    from suite.checkpoints import hub

    if run.task.problem is not None:
        return {}
    fitted(run)
    return {name: hub.locate(model).folder for name, model in run.task.models.items()}


def task(run: RunSpec) -> Task:
    """The `Task` of a run, its models loaded."""
    if run.task.problem is not None:
        return problems.task(run)
    from suite.merging.hops import PathMerger
    from suite.merging.sources import Sources
    from suite.search.task import Task

    spec, merging, on = run.task, run.merging, device(run.device)
    measures = evaluators(run)  # before the models: these are read in a moment
    vllm = engines.vllm(run, measures, on)
    paths = folders(run)
    # First, as it finds in a moment that a processor is missing.
    live, target = _live(spec, paths, on, run.batch_size)
    sources = Sources.load(
        {spec.base: paths[spec.base], **paths},
        on,
        merging.streamed,
        spec.vocabulary,
        spec.allow_nonfinite,
    )
    tables = None if merging.tables is None else resources.resolve(merging.tables)
    space = spaces.build(spec, sources.layout.layers)
    merger = PathMerger(sources, target, engines.merging(merging.mode, on), tables)
    if vllm is not None:  # last: it takes what memory it finds
        live = vllm.start(live, paths[spec.base], run.vllm)
    return Task(spec.name, space, spec.objectives, measures, merger, live)


def _live(
    spec: TaskSpec, paths: Mapping[str, Path], on: str, batch_size: int
) -> tuple[ModelHandle, Module]:
    """The handle on the live model, and the module that is merged: the model or its language tower."""
    from suite.evaluators.models import handle, vision
    from suite.merging.language_tower import LanguageTower

    if spec.vlm is None:
        plain = handle.load(paths[spec.base], on, batch_size, spec.dtype)
        return plain, plain.model
    seeing = vision.load(paths[spec.vlm], on, batch_size, spec.dtype, **spec.seeing)
    return seeing, LanguageTower(seeing.model)


def evaluators(run: RunSpec) -> list[Evaluator]:
    """The task's evaluators; no model is needed for these."""
    datasets.check_there(run.task)
    found: list[Evaluator] = [
        target.build(run.allow_targets) for target in run.task.evaluators.values()
    ]
    _check_metrics(run.task.objectives, found)
    datasets.check_leaks(found)
    return found


def _check_metrics(objectives: Sequence[Objective], evaluators: Sequence[Evaluator]) -> None:
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


def baselines(run: RunSpec, folder: Path | None = None) -> dict[str, AnyRecipe]:
    """The task's hand-tuned recipes by name, read from its folder of mergekit YAML files, if any."""
    from suite.merging import donor
    from suite.recipes import mergekit

    models = run.task.models
    if folder is None:
        if not run.task.baselines:
            return {}
        folder = resources.data("baselines") / run.task.baselines
    if not folder.is_dir():
        raise BadInput(f"baselines {folder}: no such folder")
    recipes: dict[str, AnyRecipe] = {}
    for path in sorted(folder.glob("*.yaml")):
        recipe = mergekit.read(path, layers=_layers(models))
        needed = {model for name in recipe.models for model in donor.models(name)}
        if unknown := sorted(needed - set(models)):
            raise BadInput(f"{path}: models {unknown} are not of the task: {', '.join(models)}")
        recipes[path.stem] = recipe
    return recipes


def _layers(models: Mapping[str, str]) -> Callable[[str], int]:
    """The number of layers of a model of the task, by its name in recipes."""

    def count(name: str) -> int:
        from suite.checkpoints import parents

        if name not in models:
            raise BadInput(f"model {name!r} is not of the task: {', '.join(models)}")
        return parents.layers(models[name])

    return count


def starts(run: RunSpec, task: Task) -> NDArray[np.float64] | None:
    """The candidates named in ``start``, shape (s, d); None without any.

    Names are those of baselines, and in a space of paths that of its frame: part A as it is.
    """
    if not run.start:
        return None
    import numpy as np

    from suite.spaces.path_space import PathSpace

    space, recipes = task.recipe_space, baselines(run)
    if isinstance(space, PathSpace):
        recipes = {space.frame: space.part_a(), **recipes}
    if unknown := [name for name in run.start if name not in recipes]:
        raise BadInput(
            f"start: no baseline {unknown[0]!r}; there are {', '.join(recipes) or 'none'}"
        )
    return np.stack([space.encode(recipes[name]) for name in run.start])


def optimizer(run: RunSpec, task: Task) -> Optimizer:
    """The run's optimizer over the task's space, seeded."""
    built: Optimizer = run.optimizer_options.build(
        run.allow_targets,
        space=task.space,
        n_objectives=len(task.objectives),
        seed=run.seed,
        start=starts(run, task),
    )
    return built
