"""What the page shows besides numbers: answers side by side, and what the runs were made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suite.report.load.results import Judged, Results, Sample
from suite.report.load.samples import Thumbnail, thumbnail
from suite.report.rows.headline import best_baseline

SIGNS = {"right": "✓", "partly right": "~", "wrong": "✗", "": ""}


@dataclass(frozen=True)
class Reply:
    """One model's answer.

    Attributes
    ----------
    model : str
    kind : {"searched", "hand-tuned", "single model"}
    sample : Sample
    """

    model: str
    kind: str
    sample: Sample

    @property
    def verdict(self) -> str:
        """right, partly right or wrong; empty for an outcome that is no share."""
        outcome = self.sample.outcome
        if not 0 <= outcome <= 1:
            return ""
        return {1.0: "right", 0.0: "wrong"}.get(outcome, "partly right")

    @property
    def sign(self) -> str:
        """The verdict as one letter."""
        return SIGNS[self.verdict]


@dataclass(frozen=True)
class Question:
    """One report item, and the answers of several models to it.

    Attributes
    ----------
    prompt, expected : str
    picture : Thumbnail or None
        What was to be seen.
    replies : tuple of Reply
    """

    prompt: str
    expected: str
    picture: Thumbnail | None
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class Sheet:
    """The questions of one evaluator, as they were recorded.

    Attributes
    ----------
    evaluator : str
        Empty where unknown.
    questions : tuple of Question
    """

    evaluator: str
    questions: tuple[Question, ...]

    @property
    def pictured(self) -> bool:
        """Whether some question has a picture."""
        return any(question.picture for question in self.questions)

    @property
    def graded(self) -> bool:
        """Whether some answer's figure is more than right or wrong."""
        return any(
            value not in (0, 1)
            for question in self.questions
            for reply in question.replies
            for value in (reply.sample.outcome, *dict(reply.sample.figures).values())
        )

    def mark(self, reply: Reply) -> str:
        """Write an answer's sign, with its outcome where the sign does not tell it.

        Parameters
        ----------
        reply : Reply

        Returns
        -------
        str
        """
        outcome = f"{reply.sample.outcome:.2f}" if self.graded else ""
        return f"{reply.sign} {outcome}".strip()

    def figures(self, reply: Reply) -> list[str]:
        """Write an answer's figures by name, where they are not all the same.

        Parameters
        ----------
        reply : Reply

        Returns
        -------
        list of str
        """
        figures, digits = reply.sample.figures, 2 if self.graded else 0
        if all(value == reply.sample.outcome for _, value in figures):
            return []
        return [f"{name} {value:.{digits}f}" for name, value in figures]


@dataclass(frozen=True)
class AnswerRow:
    """One model's answer to one report item: a line of ``answers.csv``.

    Attributes
    ----------
    evaluator : str
    item : int
        The item's place among those shown of the evaluator, from 1.
    prompt, expected : str
    model, kind : str
        As `Reply` has them.
    reply : str
    outcome : float
        The least of the `figures`.
    figures : tuple of str
        Each written as ``name=value``.
    """

    evaluator: str
    item: int
    prompt: str
    expected: str
    model: str
    kind: str
    reply: str
    outcome: float
    figures: tuple[str, ...]


@dataclass(frozen=True)
class CardLine:
    """One fact about the runs.

    Attributes
    ----------
    key : str
        Dotted.
    values : tuple of (str, int)
        Its values, and how many runs have each.
    """

    key: str
    values: tuple[tuple[str, int], ...]


def sheets(results: Results) -> list[Sheet]:
    """Put the best chosen merge's answers beside the best hand-tuned merge's and the single models'.

    The best is the chosen merge with the least first loss on the report items.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Sheet
        One per evaluator, with its questions in the order they were recorded in, none left out; a model
        that lacks one is left out of it. Empty where no answers of a chosen merge are recorded.
    """
    replies = [(name, kind, _numbered(model.samples)) for name, kind, model in _models(results)]
    if not replies:
        return []
    by_evaluator: dict[str, list[Question]] = {}
    for key, sample in replies[0][2].items():
        given = tuple(Reply(name, kind, by[key]) for name, kind, by in replies if key in by)
        evaluator = next((r.sample.evaluator for r in given if r.sample.evaluator), "")
        picture = thumbnail(sample.picture) if sample.picture else None
        question = Question(sample.prompt, sample.expected, picture, given)
        by_evaluator.setdefault(evaluator, []).append(question)
    return [Sheet(evaluator, tuple(questions)) for evaluator, questions in by_evaluator.items()]


def _models(results: Results) -> Iterator[tuple[str, str, Judged]]:
    """Go through name, kind and measurement of every model that is shown; none without a searched one."""
    merges = [(c.losses[0], r, c) for r in results.runs if (c := r.first) and c.samples]
    if not merges:
        return
    _, run, best = min(merges, key=lambda each: (each[0], each[1].optimizer, each[1].seed))
    yield f"{run.optimizer}, seed {run.seed}, {best.name}", "searched", best
    if tuned := best_baseline(results):
        yield tuned.name, "hand-tuned", tuned
    for baseline in results.baselines:
        if baseline.unmerged:
            yield baseline.name, "single model", baseline


Key = tuple[str, str, str | None, int]


def _numbered(samples: tuple[Sample, ...]) -> dict[Key, Sample]:
    """Key samples by question; the same question asked again is another one."""
    numbered: dict[Key, Sample] = {}
    for sample in samples:
        asked = (sample.prompt, sample.expected, sample.picture)
        again = sum(key[:3] == asked for key in numbered)
        numbered[*asked, again] = sample
    return numbered


def answer_rows(results: Results) -> list[AnswerRow]:
    """List every answer of `sheets`, in their order.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of AnswerRow
    """
    return [
        AnswerRow(
            evaluator=sheet.evaluator,
            item=place,
            prompt=question.prompt,
            expected=question.expected,
            model=reply.model,
            kind=reply.kind,
            reply=reply.sample.reply,
            outcome=reply.sample.outcome,
            figures=tuple(f"{name}={value}" for name, value in reply.sample.figures),
        )
        for sheet in sheets(results)
        for place, question in enumerate(sheet.questions, start=1)
        for reply in question.replies
    ]


def run_card(results: Results) -> list[CardLine]:
    """List every fact of the runs' cards, with the values it takes over the runs.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of CardLine
        By key.
    """
    counts: dict[str, dict[str, int]] = {}
    for run in results.runs:
        for key, value in _flat(run.card).items():
            values = counts.setdefault(key, {})
            values[value] = values.get(value, 0) + 1
    return [CardLine(key, tuple(sorted(values.items()))) for key, values in sorted(counts.items())]


def _flat(card: Mapping[str, Any], above: str = "") -> dict[str, str]:
    flat = {}
    for key, value in card.items():
        name = f"{above}{key}"
        flat.update(_flat(value, f"{name}.") if isinstance(value, dict) else {name: str(value)})
    return flat
