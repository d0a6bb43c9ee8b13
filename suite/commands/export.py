"""`suite export` and `suite merge`: a recipe as an ordinary checkpoint with its model card."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from suite import hub
from suite.commands import assemble, card, export_options
from suite.errors import BadInput


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
    from suite.export import parents
    from suite.export.card import Origin
    from suite.journal import Journal
    from suite.layer_path import read_json
    from suite.point import Point

    run = Path(options.run)
    config = read_config(run)
    trials = Journal(run / "trials.jsonl").read()
    judged = read_judged(run, trials)
    wanted = options.trial if options.pick is None else options.pick
    pick = picked(wanted, run, config, trials, judged)
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
    made_on = read_environment(run)
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
    from suite.export import parents, recipes

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


def read_config(run: Path) -> dict[str, Any]:
    """A run's configuration; `BadInput` when `run` is not a run's folder."""
    try:
        config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{run}: not a run's folder (no config.yaml)") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{run}/config.yaml: cannot be read ({type(error).__name__})") from None
    wanted = {"task", "optimizer", "seed", "device"}
    if not isinstance(config, dict) or not wanted <= config.keys():
        raise BadInput(f"{run}/config.yaml: not the configuration of a run")
    return config


def read_environment(run: Path) -> dict[str, Any]:
    """The run's environment.json; empty when it is not there."""
    try:
        found = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, dict) else {}


def read_judged(run: Path, trials: list[Any]) -> dict[int, dict[str, tuple[Any, list[float]]]]:
    """Scores and losses that `suite judge` measured: trial number -> split -> (scores, losses).

    Lines about another recipe than the journal's trial of that number do not count.
    """
    from suite import journal
    from suite.trial import Score

    found: dict[int, dict[str, tuple[Any, list[float]]]] = {}
    for line in journal.records(run / "judged.jsonl").read():
        number = line.get("number")
        if not isinstance(number, int) or not 0 <= number < len(trials):
            continue
        if line["recipe"] == trials[number].recipe:
            scores = {name: Score.from_json(score) for name, score in line["scores"].items()}
            found.setdefault(number, {})[line["split"]] = scores, line["losses"]
    return found


def picked(
    wanted: int | str,
    run: Path,
    config: Mapping[str, Any],
    trials: list[Any],
    judged: Mapping[int, Mapping[str, tuple[Any, list[float]]]],
) -> Any:
    """The `Pick` of a trial's number, ``knee`` or ``best:<objective>``; `BadInput` for another word."""
    from suite.export import pick

    objectives = [entry["name"] for entry in config["task"]["objectives"]]
    select = {n: splits["select"][1] for n, splits in judged.items() if "select" in splits}
    kind, _, name = str(wanted).partition(":")
    try:
        if isinstance(wanted, int):
            return pick.numbered(trials, wanted)
        if wanted == "knee":
            return pick.at_knee(trials, len(objectives))
        if kind == "best":
            return pick.best(trials, objectives, name, select)
    except BadInput as error:
        raise BadInput(f"{run}: {error}") from None
    raise BadInput(f"--pick {wanted}: allowed are knee and best:{{{','.join(objectives)}}}")


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
    now = card.environment({"device": device})
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
