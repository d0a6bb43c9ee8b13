"""`suite export` and `suite merge`: a recipe as an ordinary checkpoint with its model card."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.assembly import assemble, identity
from suite.checkpoints import hub
from suite.commands import export_options
from suite.errors import BadInput
from suite.records import folder as folders


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
    from suite.records.journal import Journal
    from suite.search.pick import by_words

    run = Path(options.run)
    config = folders.read_config(run)
    trials = Journal(run / "trials.jsonl").read()
    judged = folders.read_judged(run, trials)
    wanted = options.trial if options.pick is None else options.pick
    pick = by_words(wanted, run, config, trials, judged)
    recipe, spec = read_json(pick.trial.recipe), config["task"]
    if isinstance(recipe, Point):
        raise BadInput(f"{run}: a run of a task without models; there is nothing to export")
    names = parents.used(recipe, spec["base"], spec.get("vlm"))
    device = _device(config["device"])
    found = parents.find(
        {name: spec["models"][name] for name in names},
        spec["base"],
        spec.get("vocabulary", "refuse"),
        device,
        spec.get("vlm"),
    )
    inputs = config.get("inputs", {}).get("models", {})
    _same_weights(run, found, inputs)
    made_on = folders.read_environment(run)
    origin = Origin(
        pick=pick,
        task=spec["name"],
        optimizer=config["optimizer"],
        seed=config["seed"],
        objectives=spec["objectives"],
        scores={
            "search": pick.trial.scores,
            **{split: scores for split, (scores, _) in judged.get(pick.trial.number, {}).items()},
        },
        measured=made_on.get("device", "an unknown device"),
        packages=made_on.get("packages", {}),
    )
    _write(options, recipe, found, spec, device, origin, inputs)


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
    spec = {"base": base, "vlm": vlm, "vocabulary": vocabulary, **read.seeing}
    _write(options, read.recipe, found, spec, "cpu", None, {})


def _same_weights(run: Path, parents: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
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
    recipe: Any,
    parents: Mapping[str, Any],
    spec: Mapping[str, Any],
    device: str,
    origin: Any,
    inputs: Mapping[str, Any],
) -> None:
    from suite.export import card as texts
    from suite.export import checkpoint, recipes

    out = Path(options.out)
    now = identity.environment({"device": device})
    made = texts.Made(
        title=(options.push or out.absolute().name).rpartition("/")[2],
        command=shlex.join(["suite", *options.words]),
        device=now["device"],
        packages=now["packages"],
        inputs={name: files for name, files in inputs.items() if name in parents},
        vlm=spec.get("vlm"),
        vocabulary=spec.get("vocabulary", "refuse"),
        seeing=assemble.seeing_options({"name": "to export", **spec}),
    )
    plan = checkpoint.Plan(
        recipe=recipe,
        folders={name: parent.folder for name, parent in parents.items()},
        base=spec["base"],
        device=device,
        dtype=options.dtype,
        live=spec.get("dtype", "float32"),
        vocabulary=made.vocabulary,
        allow_nonfinite=spec.get("allow_nonfinite", False),
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
