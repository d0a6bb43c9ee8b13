"""`suite judge`: measure what searches found, and the baselines, on items no search saw.

A run's candidates are its front and the best trials of each objective (on search items). They are
re-measured once on the select items; the best there, per objective, is what the run *chose*. The
front and the chosen are then measured on the report items, as are all baselines. Everything is
appended to judged.jsonl, which thereby records every opening of the report items. Judging is slow
and independent per run: start the command once per core and each takes the runs that are free.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from suite import places
from suite.commands import assemble, card, compose, spaces
from suite.errors import BadInput

CANDIDATES = 10  # best trials per objective that are re-ranked beside the front
SAMPLES = 12  # answers kept per model and evaluator, for people to read


def main(words: list[str]) -> None:
    """Judge every run of ``task=… results=…``, then its baselines; continues where it stopped."""
    config = compose.compose(words[1:])
    root = Path(config["results"]) / config["task"]["name"]
    runs = sorted(path.parent for path in root.glob("*/seed=*/config.yaml"))
    if not runs:
        raise BadInput(f"{root}: no runs to judge; make one with suite run")
    judge, baselines = _ready(config, runs)
    with judge.bar:
        _each(judge, runs)
        places.make_writable(root / "baselines")
        with places.alone(root / "baselines") as alone:
            if alone:
                judge.baselines(root / "baselines", baselines)


def judge_runs(config: dict[str, Any], runs: list[Path]) -> list[Path]:
    """Judge `runs`, folders of one task, and nothing else; `config` is that of `suite judge`.

    Returns those that another process is judging, which are passed over. `BadInput` when their tasks
    differ, or they were made with other weights or items than are here.
    """
    judge, _ = _ready(config, runs)
    with judge.bar:
        return _each(judge, runs)


def _each(judge: Judge, runs: list[Path]) -> list[Path]:
    passed_over = []
    for run in runs:  # several judges may share them
        with places.alone(run) as alone:
            if alone:
                judge.run(run)
            else:
                passed_over.append(run)
    return passed_over


def _ready(config: dict[str, Any], runs: list[Path]) -> tuple[Judge, dict[str, Any]]:
    """A judge of the task that `runs` share, and the task's baselines."""
    root = runs[0].parent.parent
    stored = {
        run: yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")) for run in runs
    }
    first = stored[runs[0]]
    for run in runs:
        if (
            spaces.shared(stored[run]["task"]) != spaces.shared(first["task"])
            or stored[run]["inputs"] != first["inputs"]
        ):
            raise BadInput(f"{run}: its task differs from that of {runs[0]}; judge them apart")
    spec = dict(first["task"])
    spec["objectives"] = {entry["name"]: entry for entry in spec["objectives"]}
    config = {**config, "task": spec}
    assemble.folders(config)  # what another machine searched may have to be downloaded here
    if card.inputs(config) != first["inputs"]:
        raise BadInput(f"{root}: its runs were made with other weights or items than are here now")
    task = assemble.task(config)
    baselines = assemble.baselines(config)
    return Judge(task), baselines


class Judge:
    """Measures models of one task on its select and report items, each once."""

    def __init__(self, task: Any) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self.task = task
        self.bar = Progress(console=Console(stderr=True))

    def run(self, folder: Path) -> None:
        """Judge the run in `folder`."""
        from suite.journal import Journal
        from suite.layer_path import read_json
        from suite.progress import front_of

        trials = Journal(folder / "trials.jsonl").read()
        recipes = {trial.number: read_json(trial.recipe) for trial in trials}
        front = {trial.number for trial in front_of(trials, len(self.task.objectives))}
        ranked = sorted(front | self._best(trials))
        row = self.bar.add_task(f"{folder.parent.name} {folder.name}", total=2 * len(ranked))

        def losses(number: int, split: str, chosen: bool = False) -> list[float]:
            identity = {"source": "front", "name": f"trial {number}", "number": number}
            line = self._measure(folder, {**identity, "chosen": chosen}, recipes[number], split)
            self.bar.advance(row)
            found: list[float] = line["losses"]
            return found

        select = {number: losses(number, "select") for number in ranked}
        chosen = [
            min(ranked, key=lambda number: select[number][index])
            for index in range(len(self.task.objectives))
        ]
        reported = sorted(front | set(chosen))
        self.bar.update(row, total=len(ranked) + len(reported))
        for number in reported:
            losses(number, "report", chosen=number == chosen[0])

    def baselines(self, folder: Path, recipes: dict[str, Any]) -> None:
        """Judge the task's hand-tuned recipes on the report items."""
        for name, recipe in self.bar.track(recipes.items(), description="baselines"):
            identity = {"source": "baseline", "name": name, "number": None, "chosen": False}
            self._measure(folder, identity, recipe, "report")

    def _best(self, trials: list[Any]) -> set[int]:
        done = [trial for trial in trials if trial.status == "ok"]
        return {
            trial.number
            for index in range(len(self.task.objectives))
            for trial in sorted(done, key=lambda trial: trial.losses[index])[:CANDIDATES]
        }

    def _measure(
        self, folder: Path, identity: dict[str, Any], recipe: Any, split: str
    ) -> dict[str, Any]:
        """The line of judged.jsonl for a model on a split: read if it is there, else measured."""
        from suite import journal

        file = journal.records(folder / "judged.jsonl")
        known = {**identity, "recipe": recipe.to_json(), "split": split}
        for line in file.read():
            if known.items() <= line.items():
                return line
        scores = self.task.measure(recipe, split).scores
        line = {
            **known,
            "scores": {key: score.to_json() for key, score in scores.items()},
            "losses": self.task.losses(scores).tolist(),
            "samples": self._samples(file.read()) if split == "report" else [],
        }
        file.append(line)
        return line

    def _samples(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The live model's answers to the first report items of every generating evaluator.

        `lines` are those the file has: a picture that one of them holds is only named.
        """
        from suite.report.samples import digest

        known = {
            digest(str(sample["picture"]))
            for line in lines
            for sample in line["samples"]
            if "picture" in sample
        }
        rows = []
        for evaluator in self.task.evaluators:
            if not hasattr(evaluator, "samples"):
                continue
            for sample in evaluator.samples(self.task.handle, "report", SAMPLES):
                row = {
                    "prompt": sample.prompt,
                    "reply": sample.reply,
                    "expected": sample.expected,
                    "outcome": min(sample.outcome.values()),
                }
                # Evaluators that are not ours may have samples of their own make.
                if picture := getattr(sample, "picture", None):
                    name = digest(picture)
                    row["evaluator"] = evaluator.name
                    row["outcomes"] = sample.outcome
                    row["picture"] = name if name in known else picture
                    known.add(name)
                rows.append(row)
        return rows
