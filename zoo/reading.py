"""What a family's models have read: the training documents of a recipe, made again from its seeds.

Documents follow from the recipe and the seeds alone, as `zoo.build` draws them, and no model is
needed. Of the pictures that eyes are taught with there are no documents (`zoo.eyes`): they come without
question or answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.mixture import Mixture, batches
from zoo.worlds import WORLDS

Stage = Mapping[str, Any]
BATCH = 32  # documents a step where the stage does not say


def stages(spec: Mapping[str, Any]) -> dict[str, Stage]:
    """The stages of a recipe (conf/zoo) that read documents, by the names that seed them.

    Parameters
    ----------
    spec : mapping
        A recipe: ``base``, ``experts`` and perhaps ``vlm``.

    Returns
    -------
    stages : dict of str to mapping
        ``base/0``, ``base/1`` …, one for each expert, ``vlm/0`` …, in the order of training.
    """
    found = {f"base/{number}": stage for number, stage in enumerate(spec["base"])}
    found |= spec["experts"]
    found |= {f"vlm/{n}": stage for n, stage in enumerate(spec.get("vlm", {}).get("stages", []))}
    return {name: stage for name, stage in found.items() if "mixture" in stage}


def mixture(spec: Mapping[str, Any], name: str, stage: Stage) -> Mixture:
    """The stage's endless stream of documents, from its own seed or else the recipe's."""
    seed = f"{stage.get('seed', spec['seed'])}/{name}"
    return Mixture(stage["mixture"], seed, WORLDS[spec.get("world", "problems")].writers)


def documents(spec: Mapping[str, Any], name: str, stage: Stage) -> Iterator[Any]:
    """Every document that the stage's model was trained on, in order; some more than once."""
    drawn = batches(mixture(spec, name, stage), stage.get("batch", BATCH))
    return itertools.chain.from_iterable(itertools.islice(drawn, stage["steps"]))
