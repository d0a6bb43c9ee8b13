"""Search spaces over the merges of two sources: of one method, and of several to choose from."""

from __future__ import annotations

from typing import Any

from suite.spaces.merge_space import MergeSpace

SOURCES = ["ja", "en"]
UNIT: dict[str, Any] = {"low": 0.0, "high": 1.0}


def space(scope: str = "layer", method: str = "task_arithmetic", **searched: Any) -> MergeSpace:
    """A search over one method: of a weight with this scope, or of what `searched` says."""
    knobs = searched or {"weight": {"low": 0.0, "high": 1.0, "scope": scope}}
    fixed = {} if method in ("linear", "slerp") else {"lambda": 1.0, "normalize": False}
    return MergeSpace(method, SOURCES, "base", knobs, fixed, layers=6, groups=3)


def chosen(scope: str = "group", **more: Any) -> MergeSpace:
    """A search over three methods with a weight per source."""
    options = ["task_arithmetic", "ties", "dare_ties"]
    knobs = {
        "method": {"options": options, "scope": scope},
        "weight": {**UNIT, "scope": "source"},
        "density": {"low": 0.1, "high": 0.9, "scope": "group"},
        **more,
    }
    fixed = {"normalize": False, "seed": 3}
    return MergeSpace("ties", SOURCES, "base", knobs, fixed, layers=6, groups=3)
