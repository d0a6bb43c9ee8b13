"""The reference front of a task: what a search is measured against, frozen once for all.

It lies in ``<results>/<task>/reference_front.json``. It is the known front of a problem, or, where
none is known, what all runs that were there on one day had found together. Once written it is only
read, so that an optimizer that comes later changes nobody's figures, and may exceed it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suite.errors import BadInput
from suite.objective import Objective
from suite.records.task_folder import TaskFolder
from suite.statistics import pareto

KINDS = ("known", "pooled")


@dataclass(frozen=True, eq=False)
class Reference:
    """A front as search losses (n, m); `kind` is known or pooled.

    `hypervolume` is that of the losses, in (0, 1]. `frozen` is the day, as ISO 8601; `source` says
    in words what the front was made from.
    """

    kind: str
    losses: NDArray[np.float64]
    hypervolume: float
    frozen: str
    source: str

    @classmethod
    def of(cls, kind: str, losses: ArrayLike, frozen: str, source: str) -> Reference:
        """The non-dominated rows of `losses` (n, m); `BadInput` if none reaches into the box."""
        rows = np.asarray(losses, dtype=float) + 0.0  # no zero with a minus sign in the file
        front = rows[pareto.front(rows)] if rows.size else rows
        share = pareto.hypervolume(front) if rows.size else 0.0
        if share <= 0:
            raise BadInput(
                f"reference front ({source}): no point is better than the reference in every"
                " objective, so there is nothing to measure against"
            )
        return cls(kind, front, share, frozen, source)

    @property
    def words(self) -> str:
        """What it is, and since when."""
        what = "the known front of the problem" if self.kind == "known" else "pooled, not known"
        return (
            f"{what}: {len(self.losses)} points, hypervolume {self.hypervolume:.3f}, from"
            f" {self.source}, frozen on {self.frozen}"
        )


def read(folder: TaskFolder, objectives: Sequence[Objective]) -> Reference | None:
    """The reference front in a task's results `folder`, None where none is frozen.

    `BadInput` for a damaged file, and for one that was frozen under other objectives.
    """
    path = folder.reference_front
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        losses = np.array(data["losses"], dtype=float)
        found = Reference.of(str(data["kind"]), losses, str(data["frozen"]), str(data["source"]))
        share = float(data["hypervolume"])
        made_for = data["objectives"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{path}: damaged; restore it, or move it away to freeze another") from None
    if made_for != _named(objectives):
        raise BadInput(f"{path}: frozen under other objectives than those of the runs beside it")
    if (
        found.kind not in KINDS
        or losses.shape != (len(found.losses), len(objectives))
        or not math.isclose(share, found.hypervolume, rel_tol=1e-9)
    ):
        raise BadInput(f"{path}: not a front, or its hypervolume is not that of its losses")
    return found


def write(folder: TaskFolder, objectives: Sequence[Objective], reference: Reference) -> Path:
    """Freeze `reference` in a task's results `folder`; `BadInput` where one is frozen already."""
    path = folder.reference_front
    if path.exists():
        raise BadInput(
            f"{path}: a reference front is frozen already; another one would change every figure"
            " that was measured against it. Remove the file if that is what you want"
        )
    data = {
        "kind": reference.kind,
        "frozen": reference.frozen,
        "source": reference.source,
        "objectives": _named(objectives),
        "hypervolume": reference.hypervolume,
        "losses": reference.losses.tolist(),
    }
    try:
        path.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _named(objectives: Sequence[Objective]) -> list[dict[str, Any]]:
    keys = ("name", "metric", "direction", "ideal", "reference")
    return [{key: getattr(objective, key) for key in keys} for objective in objectives]
