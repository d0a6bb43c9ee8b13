"""Vision-language models among the parents: what the card and mergekit's YAML say of them.

mergekit 0.1.5 merges plain language models. Of a LLaVA beside them it finds the head alone and leaves
all layers out, without a word; with a Qwen2-VL it stops. So its YAML speaks of language towers as
plain checkpoints, by names that stand for folders still to be made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from suite.checkpoints.parents import Parent
from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Input, Recipe


def stand_in(parent: Parent) -> str:
    """Name the folder that stands for the language tower of a vision-language model.

    Parameters
    ----------
    parent : Parent

    Returns
    -------
    str
        Begun with ``./``, so that nobody takes it for a model of the Hub.
    """
    word = re.sub(r"[^\w.-]", "-", PurePosixPath(parent.name.partition("@")[0]).name)
    return f"./language-tower-of-{word}"


def names(recipe: Recipe | LayerPath, parents: Mapping[str, Parent]) -> dict[str, str]:
    """Tell what mergekit is told for each model of a recipe: plain ones by where they are.

    Parameters
    ----------
    recipe : Recipe or LayerPath
    parents : mapping of str to Parent

    Returns
    -------
    dict of str to str
    """
    used = {name: parents[name] for name in recipe.models}
    return {name: stand_in(p) if p.eyes else p.where for name, p in used.items()}


def extractions(recipe: Recipe | LayerPath, parents: Mapping[str, Parent]) -> dict[str, str]:
    """Write the recipes that make the folders for which `names` stands.

    Each is a linear merge whose whole weight is the vision-language model's, over the config and
    the vocabulary of the first plain parent.

    Parameters
    ----------
    recipe : Recipe or LayerPath
    parents : mapping of str to Parent

    Returns
    -------
    dict of str to str
        JSON by file name; empty where all are plain.

    Raises
    ------
    BadInput
        When no parent is plain.
    """
    seeing = [parents[name] for name in recipe.models if parents[name].eyes]
    plain = [parent for parent in parents.values() if not parent.eyes]
    if seeing and not plain:
        raise BadInput("mergekit 0.1.5 merges plain language models, and no parent is one")
    return {f"{stand_in(each)[2:]}.json": _extraction(plain[0], each) for each in seeing}


def _extraction(plain: Parent, seeing: Parent) -> str:
    inputs = (Input(plain.name, {"weight": 0.0}), Input(seeing.name, {"weight": 1.0}))
    data = {
        **Recipe("linear", inputs).to_json(),
        "models": {each.name: {"model": each.where} for each in (plain, seeing)},
        "vocabulary": "cut",
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def comment(recipe: Recipe | LayerPath, vlm: Parent | None, files: Mapping[str, str]) -> str:
    """Write what stands above the YAML: what mergekit needs, and what it makes.

    Parameters
    ----------
    recipe : Recipe or LayerPath
    vlm : Parent or None
        The vision-language model that the merge becomes.
    files : mapping of str to str
        Those of `extractions`.

    Returns
    -------
    str
        Lines that begin with ``#``; possibly none.
    """
    lines = []
    if files:
        lines.append(
            "mergekit cannot read a language tower inside a vision-language model; before:"
        )
        lines += [f"  suite merge {file} {file.removesuffix('.json')}" for file in files]
    if vlm is not None:
        lines.append(
            "mergekit makes a plain language model; `suite merge recipe.json OUT` makes all of this one."
        )
    if vlm is not None and isinstance(recipe, Recipe):
        lines.append("To put what mergekit has made into the vision-language model:")
        lines.append(f"  suite merge MADE OUT --vlm {vlm.where} --vocabulary cut")
    return "".join(f"# {line}\n" for line in lines)


def paragraph(vlm: Parent, vocabulary: str, seeing: Mapping[str, Any]) -> str:
    """Write what the card says of the vision-language model.

    Parameters
    ----------
    vlm : Parent
    vocabulary : {"refuse", "cut"}
        The task's.
    seeing : mapping of str to object
        ``tiling`` and ``rope_theta``, the task's.

    Returns
    -------
    str
    """
    rows = ", and so are the rows of embeddings and head beyond the base's vocabulary"
    said = (
        f"Only the language tower was merged: vision tower and projector ({vlm.eyes:,} parameters),"
        f" tokenizer and processor are those of {vlm.name}{rows if vocabulary == 'cut' else ''}."
    )
    if not seeing.get("tiling", True):
        said += " It is a LLaVA-1.5: it looks at one view of each picture, without tiles."
    if "rope_theta" in seeing:
        said += f" The decoder's `rope_theta` is {seeing['rope_theta']:g}, as it was measured."
    return said
