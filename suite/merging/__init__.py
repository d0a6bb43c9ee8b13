"""Merging in memory: sources on a device, methods as functions of tensors, a live model written to.

`Merger` carries out merges, `PathMerger` layer paths too.

>>> from suite.merging import Merger, Sources                               # doctest: +SKIP
>>> sources = Sources.load({"base": base, "japanese": japanese}, device="cpu")  # doctest: +SKIP
>>> Merger(sources, model).merge(recipe)                                    # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.merging.hops import PathMerger
    from suite.merging.merger import MergeFailure, Merger
    from suite.merging.sources import Sources

__all__ = ["MergeFailure", "Merger", "PathMerger", "Sources"]


def __getattr__(name: str) -> Any:
    """Load torch only when something of it is used."""
    if name == "Sources":
        from suite.merging.sources import Sources

        return Sources
    if name == "PathMerger":
        from suite.merging.hops import PathMerger

        return PathMerger
    if name in ("Merger", "MergeFailure"):
        from suite.merging import merger

        return getattr(merger, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
