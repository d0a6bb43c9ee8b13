"""Models measured on the items that no search saw, each once: the lines of judged.jsonl.

A line is one model on one split. Every opening of the report items is thereby written down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from suite.records.journal import JsonLines
from suite.records.judged import Line
from suite.records.picture_names import picture_name

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

    def measure(self, identity: Mapping[str, Any], recipe: Any, split: str) -> Line:
        """The line of a model on ``select`` or ``report``.

        Parameters
        ----------
        identity : mapping
            ``source``, ``name`` and ``number`` of the model, and whatever else a new line shall hold.
        recipe : recipe
            What the model is; another one under the same name is another model.
        split : str
            On whose items.
        """
        known = {**identity, "recipe": recipe.to_json(), "split": split}
        if (there := self._lines.get(_key(known))) is not None:
            return there
        scores = self._task.measure(recipe, split).scores
        line = {
            **known,
            "scores": {key: score.to_json() for key, score in scores.items()},
            "losses": self._task.losses(scores).tolist(),
            "samples": self._samples() if split == "report" else [],
        }
        self._file.append(line)
        self._lines[_key(line)] = line
        return line

    def _samples(self) -> list[dict[str, Any]]:
        """The live model's answers to the first report items of every generating evaluator.

        A picture that the file holds already is only named.
        """
        rows = []
        for evaluator in self._task.evaluators:
            if not hasattr(evaluator, "samples"):
                continue
            for sample in evaluator.samples(self._task.handle, "report", SAMPLES):
                row = {
                    "prompt": sample.prompt,
                    "reply": sample.reply,
                    "expected": sample.expected,
                    "outcome": min(sample.outcome.values()),
                }
                # Evaluators that are not ours may have samples of their own make.
                if picture := getattr(sample, "picture", None):
                    name = picture_name(picture)
                    row["evaluator"] = evaluator.name
                    row["outcomes"] = sample.outcome
                    row["picture"] = name if name in self._pictures else picture
                    self._pictures.add(name)
                rows.append(row)
        return rows


def _key(line: Mapping[str, Any]) -> tuple[str, str, str]:
    recipe = json.dumps(line["recipe"], sort_keys=True, separators=(",", ":"))
    return str(line["name"]), str(line["split"]), recipe


def _pictures(line: Mapping[str, Any]) -> list[str]:
    return [
        picture_name(str(sample["picture"]))
        for sample in line.get("samples") or ()
        if "picture" in sample
    ]
