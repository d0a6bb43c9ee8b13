"""Which trial of a run to export: by its number, at the front's knee, or best in one objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suite.errors import BadInput
from suite.objective import Objective
from suite.records.folder import JudgedTrials, RunFolder
from suite.records.trial import Trial
from suite.statistics.choice import knee


@dataclass(frozen=True)
class Pick:
    """The trial to export, why it was picked (a clause for people), and the split that decided."""

    trial: Trial
    why: str
    split: str | None


def numbered(trials: Sequence[Trial], number: int) -> Pick:
    """Trial `number`; `BadInput` when there is none or it failed."""
    if not 0 <= number < len(trials):
        raise BadInput(f"no trial {number}; the journal holds {_range(trials)}")
    trial = trials[number]
    if trial.status != "ok":
        raise BadInput(f"trial {number} failed ({trial.error}); pick another")
    return Pick(trial, "chosen by its number", None)


def at_knee(trials: Sequence[Trial], m: int) -> Pick:
    """The knee of the front of `trials` in `m` losses on the search items; see `knee`."""
    done = _succeeded(trials)
    losses = np.array([trial.losses for trial in done]).reshape(-1, m)
    index, below = knee(losses)
    why = f"the knee of the front, {below:.3g} (in losses) below the line through its extremes"
    if below <= 0:
        why = (
            "no knee: no point of the front lies below the line through its extremes;"
            " this one of them is the nearest to the ideal"
        )
    return Pick(done[index], f"{why}, on the search items", "search")


def best(
    trials: Sequence[Trial],
    objectives: Sequence[str],
    name: str,
    select: Mapping[int, Sequence[float]],
) -> Pick:
    """The trial with the least loss in objective `name`; of equal ones the first.

    `select` holds the losses, by trial number, of those that `suite judge` re-ranked on the select
    items; they decide if there are any, else the search items do. `BadInput` for an unknown name.
    """
    if name not in objectives:
        raise BadInput(f"no objective {name!r}; there are {', '.join(objectives)}")
    index, done = objectives.index(name), _succeeded(trials)
    if select:
        number = min(sorted(select), key=lambda number: select[number][index])
        loss, split = select[number][index], "select"
        among = f"{len(select)} trials judged on the select items"
    else:
        number = min(done, key=lambda trial: trial.losses[index]).number
        loss, split = trials[number].losses[index], "search"
        among = f"{len(done)} trials on the search items (not judged on select items)"
    return Pick(trials[number], f"the best {name} of {among}, loss {loss:.4g}", split)


def _succeeded(trials: Sequence[Trial]) -> list[Trial]:
    done = [trial for trial in trials if trial.status == "ok"]
    if not done:
        raise BadInput(f"nothing to export: none of {len(trials)} trials succeeded")
    return done


def _range(trials: Sequence[Trial]) -> str:
    return f"0 to {len(trials) - 1}" if trials else "none"


def by_words(
    wanted: int | str,
    run: RunFolder,
    objectives: Sequence[Objective],
    trials: Sequence[Trial],
    judged: JudgedTrials,
) -> Pick:
    """The `Pick` of a trial's number, ``knee`` or ``best:<objective>``; `BadInput` for another word.

    `objectives`, `trials` and `judged` are those of `run`, which messages name.
    """
    names = [objective.name for objective in objectives]
    select = {n: splits["select"][1] for n, splits in judged.items() if "select" in splits}
    kind, _, name = str(wanted).partition(":")
    try:
        if isinstance(wanted, int):
            return numbered(trials, wanted)
        if wanted == "knee":
            return at_knee(trials, len(names))
        if kind == "best":
            return best(trials, names, name, select)
    except BadInput as error:
        raise BadInput(f"{run}: {error}") from None
    raise BadInput(f"--pick {wanted}: allowed are knee and best:{{{','.join(names)}}}")
