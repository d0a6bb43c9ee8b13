"""`suite reproduce`: the published scores measured again, each with a verdict.

Every reply is on disk as soon as its batch is done, in ``<results>/published/<task>/<row>/``: a
command that was stopped continues where it was. A row that cannot be measured says why; the others
are measured all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from suite.assembly import assemble
from suite.errors import BadInput
from suite.records import files
from suite.reproduce import card, rows
from suite.reproduce import models as reproduce_models
from suite.reproduce.published import Figure, Row
from suite.reproduce.rows import Selected


def main(words: list[str]) -> None:
    """Measure the rows of ``[task=…] [only=[…]] [limit_items=N]``, or say what that costs."""
    asked = rows.read(words[1:])
    selected = rows.select(asked)
    for each in selected:
        for row in each.rows:
            each.figures(row)
    if asked.dry:
        from suite.reproduce.plan import Plan

        Plan(asked.limit).show(selected)
        return
    runs = [Reproduction(each, asked.limit) for each in selected]
    entries = [entry for each in runs for entry in each.entries()]
    from suite.reproduce import table

    table.show(entries, asked.limit)
    if failed := [entry for entry in entries if entry["not_run"]]:
        raise BadInput(
            f"{len(failed)} of {len(entries)} rows not run; {failed[0]['row']}:"
            f" {failed[0]['not_run']}; the same command tries again"
        )


class Reproduction:
    """The published rows of one task; `BadInput` at once where its items or scorers are not here."""

    def __init__(self, selected: Selected, limit: int | None) -> None:
        self._selected, self._limit = selected, limit
        self._needed = {row.name: selected.figures(row) for row in selected.rows}
        self._evaluators: dict[str, Any] = {}
        if any(self._needed.values()):
            self._evaluators = {each.name: each for each in assemble.evaluators(selected.run)}
            assemble.device(selected.run.device)
        for row in selected.rows:
            self._check(row)
        self._models = reproduce_models.Models(selected)

    def _check(self, row: Row) -> None:
        """Refuse figures that the evaluators do not give."""
        for name, figures in self._needed[row.name].items():
            evaluator = self._evaluators[name]
            if not hasattr(evaluator, "answers"):
                raise BadInput(f"{row.file}: evaluator {name!r} keeps no replies to items")
            known = [f"{name}.{each}" for each in evaluator.figures]
            for figure in figures:
                if figure.metric not in known:
                    raise BadInput(
                        f"{row.file}: no metric {figure.metric!r}; there are {', '.join(known)}"
                    )

    def entries(self) -> Iterator[dict[str, Any]]:
        """What verdict.json holds of each row, in order; `not_run` is why a row has none."""
        # Models as they are first: the task's own sources then stay in memory from merge to merge.
        order = sorted(
            self._selected.rows,
            key=lambda row: not reproduce_models.as_it_is(self._selected, row),
        )
        try:
            for row in order:
                yield self._entry(row)
        finally:
            self._models.release()

    def _entry(self, row: Row) -> dict[str, Any]:
        if not self._needed[row.name]:
            return self._judged(row, {}, 0.0)
        try:
            return self._measured(row)
        except BadInput as error:
            reason = f"{error}{_licence(str(error), self._selected, row)}"
            _say(f"{row.name}: not run: {reason}")
            return {**self._judged(row, {}, 0.0, reason), "not_run": reason}

    def _measured(self, row: Row) -> dict[str, Any]:
        from suite.reproduce.replies import Replies

        selected, end = self._selected, card.suffix(self._limit)
        folder = self._folder(row.name)
        files.make_writable(folder)
        with files.alone(folder) as alone:
            if not alone:
                raise BadInput(f"{folder}: another process is at this row")
            evaluators = [self._evaluators[name] for name in self._needed[row.name]]
            asked = reproduce_models.named(selected, row)
            models = card.pinned(asked, self._folder())
            now = card.what(selected, row, asked, models, evaluators, self._limit)
            path = folder / f"card{end}.json"
            kept = [folder / f"{each.name}{end}.jsonl" for each in evaluators]
            begun = any(file.exists() for file in kept)
            card.begin(path, now, selected.run.device, self._models.batch_size, begun)
            replies = [
                Replies(file, each, card.asked_items(each, self._limit))
                for file, each in zip(kept, evaluators, strict=True)
            ]
            self._complete(row, models, replies)
            scores = {
                f"{each.evaluator.name}.{figure}": score
                for each in replies
                for figure, score in each.evaluator.scores(each.answers()).items()
            }
            entry = self._judged(row, scores, sum(each.seconds for each in replies))
            text = json.dumps(entry, indent=1, ensure_ascii=False) + "\n"
            files.write_whole(folder / f"verdict{end}.json", text)
            return entry

    def _complete(self, row: Row, models: dict[str, str], replies: list[Any]) -> None:
        """Have the missing replies given; without any the model is not even loaded."""
        from rich.console import Console
        from rich.progress import Progress

        if not any(each.missing for each in replies):
            return
        handle = self._loaded(row, models)
        with Progress(console=Console(stderr=True)) as bar:
            for each in replies:
                total = len(each.items)
                name = f"{row.name} {each.evaluator.name}"
                line = bar.add_task(name, total=total, completed=total - each.missing)
                each.complete(handle, _say, lambda n, line=line: bar.advance(line, n))
        self._models.batch_size = handle.batch_size  # what fitted; the next model is as large

    def _loaded(self, row: Row, models: dict[str, str]) -> Any:
        import torch

        from suite.merging.merger import MergeFailure

        try:
            return self._models.handle(row, models)
        except torch.OutOfMemoryError:
            pass  # answered below, where nothing holds on to the tensors any more
        except MergeFailure as error:
            raise BadInput(f"the merge failed: {error}") from None
        self._models.release()
        raise BadInput(
            "out of GPU memory while loading; merging.streamed=true leaves sources outside, and"
            " --dry-run counts what is needed"
        )

    def _judged(
        self, row: Row, scores: Mapping[str, Any], seconds: float, reason: str | None = None
    ) -> dict[str, Any]:
        needed = {f.metric for figures in self._needed[row.name].values() for f in figures}
        told = {figure: [s.value, s.stderr, s.n] for figure, s in scores.items()}
        return {
            "task": self._selected.task.name,
            "row": row.name,
            "subset": self._limit,
            "figures": [
                _figure(f, scores, self._limit, reason if f.metric in needed else None)
                for f in row.figures
            ],
            "scores": told,
            "seconds": seconds,
            "not_run": None,
        }

    def _folder(self, row: str = "") -> Path:
        return card.folder_of(self._selected.run.results, self._selected.task.name, row)


def _figure(
    figure: Figure, scores: Mapping[str, Any], subset: int | None, reason: str | None
) -> dict[str, Any]:
    from suite.reproduce.verdict import compare

    score = scores.get(figure.metric)
    counted = None if score is None or subset is None else score.n  # a data set may have fewer
    found = compare(figure, score, counted, reason)
    mean = scores.get(figure.metric.removesuffix("_median"))
    return {
        "metric": figure.metric,
        "published": figure.value,
        "source": figure.source,
        "protocol": figure.protocol,
        "sigma": figure.sigma,
        "measured": None if score is None else score.value,
        "mean": mean.value if mean is not None and mean is not score else None,
        "stderr": found.stderr,
        "n": None if score is None else score.n,
        "difference": found.difference,
        "sigmas": found.sigmas,
        "verdict": found.words,
    }


def _licence(reason: str, selected: Selected, row: Row) -> str:
    """Of a model that is gated, the licence to accept and where, as far as the Hub says it."""
    if "gated (" not in reason:
        return ""
    from suite.checkpoints import hub
    from suite.reproduce.access import licence

    models = reproduce_models.named(selected, row).values()
    names = [found[0] for model in models if (found := hub.parse(model)) and found[0] in reason]
    return "".join(f" ({licence(name)})" for name in names[:1])


def _say(text: str) -> None:
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"suite: {text}")
