"""The tracker that mirrors nothing; needs no package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from suite.trackers import Baselines, RunCard

if TYPE_CHECKING:
    from suite.records.trial import Trial


class NoTracker:
    """Accepts every call of the `Tracker` protocol and does nothing."""

    name = "none"
    where: str | None = None

    def start(self, run: RunCard, *, resumed_from: int = 0) -> None:
        """Open nothing."""

    def trial(self, trial: Trial, hypervolume: float, front_size: int) -> None:
        """Mirror nothing."""

    def finish(
        self, front: Sequence[Trial], baselines: Baselines, *, interrupted: bool = False
    ) -> None:
        """Close nothing."""


def make() -> NoTracker:
    """Make the tracker of ``tracker=none``.

    Returns
    -------
    NoTracker
    """
    return NoTracker()
