"""Weights & Biases: one W&B run per search, offline unless the user is logged in.

Steps are explicit, because W&B drops what does not increase and an offline run that resumes starts
a new folder at step 0, which ``wandb sync`` joins by run id and step: trial `n` is step 2n, and the
odd step after the last trial holds the front, so that a continued search never collides with it.
Charts use the trial number as their axis.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.records.folder import RunFolder
from suite.records.trial import Trial
from suite.trackers import Baselines, RunCard
from suite.trackers.front import figure, rows, table

MODES = ("auto", "offline", "online")
INIT_SECONDS = 30.0
FINISH_SECONDS = 120.0
INTERRUPTED = 130


def run_id(run: RunCard) -> str:
    """Make the W&B id of a run: same folder and same configuration, free keys aside, same id.

    Parameters
    ----------
    run : RunCard

    Returns
    -------
    str
    """
    fixed = {key: value for key, value in run.config.items() if key not in run.free}
    identity = json.dumps([str(run.path.resolve()), _plain(fixed)], sort_keys=True)
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", run.id).strip("-")
    return f"{readable[-48:]}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _plain(config: Any) -> Any:
    return json.loads(json.dumps(config, default=str))


class WandbTracker:
    """Mirrors a run to W&B.

    Parameters
    ----------
    project : str
    group : str or None
    mode : {"auto", "offline", "online"}
    directory : str or None
        All as in ``conf/tracker/wandb.yaml``.
    """

    name = "wandb"

    def __init__(self, project: str, group: str | None, mode: str, directory: str | None) -> None:
        self.where: str | None = None
        self._project = project
        self._group = group
        self._mode = mode
        self._directory = directory
        self._best: dict[str, float] = {}
        self._last = -1
        self._run: Any = None
        self._card: RunCard | None = None

    def start(self, run: RunCard, *, resumed_from: int = 0) -> None:
        """Open the W&B run.

        Parameters
        ----------
        run : RunCard
        resumed_from : int
            Trials that are read from the journal instead of sent.

        Raises
        ------
        OSError
            If its folder cannot be made; W&B's errors as they are.
        """
        if self._directory is not None:  # W&B itself would move silently to a temporary folder
            Path(self._directory).mkdir(parents=True, exist_ok=True)
        self._card = run
        self._best, self._last = {}, resumed_from - 1
        self._run = self._open(run)
        self.where = self._run.url or str(Path(self._run.dir).parent)
        self._run.define_metric("trial")
        self._run.define_metric("*", step_metric="trial")
        if resumed_from:
            for trial in RunFolder(run.path).trials()[:resumed_from]:
                self._note_best(trial)

    def trial(self, trial: Trial, hypervolume: float, front_size: int) -> None:
        """Log one history row with scores, losses, best scores so far and the anytime hypervolume.

        Parameters
        ----------
        trial : Trial
        hypervolume : float
            After it, in [0, 1].
        front_size : int
            After it.
        """
        self._note_best(trial)
        row: dict[str, Any] = {
            "trial": trial.number,
            "status": trial.status,
            "hypervolume": hypervolume,
            "front_size": front_size,
        }
        if trial.error is not None:
            row["error"] = trial.error
        for metric, score in trial.scores.items():
            row[f"score/{metric}"] = score.value
            row[f"stderr/{metric}"] = score.stderr
        if trial.losses:
            names = (objective.name for objective in self._started().objectives)
            row |= {f"loss/{n}": v for n, v in zip(names, trial.losses, strict=True)}
        row |= {f"best/{name}": value for name, value in self._best.items()}
        row |= {f"seconds/{part}": value for part, value in trial.seconds.items()}
        self._last = trial.number
        self._run.log(row, step=2 * trial.number, commit=True)

    def finish(
        self, front: Sequence[Trial], baselines: Baselines, *, interrupted: bool = False
    ) -> None:
        """Log the front as table and plot, the journal as artifact; an interrupted run exits with 130.

        Parameters
        ----------
        front : sequence of Trial
        baselines : Baselines
        interrupted : bool
        """
        import wandb

        card = self._started()
        points = rows(front, baselines)
        columns, cells = table(points)
        shown = {
            "front/table": wandb.Table(columns=[*columns], data=[*cells]),
            "front/plot": wandb.Plotly(figure(points, card.objectives)),
        }
        if self._last >= 0:
            self._run.log(shown, step=2 * self._last + 1, commit=True)
        artifact = wandb.Artifact(f"journal-{run_id(card)}", type="journal")
        for file in RunFolder(card.path).files:
            if file.is_file():
                artifact.add_file(str(file))
        self._run.log_artifact(artifact)
        if interrupted and not self._run.offline:
            self._run.mark_preempting()
        self._run.finish(exit_code=INTERRUPTED if interrupted else 0)

    def _started(self) -> RunCard:
        if self._card is None:
            raise RuntimeError("start() comes before trial() and finish()")
        return self._card

    def _note_best(self, trial: Trial) -> None:
        if trial.status != "ok":
            return
        for objective in self._started().objectives:
            value = trial.scores[objective.metric].value
            better = max if objective.direction == "maximize" else min
            self._best[objective.name] = better(value, self._best.get(objective.name, value))

    def _open(self, run: RunCard) -> Any:
        import wandb

        mode = _resolve(self._mode)
        try:
            return self._init(run, mode)
        except Exception as error:
            if self._mode != "auto" or mode != "online":
                raise
            reason = " ".join(str(error).split())
            warnings.warn(f"tracker 'wandb': {reason}; logging offline", RuntimeWarning, 2)
            wandb.teardown()  # the service still holds the id of the run that failed to open
            return self._init(run, "offline")

    def _init(self, run: RunCard, mode: str) -> Any:
        import wandb

        quiet = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            host="",
            init_timeout=INIT_SECONDS,
            finish_timeout=FINISH_SECONDS,
            finish_timeout_raises=True,
            x_disable_stats=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        )
        return wandb.init(
            project=self._project,
            group=self._group,
            id=run_id(run),
            name=run.id,
            config={**_plain(run.config), "baselines": list(run.baselines)},
            dir=self._directory,
            mode=mode,  # type: ignore[arg-type]
            resume="allow" if mode == "online" else None,
            reinit="create_new",
            settings=quiet,
        )


def _resolve(mode: str) -> str:
    """Decide `mode` where it is ``auto``: WANDB_MODE if set, else online exactly when logged in."""
    if mode != "auto":
        return mode
    if chosen := os.environ.get("WANDB_MODE"):
        return chosen
    import wandb

    wandb.setup(wandb.Settings(silent=True))
    return "online" if wandb.login(prompt=False, verify=False) else "offline"


def make(
    project: str = "merge-suite",
    group: str | None = None,
    mode: str = "auto",
    dir: str | None = None,
) -> WandbTracker:
    """Make the tracker of ``tracker=wandb``.

    Parameters
    ----------
    project : str
    group : str, optional
    mode : {"auto", "offline", "online"}
    dir : str, optional
        Where W&B keeps its files.

    Returns
    -------
    WandbTracker

    Raises
    ------
    BadInput
        For an unknown mode or a missing package.
    """
    if mode not in MODES:
        raise BadInput(f"tracker wandb: mode {mode!r} is not one of {', '.join(MODES)}")
    missing = [name for name in ("wandb", "plotly") if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(
            f"tracker wandb: {' and '.join(missing)} not installed;"
            " pip install 'merge-suite[wandb]', or use tracker=none"
        )
    return WandbTracker(project, group, mode, dir)
