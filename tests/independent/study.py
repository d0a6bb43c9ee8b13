"""What a task's result files say, read once: trials, judged merges, the hand tuning, what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tests.independent import indicators, journals
from tests.independent.choices import candidates, choose
from tests.independent.journals import Array, Objective

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
CONTROLS = ("random_donor",)  # baselines that nobody would tune by hand begin so


@dataclass(frozen=True)
class Merge:
    """A merge that was measured on one split: its outcomes by objective, and their means."""

    name: str
    number: int | None
    split: str
    stage: str
    outcomes: tuple[Array, ...]
    scores: tuple[float, ...]
    losses: tuple[float, ...]
    written: tuple[float, ...]
    single: bool
    metrics: dict[str, tuple[float, float, int]]


@dataclass(frozen=True)
class Run:
    """One strategy on one task with one seed."""

    folder: Path
    objectives: tuple[Objective, ...]

    @cached_property
    def _lines(self) -> list[dict[str, Any]]:
        """The trials without what is large and not asked for."""
        kept = []
        for line in journals.trials(self.folder / "trials.jsonl"):
            scores = line["scores"]
            values = [journals.score(scores, o.metric) for o in self.objectives] if scores else None
            tokens = sum(s["value"] * s["n"] for k, s in scores.items() if k.endswith(".tokens"))
            line = {k: line[k] for k in ("number", "status", "losses", "seconds")}
            kept.append({**line, "values": values, "tokens": tokens})
        return kept

    @cached_property
    def losses(self) -> Array:
        """Losses of all trials (n, m) from their outcomes; failed ones are nan."""
        rows = [
            [float(o.loss(v)) for o, v in zip(self.objectives, line["values"], strict=True)]
            if line["status"] == "ok"
            else [np.nan] * len(self.objectives)
            for line in self._lines
        ]
        return journals.stack(rows, len(self.objectives))

    @cached_property
    def written(self) -> Array:
        """The losses as the journal has them."""
        empty = [np.nan] * len(self.objectives)
        rows = [li["losses"] if li["status"] == "ok" else empty for li in self._lines]
        return journals.stack(rows, len(self.objectives))

    @property
    def failures(self) -> int:
        return sum(line["status"] != "ok" for line in self._lines)

    @property
    def tokens(self) -> float:
        return float(sum(line["tokens"] for line in self._lines))

    @property
    def seconds(self) -> float:
        """Median over trials that did not fail."""
        return float(
            np.median([li["seconds"]["total"] for li in self._lines if li["status"] == "ok"])
        )

    @cached_property
    def curve(self) -> Array:
        return indicators.anytime(self.losses)

    @cached_property
    def judged(self) -> list[Merge]:
        path = self.folder / "judged.jsonl"
        return merges(path, self.objectives) if journals.is_there(path) else []

    @cached_property
    def _splits(self) -> dict[str, dict[int, Merge]]:
        return {split: self._split(split) for split in ("select", "report")}

    def split(self, split: str) -> dict[int, Merge]:
        """The judged merges on the select or the report items, by trial."""
        return self._splits[split]

    def _split(self, split: str) -> dict[int, Merge]:
        return {m.number: m for m in self.judged if m.split == split and m.number is not None}

    def chosen(self, trials: int | None = None) -> dict[str, int]:
        """By rule the chosen trial, as the run was after so many; {} if that was not judged.

        Runs judged by an older rule have their fronts on select items alone: at the run's end that
        counts, earlier it does not, since what would have been chosen is then not known.
        """
        asked = candidates(self.losses[:trials])
        select = {n: m.losses for n, m in self.split("select").items()}
        known = [n for n in asked if n in select]
        if not known or (trials is not None and len(known) < len(asked)):
            return {}
        names = [o.name for o in self.objectives]
        return choose({n: list(select[n]) for n in known}, names)

    @cached_property
    def counted(self) -> list[int]:
        """Trials that are the run's result on report items: its search front, and what it chose.

        Merges that were judged only for being chosen at an earlier cost do not count.
        """
        asked = set(indicators.front(self.losses)) | set(self.chosen().values())
        return sorted(asked & set(self.split("report")))

    @property
    def is_judged(self) -> bool:
        """Whether its whole search front is measured on the report items, equal losses once."""
        done = {tuple(self.losses[n]) for n in self.split("report")}
        return {tuple(self.losses[n]) for n in indicators.front(self.losses)} <= done

    @cached_property
    def report_losses(self) -> Array:
        """Losses of these on report items (n, m)."""
        report = self.split("report")
        return journals.stack([list(report[n].losses) for n in self.counted], len(self.objectives))


def merges(path: Path, objectives: tuple[Objective, ...]) -> list[Merge]:
    """The merges of a judged.jsonl with their losses computed anew."""
    found = []
    for line in journals.lines(path):
        scores = line["scores"]
        values = tuple(journals.score(scores, o.metric) for o in objectives)
        found.append(
            Merge(
                name=line["name"],
                number=line["number"],
                split=line["split"],
                stage=line.get("stage", ""),
                outcomes=tuple(journals.outcomes(scores[o.metric]) for o in objectives),
                scores=values,
                losses=tuple(float(o.loss(v)) for o, v in zip(objectives, values, strict=True)),
                written=tuple(line["losses"]),
                single=len(line["recipe"].get("inputs", line["recipe"].get("hops", []))) == 1,
                metrics={k: (s["value"], s["stderr"], s["n"]) for k, s in scores.items()},
            )
        )
    return found


@dataclass(frozen=True)
class HandTuning:
    """What a careful person tried before any search, in stages."""

    stages: dict[str, int]
    select: dict[int, Merge]
    report: dict[int, Merge]
    names: list[str]

    @property
    def cost(self) -> int:
        return sum(self.stages.values())

    def chosen(self, stage: str | None = None) -> dict[str, Merge]:
        """By rule what would be taken home after a stage, all before it included."""
        names = list(self.stages)
        allowed = names if stage is None else names[: names.index(stage) + 1]
        seen = {n: list(m.losses) for n, m in self.select.items() if m.stage in allowed}
        return {rule: self.report[n] for rule, n in choose(seen, self.names).items()}


@dataclass(frozen=True)
class Task:
    """All runs of a task, its baselines and its hand tuning."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        first = next(iter(next(iter(journals.runs(self.folder).values())).values()))
        return tuple(journals.objectives(first))

    @cached_property
    def runs(self) -> dict[str, dict[int, Run]]:
        return {
            name: {seed: Run(path, self.objectives) for seed, path in by.items()}
            for name, by in journals.runs(self.folder).items()
        }

    @cached_property
    def baselines(self) -> dict[str, Merge]:
        path = self.folder / "baselines" / "judged.jsonl"
        return {m.name: m for m in merges(path, self.objectives) if m.split == "report"}

    @cached_property
    def tuned(self) -> HandTuning | None:
        folder = self.folder / "hand_tuned"
        if not (folder / "rule.yaml").is_file():
            return None
        stages = journals.yaml((folder / "rule.yaml").read_text(encoding="utf-8"))["stages"]
        all_ = merges(folder / "judged.jsonl", self.objectives)
        by = {
            split: {m.number: m for m in all_ if m.split == split and m.number is not None}
            for split in ("select", "report")
        }
        names = [o.name for o in self.objectives]
        return HandTuning(stages, by["select"], by["report"], names)

    @cached_property
    def reference(self) -> Array:
        path = self.folder / "reference_front.json"
        return np.array(journals.document(path)["losses"], dtype=float)

    def compared(self, rule: str) -> Merge | None:
        """The merge by hand that a chosen one is compared with: the rule's own of the hand tuning.

        Without one it is, of the baselines, the best on these very report items; for the knee, which
        baselines that were not searched together do not have, that of the least mean loss.
        """
        return self._compared.get(rule)

    @cached_property
    def _compared(self) -> dict[str, Merge]:
        if self.tuned is not None:
            return self.tuned.chosen()
        names = [o.name for o in self.objectives]
        by = dict(enumerate(m for m in self.baselines.values() if by_hand(m)))
        if not by:
            return {}
        chosen = choose({n: list(m.losses) for n, m in by.items()}, names)
        return {r: by[chosen["utility" if r == "knee" else r]] for r in chosen}


def by_hand(merge: Merge) -> bool:
    """Whether a baseline is a merge that somebody would make: no parent, and no control."""
    return not merge.single and not merge.name.startswith(CONTROLS)


@cache
def task(name: str, results: Path = RESULTS) -> Task:
    """The task's files, each read once a process."""
    return Task(results / name)
