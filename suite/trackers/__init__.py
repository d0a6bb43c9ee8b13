"""Trackers mirror a run somewhere a person can watch it; they never feed anything back.

The journal stays the only state: a run without a tracker, or with one that failed halfway, has
exactly the trials it would have had otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from suite.objective import Objective
    from suite.records.trial import Score, Trial

Baselines = Mapping[str, "Mapping[str, Score]"]
"""Baseline name -> its scores by metric (``evaluator.figure``), in natural units."""


@dataclass(frozen=True)
class RunCard:
    """What a tracker is told about a run before its first trial.

    Attributes
    ----------
    id : str
        The run's readable name: ``ja_math_micro/nsga2/seed=0``.
    path : Path
        The folder that holds its journal.
    config : mapping of str to object
        Plain nested data.
    objectives : sequence of Objective
        In the order of the losses.
    baselines : sequence of str
        Names of the baselines that the run is compared with.
    free : sequence of str
        Top-level keys of `config` that a resume may change without becoming another run.
    """

    id: str
    path: Path
    config: Mapping[str, Any]
    objectives: Sequence[Objective]
    baselines: Sequence[str] = ()
    free: Sequence[str] = ()


class Tracker(Protocol):
    """Three calls in a fixed order: `start`, one `trial` per new trial, `finish`.

    Attributes
    ----------
    name : str
    where : str or None
        The address or folder a person can look at once `start` has returned.
    """

    name: str
    where: str | None

    def start(self, run: RunCard, *, resumed_from: int = 0) -> None:
        """Open the mirror.

        Parameters
        ----------
        run : RunCard
        resumed_from : int
            So many trials lie in the journal and are not sent again.
        """

    def trial(self, trial: Trial, hypervolume: float, front_size: int) -> None:
        """Mirror one trial.

        Parameters
        ----------
        trial : Trial
        hypervolume : float
            After it, in [0, 1].
        front_size : int
            After it.
        """

    def finish(
        self, front: Sequence[Trial], baselines: Baselines, *, interrupted: bool = False
    ) -> None:
        """Close the mirror.

        Parameters
        ----------
        front : sequence of Trial
            The final front.
        baselines : Baselines
            Their scores.
        interrupted : bool
            Marks a run that will resume.
        """


class Guarded:
    """A tracker that cannot stop a search.

    The first exception becomes one `RuntimeWarning` of one line and mutes the tracker for the rest
    of the run. Interrupts (`KeyboardInterrupt`, `SystemExit`) still propagate.

    Parameters
    ----------
    tracker : Tracker
        That is guarded.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.name = tracker.name
        self.muted = False
        self._tracker = tracker

    @property
    def where(self) -> str | None:
        """Where to look; None once the tracker is muted."""
        return None if self.muted else self._tracker.where

    def start(self, run: RunCard, *, resumed_from: int = 0) -> None:
        """Call `Tracker.start`."""
        self._call(lambda: self._tracker.start(run, resumed_from=resumed_from))

    def trial(self, trial: Trial, hypervolume: float, front_size: int) -> None:
        """Call `Tracker.trial`."""
        self._call(lambda: self._tracker.trial(trial, hypervolume, front_size))

    def finish(
        self, front: Sequence[Trial], baselines: Baselines, *, interrupted: bool = False
    ) -> None:
        """Call `Tracker.finish`."""
        self._call(lambda: self._tracker.finish(front, baselines, interrupted=interrupted))

    def _call(self, step: Callable[[], None]) -> None:
        if self.muted:
            return
        try:
            step()
        except Exception as error:  # whatever it is, the search goes on
            self.muted = True
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            warnings.warn(
                f"tracker {self.name!r} stopped, the search goes on without it: {reason}",
                RuntimeWarning,
                stacklevel=3,
            )
