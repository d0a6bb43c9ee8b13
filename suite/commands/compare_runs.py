"""The runs behind a claim: which there are, making those that are missing, and what each came to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml

from suite.assembly import compose, identity, problems, spaces
from suite.commands import run
from suite.errors import BadInput, Busy, CandidateFailure
from suite.records import folder as folders
from suite.records import packed
from suite.statistics import choice, pareto
from suite.statistics.claim import Claim

Seen = dict[str, list[dict[str, Any]]]


class Runs:
    """Both strategies' runs; `overrides` are those of `suite run`."""

    def __init__(self, claim: Claim, overrides: Sequence[str]) -> None:
        self.names = (claim.better, claim.other)
        self._words = [*overrides, f"task={claim.task}"]
        self._configs: dict[tuple[str, int], dict[str, Any]] = {}
        self.first = self.config(claim.better, 0)
        run.check(self.first)
        self.config(claim.other, 0)  # a strategy that is not known is found out here
        self.trials: int = self.first["trials"]
        self.root = Path(self.first["results"]) / self.first["task"]["name"]

    def config(self, name: str, seed: int) -> dict[str, Any]:
        """The configuration of one run."""
        if (name, seed) not in self._configs:
            words = [*self._words, f"optimizer={name}", f"seed={seed}"]
            self._configs[name, seed] = compose.compose(words)
        return self._configs[name, seed]

    def folder(self, name: str, seed: int) -> Path:
        return folders.run_folder(self.first["results"], self.first["task"]["name"], name, seed)

    def existing(self, name: str) -> list[int]:
        """Seeds of which the strategy has a folder, ascending."""
        names = (path.name.removeprefix("seed=") for path in (self.root / name).glob("seed=*"))
        return sorted(int(found) for found in names if found.isdecimal())

    def used(self) -> set[int]:
        """Seeds that a run of either strategy has."""
        return {seed for name in self.names for seed in self.existing(name)}

    def seen(self) -> Seen:
        """The runs there are: by strategy, rows of seeds that agree in trials and in being judged."""
        found: Seen = {}
        for name in self.names:
            rows: dict[tuple[int, bool], list[int]] = {}
            for seed in self.existing(name):
                folder = self.folder(name, seed)
                key = _lines(folder / "trials.jsonl"), _is_judged(folder / "judged.jsonl")
                rows.setdefault(key, []).append(seed)
            found[name] = [
                {"seeds": seeds, "trials": trials, "judged": judged}
                for (trials, judged), seeds in rows.items()
            ]
        return found

    def check_settings(self) -> None:
        """`BadInput` when a strategy's runs that are there were made under other settings."""
        for name in self.names:
            for seed in self.existing(name)[:1]:
                path = self.folder(name, seed) / "config.yaml"
                if path.exists():
                    before = yaml.safe_load(path.read_text(encoding="utf-8"))
                    config = spaces.settled(identity.pinned(self.config(name, seed)))
                    now = identity.stored(config, before["inputs"])
                    identity.check_same(before, now, self.folder(name, seed))

    def missing(self, seeds: Iterable[int]) -> list[tuple[str, int]]:
        """The runs that do not have all their trials, seed by seed."""
        return [
            (name, seed)
            for seed in seeds
            for name in self.names
            if _lines(self.folder(name, seed) / "trials.jsonl") < self.trials
        ]

    def minutes(self, missing: Sequence[tuple[str, int]]) -> float:
        """How long they will take, judged by the first run there is of each strategy; NaN without."""
        known = []
        for name in self.names:
            for seed in self.existing(name)[:1]:
                trials = self._journal(name, seed)
                known += [t.seconds["total"] for t in trials if t.status == "ok"]
        return len(missing) * self.trials * median(known) / 60 if known else math.nan

    def make(self, seeds: Sequence[int]) -> None:
        """Make or finish every run; `Busy` in the end when another process is at some of them."""
        wanted = self.missing(seeds)
        for number, (name, seed) in enumerate(wanted, start=1):
            print(f"\nrun {number} of {len(wanted)}: {name}, seed {seed}", flush=True)
            try:
                run.run(self.config(name, seed))
            except Busy as busy:
                print(f"{busy}: passed over")
        if left := self.missing(seeds):
            raise Busy(
                f"{self.root}: another process is at {len(left)} of the runs; the same command"
                " answers when they are done"
            )

    def measure(self, split: str) -> str:
        """`split`, or ``value`` where the task is a problem that has no items to be fitted to."""
        if problems.named(self.first["task"]) and _is_exact(self.first):
            return "value"
        return split

    def values(self, seeds: Sequence[int], measure: str) -> dict[str, dict[int, float]]:
        """By strategy and seed the hypervolume by `measure`; judges the runs where that takes it."""
        if measure == "report":
            from suite.commands import judge

            folders = [self.folder(name, seed) for seed in seeds for name in self.names]
            self._check_budgets(seeds)
            if left := judge.judge_runs(self.first, folders):
                raise Busy(f"{left[0]}: another process is judging it; the same command goes on")
        of = self._reported if measure == "report" else self._searched
        return {name: {seed: of(name, seed) for seed in seeds} for name in self.names}

    def _check_budgets(self, seeds: Sequence[int]) -> None:
        """A front is judged as a whole: one of more trials cannot be cut to fewer."""
        for seed in seeds:
            for name in self.names:
                found = _lines(self.folder(name, seed) / "trials.jsonl")
                if found != self.trials:
                    raise BadInput(
                        f"{self.folder(name, seed)}: its front is that of {found} trials; on report"
                        f" items say trials={found}"
                    )

    def _journal(self, name: str, seed: int) -> list[Any]:
        from suite.records.journal import Journal

        return Journal(self.folder(name, seed) / "trials.jsonl").read()

    def _searched(self, name: str, seed: int) -> float:
        """Hypervolume of the first trials on search items, as many as the budget."""
        trials = self._journal(name, seed)[: self.trials]
        return _hypervolume([trial.losses for trial in trials if trial.losses])

    def _reported(self, name: str, seed: int) -> float:
        """Hypervolume of the judged front and the chosen merges on report items."""
        from suite.records.journal import records

        lines = records(self.folder(name, seed) / "judged.jsonl").read()
        by_split: dict[str, dict[int, list[float]]] = {"select": {}, "report": {}}
        for line in lines:
            by_split[line["split"]][line["number"]] = line["losses"]
        names = list(self.first["task"]["objectives"])
        trials = self._journal(name, seed)
        F = np.array([trial.losses or (math.nan,) * len(names) for trial in trials])
        counted = choice.counted(F, by_split["select"], names)
        return _hypervolume([v for n, v in by_split["report"].items() if n in counted])


def _hypervolume(losses: list[Any]) -> float:
    return pareto.hypervolume(losses) if losses else 0.0


def _lines(path: Path) -> int:
    return packed.content(path).count(b"\n")


def _is_judged(path: Path) -> bool:
    return b'"split":"report"' in packed.content(path)


def _is_exact(config: dict[str, Any]) -> bool:
    """Whether the problem says the same of a point on both splits, without an error."""
    problem = problems.build(config)
    middle = problem.space.decode([0.5] * problem.space.d)
    try:
        searched, reported = (problem.measure(middle, split) for split in ("search", "report"))
    except CandidateFailure:
        return False
    return searched == reported and all(score.stderr == 0.0 for score in searched.values())
