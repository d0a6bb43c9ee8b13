"""The folder of a run, ``<results>/<task>/<optimizer>/seed=<n>``: its files, their names and its lock.

config.yaml says what the run is, environment.json on what it was made, trials.jsonl is its journal, and
judged.jsonl what `suite judge` measured. They are named, read and written here alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from suite.errors import BadInput, Busy
from suite.records import files, packed, run_card
from suite.records.journal import Journal, JsonLines
from suite.records.judged import Line, judged_lines, scores
from suite.records.trial import Score, Trial

CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
TRIALS, JUDGED = "trials.jsonl", "judged.jsonl"
_SEED = "seed="

# Trial number -> split -> scores and losses.
JudgedTrials = dict[int, dict[str, tuple[dict[str, Score], list[float]]]]


def run_folder(results: str | Path, task: str, optimizer: str, seed: int) -> Path:
    """``<results>/<task>/<optimizer>/seed=<n>``."""
    return Path(results) / task / optimizer / f"{_SEED}{seed}"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, which need not be there yet."""

    path: Path

    @classmethod
    def at(cls, results: str | Path, task: str, optimizer: str, seed: int) -> RunFolder:
        return cls(run_folder(results, task, optimizer, seed))

    def __str__(self) -> str:
        return str(self.path)

    @property
    def optimizer(self) -> str:
        return self.path.parent.name

    @property
    def seed(self) -> int:
        """The run's seed by the folder's name; `BadInput` for another name."""
        number = self.path.name.removeprefix(_SEED)
        if not number.isdecimal():
            raise BadInput(f"{self}: a run's folder is named {_SEED}<whole number>")
        return int(number)

    @property
    def begun(self) -> bool:
        """Whether a configuration is there, sound or damaged."""
        return self.config_path.exists()

    @property
    def config_path(self) -> Path:
        return self.path / CONFIG

    @property
    def environment_path(self) -> Path:
        return self.path / ENVIRONMENT

    @property
    def judged_path(self) -> Path:
        return self.path / JUDGED

    @property
    def files(self) -> list[Path]:
        """What a search leaves, for people to look at."""
        return [packed.form(self.path / name) for name in (TRIALS, CONFIG, ENVIRONMENT)]

    def config(self) -> dict[str, Any]:
        """What config.yaml holds, in its order.

        Raises
        ------
        BadInput
            When it is not there or cannot be read, or has no ``task`` with ``name`` and
            ``objectives``, no ``optimizer`` or no ``seed``: all that every reader relies on.
        """
        if not self.begun:
            raise BadInput(f"{self}: not a run's folder (no {CONFIG})")
        found = files.read_yaml(self.config_path)
        if lacking := _lacking(found):
            raise BadInput(f"{self.config_path}: not the configuration of a run: {lacking}")
        return dict(found)

    def write_config(self, text: str) -> None:
        """Replace config.yaml by `text`."""
        files.write_whole(self.config_path, text)

    def environment(self) -> dict[str, Any] | None:
        """The run's card; None where there is none, `BadInput` where it is damaged."""
        return run_card.read(self.environment_path)

    def keep_environment(self, card: Mapping[str, Any]) -> str | None:
        """Keep the card of who runs this run now (`run_card.keep`).

        A damaged environment.json is set aside: the run goes on, since nothing depends on it.

        Returns
        -------
        str or None
            A line that says what was damaged and what was done about it.
        """
        said = None
        try:
            self.environment()
        except BadInput as error:
            aside = run_card.set_aside(self.environment_path)
            said = f"{error}; kept as {aside.name}, and a new one begun"
        run_card.keep(self.environment_path, card)
        return said

    @property
    def journal(self) -> Journal:
        return Journal(self.path / TRIALS)

    def trials(self) -> list[Trial]:
        """The journaled trials; `BadInput` names the line of a damaged one."""
        return self.journal.read()

    def trial_count(self) -> int:
        """How many whole lines the journal has, damaged or not; 0 without one."""
        return packed.content(self.path / TRIALS).count(b"\n")

    @property
    def judged(self) -> JsonLines[Line]:
        return judged_lines(self.judged_path)

    def is_judged(self) -> bool:
        """Whether some trial was measured on the report items."""
        return b'"split":"report"' in packed.content(self.judged_path)

    def judged_trials(self, trials: Sequence[Trial]) -> JudgedTrials:
        """What `suite judge` measured of `trials`.

        Lines about another recipe than the journal's trial of that number do not count.
        """
        found: JudgedTrials = {}
        for line in self.judged.read():
            number = line["number"]
            if number is None or not 0 <= number < len(trials):
                continue
            if line["recipe"] == trials[number].recipe:
                found.setdefault(number, {})[line["split"]] = scores(line), line["losses"]
        return found

    @contextlib.contextmanager
    def locked(self, trials: int) -> Iterator[None]:
        """Have the run to oneself, its folder made and writable; `Busy` when another process has it.

        A journal that lies compressed is unpacked when it has fewer than `trials`: it is about to go on.
        """
        files.make_writable(self.path)
        if self.journal.file != self.journal.path and len(self.trials()) < trials:
            packed.unpack(self.journal.path)
        with files.opened(self.journal.file, "ab") as lock:
            self._lock(lock)
            yield

    def glance(self) -> None:
        """`Busy` for a run that another process has at this moment; no promise for later."""
        if packed.exists(self.path / TRIALS):
            with files.opened(self.journal.file, "rb") as lock:
                self._lock(lock)

    def _lock(self, file: IO[Any]) -> None:
        try:
            packed.lock(file, Path(file.name))
        except Busy:
            raise Busy(f"{self}: another process is running this run") from None


def _lacking(config: Any) -> str | None:
    """What a stored configuration must have and has not, in words."""
    if not isinstance(config, dict):
        return "no mapping of keys to values"
    task = config.get("task")
    if not isinstance(task, dict):
        return "no mapping under the key 'task'"
    if not isinstance(task.get("name"), str):
        return "its task has no name"
    objectives = task.get("objectives")
    if not isinstance(objectives, list) or not objectives:
        return "task.objectives must list at least one"
    if not isinstance(config.get("optimizer"), str):
        return "no optimizer"
    if type(config.get("seed")) is not int:
        return "no seed, a whole number"
    return None
