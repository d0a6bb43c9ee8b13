"""The texts of an exported folder: the model card, the recipe as JSON and as mergekit YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from suite.checkpoints.parents import Parent, shared_licence
from suite.errors import BadInput
from suite.export import layers, towers, unrolled
from suite.export.checkpoint import Weights
from suite.objective import Objective
from suite.recipes import mergekit
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Recipe
from suite.records.trial import Score
from suite.search.pick import Pick

CARD, RECIPE, MERGEKIT = "README.md", "recipe.json", "mergekit_config.yml"
SPLITS = ("search", "select", "report")


@dataclass(frozen=True)
class Origin:
    """The trial a merge comes from. `scores` are by split, `objectives` the task's.

    `measured` and `packages` say on which device and with which versions the run was made.
    """

    pick: Pick
    task: str
    optimizer: str
    seed: int
    objectives: Sequence[Objective]
    scores: Mapping[str, Mapping[str, Score]]
    measured: str
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """How and from what the folder was made; `inputs` are sha256 of weight files, by parent.

    `vlm` is the parent whose language tower the merge became; `vocabulary` and `seeing`, what of
    ``tiling`` and ``rope_theta`` is not the parent's own, are the task's.
    """

    title: str
    command: str
    device: str
    packages: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    vlm: str | None = None
    vocabulary: str = "refuse"
    seeing: Mapping[str, Any] = field(default_factory=dict)


def texts(
    recipe: Recipe | LayerPath,
    parents: Mapping[str, Parent],
    made: Made,
    weights: Weights,
    origin: Origin | None = None,
) -> dict[str, str]:
    """Every text file by its name; the mergekit one only if mergekit can express the recipe."""
    files = {RECIPE: recipe_json(recipe, parents, made)}
    refused = None
    try:
        files |= _mergekit(recipe, parents, weights, made)
    except BadInput as error:
        refused = str(error)
    seeing = [towers.paragraph(parents[made.vlm], made.vocabulary, made.seeing)] if made.vlm else []
    sections = [
        _front_matter(parents, made),
        f"# {made.title}\n\n{_opening(recipe, origin)}",
        *seeing,
        *([layers.section(recipe, weights.folding)] if isinstance(recipe, LayerPath) else []),
        _parents(parents),
        _recipe(files, refused),
        *([_scores(recipe, origin, weights, made)] if origin else []),
        _making(made, weights, origin),
    ]
    return {**files, CARD: "\n\n".join(sections) + "\n"}


def _mergekit(
    recipe: Recipe | LayerPath, parents: Mapping[str, Parent], weights: Weights, made: Made
) -> dict[str, str]:
    """mergekit's YAML, with what makes the plain towers that it names."""
    if isinstance(recipe, Recipe) and recipe.dtype == "float32":
        recipe = replace(recipe, dtype=weights.dtype)
    files = towers.extractions(recipe, parents)
    said = towers.comment(recipe, parents[made.vlm] if made.vlm else None, files)
    return {MERGEKIT: said + mergekit.write(recipe, towers.names(recipe, parents)), **files}


def recipe_json(recipe: Recipe | LayerPath, parents: Mapping[str, Parent], made: Made) -> str:
    """The recipe as journaled, so that its digest holds, and what its model names stand for."""
    inputs = made.inputs
    models = {
        name: {"model": parent.where, **({"sha256": inputs[name]} if name in inputs else {})}
        for name, parent in parents.items()
    }
    data = {**recipe.to_json(), "models": models}
    if made.vlm is not None:
        data["vlm"] = made.vlm
    if made.vocabulary != "refuse":
        data["vocabulary"] = made.vocabulary
    data |= made.seeing
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _front_matter(parents: Mapping[str, Parent], made: Made) -> str:
    """What the Hub reads. It takes only its own models as base models."""
    said: dict[str, Any] = {"library_name": "transformers", "tags": ["merge", "merge-suite"]}
    if made.vlm is not None:
        said["pipeline_tag"] = "image-text-to-text"
    on_hub = list(dict.fromkeys(parent.repo for parent in parents.values() if parent.repo))
    if on_hub:
        said["base_model"] = on_hub
    licence = shared_licence(parents)
    if licence:
        said["license"] = licence
    return f"---\n{yaml.safe_dump(said, sort_keys=False, allow_unicode=True)}---"


def _opening(recipe: Recipe | LayerPath, origin: Origin | None) -> str:
    if isinstance(recipe, LayerPath):
        text = layers.opening(recipe)
    else:
        merged = [entry.model for entry in recipe.inputs]
        text = f"A `{recipe.title}` merge of {', '.join(merged)}"
        text += f" over {recipe.base}" if recipe.base and recipe.base not in merged else ""
    if origin is None:
        return f"{text}, made with merge-suite."
    return (
        f"{text}, found by merge-suite: trial {origin.pick.trial.number} of optimizer"
        f" `{origin.optimizer}`, seed {origin.seed}, on task `{origin.task}`; {origin.pick.why}."
    )


def _parents(parents: Mapping[str, Parent]) -> str:
    rows = [
        f"| {name} | {_model(parent)} | {parent.revision or 'local files'} |"
        f" {parent.licence or 'not stated'} |"
        for name, parent in parents.items()
    ]
    head = "## Parents\n\n| in the recipe | model | revision | licence |\n|---|---|---|---|"
    tail = "" if shared_licence(parents) else "\n\nThe parents' licences are not known to be one."
    return "\n".join([head, *rows]) + tail


def _model(parent: Parent) -> str:
    if parent.repo is None:
        return f"`{parent.where}`"
    return f"[{parent.repo}](https://huggingface.co/{parent.repo})"


def _recipe(files: Mapping[str, str], refused: str | None) -> str:
    if refused is not None:
        said = f"mergekit cannot express it ({refused}); `{RECIPE}` holds it."
        body = f"```json\n{files[RECIPE]}```"
    else:
        said = f"In mergekit's words (`{MERGEKIT}`; `{RECIPE}` holds the same for merge-suite):"
        body = f"```yaml\n{files[MERGEKIT]}```"
    return f"## Recipe\n\n{said}\n\n{body}"


def _scores(recipe: Recipe | LayerPath, origin: Origin, weights: Weights, made: Made) -> str:
    splits = [split for split in SPLITS if split in origin.scores]
    aims = {objective.metric: objective for objective in origin.objectives}
    names = dict.fromkeys([*aims, *(name for split in splits for name in origin.scores[split])])
    rows = [f"| score | {' | '.join(splits)} |", "|---|" + "---|" * len(splits)]
    for name in names:
        label = f"**{name}** ({_aim(aims[name])})" if name in aims else name
        cells = [_cell(origin.scores[split].get(name)) for split in splits]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    notes = ["Value ± standard error (n items); objectives in bold."]
    notes.append(_optimism(origin.pick.split or "search", splits))
    if isinstance(recipe, LayerPath) and unrolled.scaled(recipe):
        rounded = "" if weights.dtype == weights.merged else f" rounded to {weights.dtype} and"
        notes.append(
            f"They were measured in {weights.merged} with the scales on the layers' inputs, on"
            f" {origin.measured}; here the weights are{rounded} divided by them, so expect nearly"
            " the same scores, not the same bit for bit."
        )
    else:
        notes += [_rounding(weights), _reproduction(origin, weights, made)]
    return "## Scores\n\n" + "\n".join(rows) + "\n\n" + " ".join(notes)


def _optimism(chosen_on: str, splits: Sequence[str]) -> str:
    seen = "the search saw them" if chosen_on == "search" else "the trial was picked by them"
    text = f"Those on the {chosen_on} items are optimistic, since {seen}"
    return text + ("; those on the report items are not." if "report" in splits else ".")


def _aim(objective: Objective) -> str:
    unit = f", {objective.unit}" if objective.unit else ""
    return f"{objective.name}, {objective.direction}{unit}"


def _cell(score: Score | None) -> str:
    return "" if score is None else f"{score.value:.4f} ± {score.stderr:.4f} ({score.n})"


def _rounding(weights: Weights) -> str:
    if weights.dtype == weights.merged:
        return f"They were measured with these weights, in {weights.dtype}."
    before = f"They were measured in {weights.merged}, before the weights were rounded to"
    if weights.altered == 0:
        return f"{before} {weights.dtype}, which changed none of them."
    return f"{before} {weights.dtype} (which changed {weights.altered:.1%} of them)."


def _reproduction(origin: Origin, weights: Weights, made: Made) -> str:
    if origin.measured != made.device or origin.packages != made.packages:
        return (
            f"Measured on {origin.measured}, merged for this folder on {made.device}, each with"
            " the versions below: expect equal scores to within rounding, not bit for bit."
        )
    if weights.altered:
        return f"Measured on {origin.measured}."
    return (
        f"Measured on {origin.measured}; merge-suite, loading these weights in {weights.merged}"
        " there, gives the same scores bit for bit."
    )


def _making(made: Made, weights: Weights, origin: Origin | None) -> str:
    lines = [
        "## How it was made",
        f"```\n{made.command}\n```",
        f"{weights.parameters:,} parameters, {weights.dtype}, on {made.device}. Versions:"
        f" {_versions(made.packages)}.",
    ]
    if origin and origin.packages and origin.packages != made.packages:
        lines.append(f"The search itself ran with {_versions(origin.packages)}.")
    return "\n\n".join(lines)


def _versions(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())
