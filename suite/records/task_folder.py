"""The results of a task, ``<results>/<task>``: its runs, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.records.folder import CONFIG, JUDGED, RunFolder, run_folder
from suite.records.hand_tuning import FOLDER as HAND_TUNED
from suite.records.hand_tuning import HandTuningFolder
from suite.records.journal import JsonLines, records
from suite.records.judged import Line, judged_lines
from suite.records.trial import Score


@dataclass(frozen=True)
class TaskFolder:
    """The folder of a task's results, which need not be there yet."""

    path: Path

    @classmethod
    def at(cls, results: str | Path, task: str) -> TaskFolder:
        return cls(Path(results) / task)

    @classmethod
    def of(cls, run: RunFolder) -> TaskFolder:
        """The one that `run` lies in."""
        return cls(run.path.parent.parent)

    def __str__(self) -> str:
        return str(self.path)

    def run(self, optimizer: str, seed: int) -> RunFolder:
        return RunFolder(run_folder(self.path.parent, self.path.name, optimizer, seed))

    def runs(self) -> list[RunFolder]:
        """Those that have a configuration, in the order of their paths."""
        return [RunFolder(path.parent) for path in sorted(self.path.glob(f"*/seed=*/{CONFIG}"))]

    def every_run(self) -> list[RunFolder]:
        """Every folder that is named like a run's, by optimizer and seed.

        Raises
        ------
        BadInput
            For one whose seed is no whole number.
        """
        found = [RunFolder(path) for path in self.path.glob("*/seed=*") if path.is_dir()]
        return sorted(found, key=lambda run: (run.optimizer, run.seed))

    def seeds(self, optimizer: str) -> list[int]:
        """Seeds of which the optimizer has a folder, ascending."""
        names = (path.name.removeprefix("seed=") for path in (self.path / optimizer).glob("seed=*"))
        return sorted(int(found) for found in names if found.isdecimal())

    @property
    def baselines(self) -> Path:
        """The folder of what the baselines came to."""
        return self.path / "baselines"

    @property
    def searched_baselines(self) -> JsonLines[dict[str, Any]]:
        """Baselines' scores on the search items."""
        return records(self.baselines / "search.jsonl", _check_searched)

    @property
    def judged_baselines(self) -> JsonLines[Line]:
        return judged_lines(self.baselines / JUDGED)

    @property
    def hand_tuning(self) -> HandTuningFolder:
        return HandTuningFolder(self.path / HAND_TUNED)

    @property
    def families(self) -> Path:
        """The file of frozen families of comparisons."""
        return self.path / "families.json"

    @property
    def reference_front(self) -> Path:
        """The file of the frozen reference front."""
        return self.path / "reference_front.json"

    @property
    def claims(self) -> Path:
        """The folder of the ledger of claims."""
        return self.path / "claims"


def tasks(results: Path) -> list[str]:
    """The tasks that have runs in the folder `results`, by name."""
    return sorted({path.parents[2].name for path in results.glob(f"*/*/seed=*/{CONFIG}")})


def _check_searched(line: dict[str, Any]) -> None:
    if not isinstance(line["digest"], str) or "inputs" not in line:
        raise ValueError("digest or inputs")
    for score in line["scores"].values():
        Score.from_json(score)
