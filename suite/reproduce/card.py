"""The run card of a published row: which weights answered which items by which protocol, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import resources
from suite.assembly import identity
from suite.assembly.spec import differences
from suite.assembly.task_spec import TaskSpec
from suite.checkpoints import hub
from suite.checkpoints.hub import sha256
from suite.errors import BadInput
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.datasets.items import Item
from suite.records import run_card
from suite.reproduce import models as reproduce_models
from suite.reproduce.published import Row
from suite.reproduce.rows import Selected

if TYPE_CHECKING:  # imports torch
    from suite.evaluators.generation import GenerationEvaluator

SEED = 0  # of the subsets that limit_items draws


def suffix(limit: int | None) -> str:
    """What the file names of a subset have before their ending; nothing for all items."""
    return "" if limit is None else f".subset-{limit}"


def asked_items(evaluator: GenerationEvaluator, limit: int | None) -> list[Item]:
    """The report items, or `limit` of them: a random subset, in the items' order, always the same."""
    import numpy as np

    items = list(evaluator.splits["report"])
    if limit is None or limit >= len(items):
        return items
    chosen = np.random.default_rng(SEED).choice(len(items), size=limit, replace=False)
    return [items[index] for index in sorted(chosen.tolist())]


def pinned(models: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Each model at a commit; a branch or tag as the cards below `folder` already have it.

    So all rows of a task use the same weights, now and after an interruption, when a branch moves.
    """
    known: dict[str, str] = {}
    for path in sorted(folder.glob("*/card*.json")):
        what = _read(path).get("what", {})
        known.update({what["asked"][n]: what["models"][n] for n in what.get("asked", {})})
    return {name: known.get(model) or hub.pinned(model) for name, model in models.items()}


def what(
    selected: Selected,
    row: Row,
    asked: Mapping[str, str],
    models: Mapping[str, str],
    evaluators: Sequence[GenerationEvaluator],
    limit: int | None,
) -> dict[str, Any]:
    """All that the replies depend on but the machine: two sessions with the same may be continued.

    Hub models are known by their commits, local ones by the sha256 of their weights, items by that
    of their content (`items.digest`), each item by the first half of its own.
    """
    task = selected.task
    plain = reproduce_models.as_it_is(selected, row)
    settings = ("dtype", "tiling") if plain else ("dtype", "tiling", "vocabulary", "rope_theta")
    local = {name: model for name, model in models.items() if hub.parse(model) is None}
    return {
        "task": task.name,
        "row": row.name,
        "recipe": "as it is" if plain else reproduce_models.recipe(row, models).to_json(),
        "models": {n: Path(m).name if n in local else m for n, m in models.items()},
        "asked": {name: asked[name] for name in asked if asked[name] != models[name]},
        "weights": {
            name: {file.name: sha256(file) for file in hub.locate(model).weights()}
            for name, model in local.items()
        },
        "settings": _given(task, settings),
        "subset": None if limit is None else {"size": limit, "seed": SEED},
        "evaluators": {each.name: _protocol(selected, each, limit) for each in evaluators},
    }


def _given(task: TaskSpec, keys: Sequence[str]) -> dict[str, Any]:
    """Those of the task's `keys` that are given."""
    return {key: task.written[key] for key in keys if task.written.get(key) is not None}


def _protocol(
    selected: Selected, evaluator: GenerationEvaluator, limit: int | None
) -> dict[str, Any]:
    targets = selected.task.evaluators.values()
    (target,) = (target for target in targets if target.name == evaluator.name)
    told = {key: value for key, value in target.options.items() if key not in ("data", "items")}
    items = asked_items(evaluator, limit)
    return {
        "_target_": target.path,
        **told,
        "items": len(items),
        "sha256": item_sets.digest(items),
        "each": {item.id: item_sets.digest([item])[:32] for item in items},
    }


def begin(path: Path, now: dict[str, Any], device: str, batch_size: int, begun: bool) -> None:
    """Write the card at `path`, or refuse what differs from the one that is there.

    Not `begun`, without a single reply, there is nothing that could be mixed: the card is replaced.
    """
    if not begun:
        path.unlink(missing_ok=True)
    if path.exists():
        before = _read(path).get("what", {})
        for name, protocol in before.get("evaluators", {}).items():
            _same_items(path, name, protocol, now["evaluators"].get(name, {}))
        if changed := sorted(differences(before, now)):
            raise BadInput(
                f"{path.parent} holds another measurement; different here: {'; '.join(changed)}."
                " Use another results folder or remove this one"
            )
    environment = {**identity.environment(device), "batch_size": batch_size}
    run_card.keep(path, {"what": now, "environment": environment})


def _same_items(path: Path, name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse a data set that has changed since its items were first answered."""
    if before.get("sha256") == now.get("sha256"):
        return
    old, new = before.get("each", {}), now.get("each", {})
    moved = sorted(each for each in old.keys() | new.keys() if old.get(each) != new.get(each))
    first = f", the first of {len(moved)} is item {moved[0]!r}" if moved else ""
    raise BadInput(
        f"{path}: the items of evaluator {name!r} have changed since (sha256"
        f" {str(before.get('sha256'))[:12]} there, {str(now.get('sha256'))[:12]} now{first});"
        " use the data set of then, or another results folder"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read ({error})") from None
    if not isinstance(found, dict) or not isinstance(found.get("what"), dict):
        raise BadInput(f"{path}: no run card; restore it or move its folder away")
    return found


def folder_of(results: str | Path, task: str, row: str = "") -> Path:
    """``<results>/published/<task>/<row>``."""
    return resources.resolve(str(results)) / "published" / task / row
