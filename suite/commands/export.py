"""`suite export` and `suite merge`: a recipe as an ordinary checkpoint with its model card."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.assembly import assemble, identity, task_spec
from suite.assembly.spec import RunSpec
from suite.checkpoints import hub
from suite.commands import export_options
from suite.errors import BadInput
from suite.records.folder import RunFolder

if TYPE_CHECKING:
    from suite.checkpoints.parents import Parent
    from suite.export.card import Origin
    from suite.recipes.layer_path import LayerPath
    from suite.recipes.recipe import Recipe


@dataclass(frozen=True)
class Kept:
    """What an exported merge keeps of its task: names of models, and how they are read and loaded."""

    base: str
    vlm: str | None
    vocabulary: str
    seeing: Mapping[str, Any]
    dtype: str = "float32"
    allow_nonfinite: bool = False


def main(words: list[str]) -> None:
    """``export RUN OUT (--trial N | --pick …)`` or ``merge RECIPE OUT``, with their options."""
    options = export_options.parse(words)
    if options.push:
        from suite.export import push

        push.check(options.push, options.yes)
    export(options) if words[0] == "export" else merge(options)
    if options.push:
        _push(options)


def export(options: argparse.Namespace) -> None:
    """Write the picked trial of the run in folder RUN to OUT."""
    from suite.checkpoints import parents
    from suite.export.card import Origin
    from suite.recipes.layer_path import read_json
    from suite.recipes.point import Point
    from suite.search.pick import by_words

    folder = RunFolder(Path(options.run))
    run, trials = RunSpec.of(folder), folder.trials()
    judged = folder.judged_trials(trials)
    wanted = options.trial if options.pick is None else options.pick
    pick = by_words(wanted, folder, run.task.objectives, trials, judged)
    recipe, spec = read_json(pick.trial.recipe), run.task
    if isinstance(recipe, Point):
        raise BadInput(f"{folder}: a run of a task without models; there is nothing to export")
    names = parents.used(recipe, spec.base, spec.vlm)
    device = _device(run.device)
    models = {name: spec.models[name] for name in names}
    found = parents.find(models, spec.base, spec.vocabulary, device, spec.vlm)
    inputs = (run.inputs or {}).get("models", {})
    _same_weights(folder, found, inputs)
    made_on = folder.environment() or {}
    origin = Origin(
        pick=pick,
        task=spec.name,
        optimizer=run.optimizer,
        seed=run.seed,
        objectives=spec.objectives,
        scores={
            "search": pick.trial.scores,
            **{split: scores for split, (scores, _) in judged.get(pick.trial.number, {}).items()},
        },
        measured=made_on.get("device", "an unknown device"),
        packages=made_on.get("packages", {}),
    )
    kept = Kept(spec.base, spec.vlm, spec.vocabulary, spec.seeing, spec.dtype, spec.allow_nonfinite)
    _write(options, recipe, found, kept, device, origin, inputs)


def merge(options: argparse.Namespace) -> None:
    """Merge the file RECIPE into OUT: mergekit YAML whose models are Hub ids or local folders,
    or the recipe.json of an exported folder.

    A base with a vision tower keeps it, unless another vision-language model takes the merge.
    """
    from suite.checkpoints import parents
    from suite.export import recipes

    read = recipes.read(Path(options.recipe), parents.layers)
    base, vlm = recipes.base(read.recipe), options.vlm or read.vlm
    vocabulary = options.vocabulary or read.vocabulary or "refuse"
    names = parents.used(read.recipe, base, vlm)
    models = {name: read.models.get(name, name) for name in names}
    found = parents.find(models, base, vocabulary, vlm=vlm)
    if vlm is None and found[base].eyes:
        vlm = base
    kept = Kept(base, vlm, vocabulary, task_spec.seeing(read.seeing, vlm, "to export"))
    _write(options, read.recipe, found, kept, "cpu", None, {})


def _same_weights(run: RunFolder, parents: Mapping[str, Parent], inputs: Mapping[str, Any]) -> None:
    """Refuse parents whose weights are not those of the search: its scores would not hold."""
    for name, parent in parents.items():
        for file, digest in inputs.get(name, {}).items():
            path = parent.folder / file
            if not path.is_file():
                raise BadInput(f"model {name!r}: {path}: no such file, but {run} was made with it")
            if hub.sha256(path) != digest:
                raise BadInput(f"model {name!r}: {path} is not the file that {run} was made with")


def _device(wanted: str) -> str:
    """The run's device where it is at hand, else the CPU (the card says so)."""
    try:
        return assemble.device(wanted)
    except BadInput:
        return "cpu"


def _write(
    options: argparse.Namespace,
    recipe: Recipe | LayerPath,
    parents: Mapping[str, Parent],
    kept: Kept,
    device: str,
    origin: Origin | None,
    inputs: Mapping[str, Any],
) -> None:
    from suite.export import card as texts
    from suite.export import checkpoint, recipes

    out = Path(options.out)
    now = identity.environment(device)
    made = texts.Made(
        title=(options.push or out.absolute().name).rpartition("/")[2],
        command=shlex.join(["suite", *options.words]),
        device=now["device"],
        packages=now["packages"],
        inputs={name: files for name, files in inputs.items() if name in parents},
        vlm=kept.vlm,
        vocabulary=kept.vocabulary,
        seeing=kept.seeing,
    )
    plan = checkpoint.Plan(
        recipe=recipe,
        folders={name: parent.folder for name, parent in parents.items()},
        base=kept.base,
        device=device,
        dtype=options.dtype,
        live=kept.dtype,
        vocabulary=made.vocabulary,
        allow_nonfinite=kept.allow_nonfinite,
        shard=checkpoint.shard_bytes(options.max_shard_size),
        vlm=made.vlm,
        seeing=made.seeing,
    )
    weights = checkpoint.write(
        plan, out, lambda weights: texts.texts(recipe, parents, made, weights, origin)
    )
    files = sorted(out.glob("*.safetensors"))
    print(f"{out}: {recipes.title(recipe)}")
    if origin:
        print(f"  trial {origin.pick.trial.number}, {origin.pick.why}")
    if made.vlm:
        print(f"  all but the language tower is that of {made.vlm}")
    print(f"  {weights.parameters:,} parameters, {weights.dtype}, {len(files)} safetensors file(s)")
    if not (out / texts.MERGEKIT).exists():
        print(f"  no {texts.MERGEKIT}: mergekit cannot express this merge; {texts.RECIPE} holds it")


def _push(options: argparse.Namespace) -> None:
    from suite.export import push

    out = Path(options.out)
    if not options.yes and not push.confirm(options.push, out, options.private):
        print(f"not uploaded; later: hf upload {options.push} {out}")
        return
    print(f"uploaded to {push.upload(out, options.push, options.private)}")
