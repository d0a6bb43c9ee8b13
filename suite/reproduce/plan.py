"""`suite reproduce --dry-run`: what each row would cost, by metadata and counting; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from suite.assembly import assemble
from suite.checkpoints import compatibility
from suite.errors import BadInput
from suite.reproduce import card, models
from suite.reproduce.published import Figure, Row
from suite.reproduce.rows import Selected

UNKNOWN = "not known"


class Plan:
    """Costs of rows; a model's header is asked for once, however many rows need it."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._headers: dict[str, compatibility.Header | None] = {}
        self.notes: dict[str, None] = {}  # why something is not known, each once

    def show(self, selected: Iterable[Selected]) -> None:
        """Print a line per row, the total to download, and what is not known and why."""
        from suite.reproduce.table import console, table

        columns = ["row", "metrics", "download", "memory", "items", "tokens", "plan"]
        drawn = table("published rows: what they would cost", columns, right=(2, 3, 4, 5))
        for each in selected:
            items = self._items(each)
            for row in each.rows:
                drawn.add_row(*self._line(each, row, items))
        out = console()
        out.print(drawn)
        known = [header for header in self._headers.values() if header is not None]
        total = (
            compatibility.size(sum(header.download for header in known))
            if known
            else "nothing known"
        )
        if missing := len(self._headers) - len(known):
            total += f", and {missing} of {len(self._headers)} models {UNKNOWN}"
        out.print(
            f"to download in all: {total}; free: {compatibility.size(compatibility.disk_free())}"
        )
        out.print(
            "memory: weights alone, sources and live model; tokens: at most, times beams for VLMs;"
            " seconds are not known before a row has run"
        )
        for note in self.notes:
            out.print(f"note: {note}", soft_wrap=True)

    def _line(self, selected: Selected, row: Row, items: dict[str, int]) -> list[str]:
        title = f"{selected.task.name}/{row.name}"
        metrics = "\n".join(dict.fromkeys(figure.metric for figure in row.figures))
        asked = selected.figures(row)
        why = "; ".join(dict.fromkeys(f.why_not for f in row.figures if f.why_not and asked == {}))
        if not asked:
            return [title, metrics, "–", "–", "–", "–", f"not comparable: {why}"]
        headers = [self._header(model) for model in models.named(selected, row).values()]
        known = [header for header in headers if header is not None]
        whole = len(known) == len(headers)
        download = compatibility.size(sum(h.download for h in known)) if whole else UNKNOWN
        memory = compatibility.size(self._memory(selected, row, known)) if whole else UNKNOWN
        counts = [self._count(selected, items, name, asked[name]) for name in asked]
        if all(n for n, _ in counts):
            told = [f"{sum(n for n, _ in counts):,}", f"{sum(n * most for n, most in counts):,}"]
        else:
            told = [UNKNOWN, UNKNOWN]
        label = "to be measured" if self._limit is None else f"subset of {self._limit}"
        return [title, metrics, download, memory, *told, label]

    def _count(
        self, selected: Selected, items: dict[str, int], name: str, figures: list[Figure]
    ) -> tuple[int, int]:
        """Items of an evaluator, the published number where the data are not here, else 0.

        With them the most new tokens of one.
        """
        targets = selected.task.evaluators.values()
        most = next(int(t.options.get("max_new_tokens", 0)) for t in targets if t.name == name)
        said = figures[0].items or 0
        return items.get(name, said if self._limit is None else min(said, self._limit)), most

    def _items(self, selected: Selected) -> dict[str, int]:
        """Items by evaluator; none where the data are not here, which is noted."""
        try:
            evaluators: Sequence[Any] = assemble.evaluators(selected.run)
        except BadInput as error:
            self.notes[str(error)] = None
            return {}
        return {
            each.name: len(card.asked_items(each, self._limit))
            for each in evaluators
            if hasattr(each, "answers")
        }

    def _header(self, model: str) -> compatibility.Header | None:
        if model not in self._headers:
            try:
                self._headers[model] = compatibility.read(model, model)
            except BadInput as error:
                self._headers[model] = None
                self.notes[str(error)] = None
        return self._headers[model]

    @staticmethod
    def _memory(selected: Selected, row: Row, headers: list[compatibility.Header]) -> int:
        """Bytes of the weights: one model as it is, or all sources and the live model."""
        task = selected.task
        if models.as_it_is(selected, row):
            return models.live(headers[0], task.dtype)
        by_name = dict(zip(task.models, headers, strict=True))
        live = models.live(by_name[task.vlm or task.base], task.dtype)
        return (0 if selected.run.merging.streamed else sum(h.bytes for h in headers)) + live
