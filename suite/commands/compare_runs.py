"""The runs behind a claim: which there are, making those that are missing, and what each came to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np

from suite.assembly import compose, identity, problems, spaces
from suite.assembly.spec import RunSpec
from suite.commands import run
from suite.errors import BadInput, Busy, CandidateFailure
from suite.records.folder import RunFolder
from suite.records.task_folder import TaskFolder
from suite.statistics import choice, pareto
from suite.statistics.claim import Claim

Seen = dict[str, list[dict[str, Any]]]


class Runs:
    """Both strategies' runs; `overrides` are those of `suite run`."""

    def __init__(self, claim: Claim, overrides: Sequence[str]) -> None:
        self.names = (claim.better, claim.other)
        self._words = [*overrides, f"task={claim.task}"]
        self._specs: dict[tuple[str, int], RunSpec] = {}
        self.first = self.spec(claim.better, 0)
        self.spec(claim.other, 0)  # a strategy that is not known is found out here
        self.trials = self.first.trials
        self.results = TaskFolder.at(self.first.results, self.first.task.name)

    def spec(self, name: str, seed: int) -> RunSpec:
        """What one run is."""
        if (name, seed) not in self._specs:
            words = [*self._words, f"optimizer={name}", f"seed={seed}"]
            self._specs[name, seed] = compose.compose(words)
        return self._specs[name, seed]

    def used(self) -> set[int]:
        """Seeds that a run of either strategy has."""
        return {seed for name in self.names for seed in self.results.seeds(name)}

    def seen(self) -> Seen:
        """The runs there are: by strategy, rows of seeds that agree in trials and in being judged."""
        found: Seen = {}
        for name in self.names:
            rows: dict[tuple[int, bool], list[int]] = {}
            for seed in self.results.seeds(name):
                folder = self.results.run(name, seed)
                key = folder.trial_count(), folder.is_judged()
                rows.setdefault(key, []).append(seed)
            found[name] = [
                {"seeds": seeds, "trials": trials, "judged": judged}
                for (trials, judged), seeds in rows.items()
            ]
        return found

    def check_settings(self) -> None:
        """`BadInput` when a strategy's runs that are there were made under other settings."""
        for name in self.names:
            for seed in self.results.seeds(name)[:1]:
                folder = self.results.run(name, seed)
                if folder.begun:
                    before = RunSpec.of(folder)
                    now = spaces.with_picked_parts(identity.pinned(self.spec(name, seed)))
                    before.check_same(now.changed(inputs=before.inputs), folder)

    def missing(self, seeds: Iterable[int]) -> list[tuple[str, int]]:
        """The runs that do not have all their trials, seed by seed."""
        return [
            (name, seed)
            for seed in seeds
            for name in self.names
            if self.results.run(name, seed).trial_count() < self.trials
        ]

    def minutes(self, missing: Sequence[tuple[str, int]]) -> float:
        """How long they will take, judged by the first run there is of each strategy; NaN without."""
        known = []
        for name in self.names:
            for seed in self.results.seeds(name)[:1]:
                trials = self.results.run(name, seed).trials()
                known += [t.seconds["total"] for t in trials if t.status == "ok"]
        return len(missing) * self.trials * median(known) / 60 if known else math.nan

    def make(self, seeds: Sequence[int]) -> None:
        """Make or finish every run; `Busy` in the end when another process is at some of them."""
        wanted = self.missing(seeds)
        for number, (name, seed) in enumerate(wanted, start=1):
            print(f"\nrun {number} of {len(wanted)}: {name}, seed {seed}", flush=True)
            try:
                run.run(self.spec(name, seed))
            except Busy as busy:
                print(f"{busy}: passed over")
        if left := self.missing(seeds):
            raise Busy(
                f"{self.results}: another process is at {len(left)} of the runs; the same command"
                " answers when they are done"
            )

    def measure(self, split: str) -> str:
        """`split`, or ``value`` where the task is a problem that has no items to be fitted to."""
        if self.first.task.problem is not None and _is_exact(self.first):
            return "value"
        return split

    def values(self, seeds: Sequence[int], measure: str) -> dict[str, dict[int, float]]:
        """By strategy and seed the hypervolume by `measure`; judges the runs where that takes it."""
        if measure == "report":
            from suite.commands import judge

            runs = [self.results.run(name, seed) for seed in seeds for name in self.names]
            self._check_budgets(runs)
            if left := judge.judge_runs(self.first, runs):
                raise Busy(f"{left[0]}: another process is judging it; the same command goes on")
        of = self._reported if measure == "report" else self._searched
        return {name: {seed: of(name, seed) for seed in seeds} for name in self.names}

    def _check_budgets(self, runs: Iterable[RunFolder]) -> None:
        """A front is judged as a whole: one of more trials cannot be cut to fewer."""
        for folder in runs:
            if (found := folder.trial_count()) != self.trials:
                raise BadInput(
                    f"{folder}: its front is that of {found} trials; on report items say"
                    f" trials={found}"
                )

    def _searched(self, name: str, seed: int) -> float:
        """Hypervolume of the first trials on search items, as many as the budget."""
        trials = self.results.run(name, seed).trials()[: self.trials]
        return _hypervolume([trial.losses for trial in trials if trial.losses])

    def _reported(self, name: str, seed: int) -> float:
        """Hypervolume of the judged front and the chosen merges on report items."""
        folder = self.results.run(name, seed)
        by_split: dict[str, dict[int, list[float]]] = {"select": {}, "report": {}}
        for line in folder.judged.read():
            by_split[line["split"]][line["number"]] = line["losses"]
        names = [objective.name for objective in self.first.task.objectives]
        trials = folder.trials()
        F = np.array([trial.losses or (math.nan,) * len(names) for trial in trials])
        counted = choice.counted(F, by_split["select"], names)
        return _hypervolume([v for n, v in by_split["report"].items() if n in counted])


def _hypervolume(losses: list[Any]) -> float:
    return pareto.hypervolume(losses) if losses else 0.0


def _is_exact(run: RunSpec) -> bool:
    """Whether the problem says the same of a point on both splits, without an error."""
    problem = problems.build(run)
    middle = problem.space.decode([0.5] * problem.space.d)
    try:
        searched, reported = (problem.measure(middle, split) for split in ("search", "report"))
    except CandidateFailure:
        return False
    return searched == reported and all(score.stderr == 0.0 for score in searched.values())
