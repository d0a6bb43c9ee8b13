"""What a person sees of a search: a live bar, and at the end the front beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from suite.objective import Objective
from suite.records.folder import RunFolder
from suite.records.trial import Score, Trial
from suite.statistics import pareto


@dataclass(frozen=True)
class State:
    """A search so far: hypervolume of the search items' losses, and the size of the front."""

    hypervolume: float
    front_size: int


class Progress:
    """A live bar (trials, time left) over a line: front, hypervolume, best per objective, failures."""

    def __init__(self, objectives: Sequence[Objective], trials: int, done: Sequence[Trial]) -> None:
        self._objectives = objectives
        self._trials = list(done[:trials])
        self._bar = Bar(
            TextColumn("[bold]search"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._row = self._bar.add_task("search", total=trials, completed=len(self._trials))
        self._live = Live(self._bar, console=Console(stderr=True), refresh_per_second=4)

    def __enter__(self) -> Progress:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def add(self, trial: Trial) -> State:
        """Take one more trial into account and redraw."""
        self._trials.append(trial)
        losses = loss_matrix(self._trials, len(self._objectives))
        state = State(pareto.hypervolume(losses), len(pareto.front(losses)))
        best = [
            f"{objective.name} {objective.ideal - low * (objective.ideal - objective.reference):.3f}"
            for objective, low in zip(self._objectives, _lowest(losses), strict=True)
        ]
        failed = sum(trial.status == "failed" for trial in self._trials)
        words = [f"front {state.front_size}", f"hypervolume {state.hypervolume:.4f}", "best", *best]
        if failed:
            words.append(f"{failed} failed")
        self._bar.advance(self._row)
        self._live.update(Group(self._bar, Text("  ".join(words), style="cyan")))
        return state

    def front(self) -> list[Trial]:
        """The non-dominated trials so far."""
        return front_of(self._trials, len(self._objectives))


def loss_matrix(trials: Sequence[Trial], m: int) -> pareto.Losses:
    """Losses, shape (n, m), in trial order; a failed trial is a row of NaN, which no front counts."""
    return np.array([trial.losses or (np.nan,) * m for trial in trials]).reshape(-1, m)


def front_of(trials: Sequence[Trial], m: int) -> list[Trial]:
    """The trials that no other dominates, by their losses on the search items."""
    return [trials[index] for index in pareto.front(loss_matrix(trials, m))]


def summary(
    objectives: Sequence[Objective],
    trials: Sequence[Trial],
    baselines: Mapping[str, Mapping[str, Score]],
    folder: RunFolder,
    tracker: str | None = None,
) -> None:
    """Print the front beside the baselines (search items), the run's files and the `tracker`'s place."""
    console = Console()
    table = Table(title="front and baselines on the search items (optimistic: run `suite judge`)")
    table.add_column("merge")
    for objective in objectives:
        table.add_column(f"{objective.name} ± stderr", justify="right")
    front = front_of(trials, len(objectives))
    rows = [(f"trial {trial.number}", trial.scores, "bold") for trial in front]
    rows += [(name, scores, "dim") for name, scores in baselines.items()]
    for name, scores, style in sorted(rows, key=lambda row: -row[1][objectives[0].metric].value):
        cells = [
            f"{scores[o.metric].value:.3f} ± {scores[o.metric].stderr:.3f}" for o in objectives
        ]
        table.add_row(name, *cells, style=style)
    console.print(table)
    failed = sum(trial.status == "failed" for trial in trials)
    share = pareto.hypervolume(loss_matrix(trials, len(objectives)))
    console.print(
        f"{len(trials)} trials, {failed} failed, front {len(front)}, hypervolume {share:.4f}"
    )
    files = [str(file) for file in folder.files]
    for place in [*files, tracker] if tracker else files:
        console.print(f"  {place}", highlight=False, soft_wrap=True)


def _lowest(losses: pareto.Losses) -> list[float]:
    finite = losses[np.isfinite(losses).all(axis=1)]
    return [float(low) for low in finite.min(axis=0)] if len(finite) else [np.nan] * losses.shape[1]
