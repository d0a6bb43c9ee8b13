"""Models measured on the items that no search saw, each once: the lines of judged.jsonl.

A line is one model on one split. Every opening of the report items is thereby written down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from suite.errors import CandidateFailure
from suite.records.journal import JsonLines
from suite.records.judged import Line
from suite.records.picture_names import picture_name
from suite.records.trial import plain_number
from suite.search import measuring
from suite.search.measuring import Failure, attempt

SAMPLES = 12  # answers kept per model and evaluator, for people to read


class Judged:
    """A judged.jsonl that grows: `measure` reads the line that is there, or measures and appends it.

    Parameters
    ----------
    task : Task
        Whose models are measured.
    file : JsonLines
        judged.jsonl, in a folder that exists (`suite.records.judged`). It is read once.
    """

    def __init__(self, task: Any, file: JsonLines[Line]) -> None:
        self._task = task
        self._file = file
        lines = self._file.read()
        self._lines = {_key(line): line for line in lines}
        self._pictures = {name for line in lines for name in _pictures(line)}

    def measure(self, identity: Mapping[str, Any], recipe: Any, split: str) -> Line | Failure:
        """The line of a model on ``select`` or ``report``, or why there is none: nothing is written then.

        Parameters
        ----------
        identity : mapping
            ``source``, ``name`` and ``number`` of the model, and whatever else a new line shall hold.
        recipe : recipe
            What the model is; another one under the same name is another model.
        split : str
            On whose items.

        Returns
        -------
        dict or Failure
            The whole line, as it is in the file. A model that could not be measured is measured again
            by whoever asks next.
        """
        known = {**identity, "recipe": recipe.to_json(), "split": split}
        if (there := self._lines.get(_key(known))) is not None:
            return there
        line = attempt(lambda: self._measured(known, recipe))
        if isinstance(line, Failure):
            return line
        self._file.append(line)
        self._lines[_key(line)] = line
        self._pictures.update(_pictures(line))
        return line

    def _measured(self, known: Mapping[str, Any], recipe: Any) -> Line:
        found = measuring.measure(self._task, recipe, known["split"])
        return {
            **known,
            "scores": {key: score.to_json() for key, score in found.scores.items()},
            "losses": [*found.losses],
            "samples": self._samples() if known["split"] == "report" else [],
        }

    def _samples(self) -> list[dict[str, Any]]:
        """The live model's answers to the first report items of every generating evaluator.

        A picture that the file holds already is only named.
        """
        rows, pictures = [], {*self._pictures}
        for evaluator in self._task.evaluators:
            if not hasattr(evaluator, "samples"):
                continue
            for sample in evaluator.samples(self._task.handle, "report", SAMPLES):
                outcomes = _plain(sample.outcome, evaluator.name)
                row = {
                    "prompt": sample.prompt,
                    "reply": sample.reply,
                    "expected": sample.expected,
                    "outcome": min(outcomes.values()),
                }
                # Evaluators that are not ours may have samples of their own make.
                if picture := getattr(sample, "picture", None):
                    name = picture_name(picture)
                    row["evaluator"] = evaluator.name
                    row["outcomes"] = outcomes
                    row["picture"] = name if name in pictures else picture
                    pictures.add(name)
                rows.append(row)
        return rows


def _plain(outcome: Mapping[str, Any], evaluator: str) -> dict[str, float]:
    """A sample's outcomes by figure, in numbers that JSON knows."""
    try:
        return {figure: plain_number(value, figure) for figure, value in outcome.items()}
    except ValueError as error:
        raise CandidateFailure(f"a sample of evaluator {evaluator!r}: {error}") from None


def _key(line: Mapping[str, Any]) -> tuple[str, str, str]:
    recipe = json.dumps(line["recipe"], sort_keys=True, separators=(",", ":"))
    return str(line["name"]), str(line["split"]), recipe


def _pictures(line: Mapping[str, Any]) -> list[str]:
    """Names of the pictures in a line; one that is only named there has been seen before."""
    return [
        picture_name(str(sample["picture"]))
        for sample in line.get("samples") or ()
        if "picture" in sample
    ]
