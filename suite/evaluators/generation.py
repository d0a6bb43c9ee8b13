"""Evaluate by generating: every item of a split is answered and scored, by one rule or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets import item_data
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.datasets.items import Item
from suite.evaluators.models.handle import GREEDY, Decoding, Generation, ModelHandle
from suite.evaluators.scorers import rouge
from suite.evaluators.scorers.by_name import CHECKS, MEDIANS, SCORERS
from suite.records.trial import Score

THUMBNAIL = 256  # pixels a side


@dataclass(frozen=True)
class Sample:
    """One answer, for people to read; `picture` is the data URI of a thumbnail."""

    prompt: str
    reply: str
    expected: str
    outcome: dict[str, float]
    picture: str | None = None


@dataclass(frozen=True)
class Answer:
    """The reply to the item `id`, the tokens it took, and every scorer's figures of it."""

    id: str
    reply: str
    tokens: int
    outcome: dict[str, float]


class GenerationEvaluator:
    """Replies to every item of a split through `scorer`; several figures share the generations.

    `scorer` is a key of `SCORERS`, or a list of keys: then each scores the same replies and every
    figure is named after its scorer, ``sakana-v1.acc_ja``.
    The items are either those of `items`, a folder with search.jsonl, select.jsonl and
    report.jsonl, or those of `data`, which names data sets (`item_data.read_splits`). The model
    reads `template` with the item's prompt in place of ``{prompt}``; `max_new_tokens` bounds a
    reply, `decoding` is a `Decoding` or its fields (greedy without). Besides the scorer's figures
    there are ``tokens``, the generated tokens per item, and for some the published bootstrap
    median, without outcomes: those are its mean's.
    """

    def __init__(
        self,
        name: str,
        items: str | Path | None = None,
        scorer: str | Sequence[str] = "",
        max_new_tokens: int = 0,
        template: str = "{prompt}\n",
        decoding: Decoding | Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        where = f"evaluator {name!r}"
        scorers = _scorers(scorer, where)
        if max_new_tokens < 1:
            raise BadInput(f"{where}: max_new_tokens {max_new_tokens} must be positive")
        if "{prompt}" not in template:
            raise BadInput(f"{where}: template {template!r} lacks {{prompt}}")
        self.name = name
        self.max_new_tokens = max_new_tokens
        self.template = template
        self.decoding = _decoding(decoding, where)
        self.splits = _splits(items, data, where)
        _check(scorers.values(), self.splits, where)
        self._scorers = {prefix: SCORERS[name] for prefix, name in scorers.items()}
        self._medians = {
            f"{prefix}{median}": (f"{prefix}{mean}", rouge.EARLIER[mean])
            for prefix, name in scorers.items()
            for median, mean in MEDIANS.get(name, {}).items()
        }
        example = next(iter(self.splits.values()))[0]
        self.figures = (*self._outcome("", example), *self._medians, "tokens")

    @classmethod
    def files(cls, options: Mapping[str, Any]) -> dict[str, Path]:
        """The files of items that an evaluator with these options reads, by split and name."""
        if options.get("items") is not None:
            return item_sets.files(resources.resolve(str(options["items"])))
        return item_data.files(options.get("data") or {}, f"evaluator {options.get('name')!r}")

    def evaluate(self, handle: ModelHandle, split: str) -> dict[str, Score]:
        """Scores by figure on the items of `split`, in the items' order."""
        return self.scores(self.answers(handle, self.splits[split]))

    def answers(self, handle: ModelHandle, items: Sequence[Item]) -> list[Answer]:
        """The model's replies to `items`, any of a split, and their outcomes, in the order given."""
        replies = self._reply(handle, items)
        return [
            Answer(item.id, reply.text, reply.tokens, self._outcome(reply.text, item))
            for item, reply in zip(items, replies, strict=True)
        ]

    def scores(self, answers: Sequence[Answer]) -> dict[str, Score]:
        """Scores by figure over `answers`, one or more, with outcomes in their order."""
        rows = [answer.outcome for answer in answers]
        scores = {figure: Score.mean([row[figure] for row in rows]) for figure in rows[0]}
        for figure, (mean, earlier) in self._medians.items():
            of = scores[mean]
            median = rouge.published_median(of.items, earlier)
            scores[figure] = Score(median, of.stderr, of.n)
        tokens = Score.mean([answer.tokens for answer in answers])
        return {**scores, "tokens": Score(tokens.value, tokens.stderr, tokens.n)}

    def samples(self, handle: ModelHandle, split: str, count: int) -> list[Sample]:
        """The first `count` items of `split` with the model's replies."""
        items = self.splits[split][:count]
        return [
            Sample(
                item.prompt,
                answer.reply,
                item.expected,
                answer.outcome,
                item.picture.uri(THUMBNAIL) if item.picture else None,
            )
            for item, answer in zip(items, self.answers(handle, items), strict=True)
        ]

    def _outcome(self, reply: str, item: Item) -> dict[str, float]:
        """The figures of every scorer, each under its prefix."""
        return {
            f"{prefix}{figure}": value
            for prefix, scorer in self._scorers.items()
            for figure, value in scorer(reply, item).items()
        }

    def _reply(self, handle: ModelHandle, items: Sequence[Item]) -> list[Generation]:
        prompts = [self.template.replace("{prompt}", item.prompt) for item in items]
        pictures = [item.picture for item in items]
        seen = pictures if any(pictures) else None
        return handle.generate(prompts, self.max_new_tokens, pictures=seen, decoding=self.decoding)


def _scorers(given: str | Sequence[str], where: str) -> dict[str, str]:
    """The scorers' names by what their figures begin with: nothing where one is named alone."""
    named = {"": given} if isinstance(given, str) else {f"{name}.": name for name in given}
    for name in named.values():
        if name not in SCORERS:
            raise BadInput(f"{where}: no scorer {name!r}; there are {', '.join(SCORERS)}")
    if not named or (not isinstance(given, str) and len(named) < len(given)):
        raise BadInput(f"{where}: scorer {list(given)} must name one or more, each once")
    return named


def _check(scorers: Iterable[str], splits: Mapping[str, Sequence[Item]], where: str) -> None:
    """Refuse items that a scorer cannot score, before any model answers."""
    for check in (CHECKS[name] for name in scorers if name in CHECKS):
        for split, items in splits.items():
            for item in items:
                try:
                    check(item)
                except BadInput as error:
                    raise BadInput(f"{where}, split {split}: {error}") from None


def _decoding(given: Decoding | Mapping[str, Any] | None, where: str) -> Decoding:
    if given is None or isinstance(given, Decoding):
        return given or GREEDY
    try:
        return Decoding(**given)
    except TypeError:
        known = ", ".join(Decoding.__dataclass_fields__)
        raise BadInput(
            f"{where}: decoding {dict(given)} is not understood; its keys are {known}"
        ) from None


def _splits(
    items: str | Path | None, data: Mapping[str, Any] | None, where: str
) -> dict[str, list[Item]]:
    if (items is None) == (data is None):
        raise BadInput(f"{where}: give either items or data")
    if data is not None:
        return item_data.read_splits(data, where)
    return item_sets.read_splits(resources.resolve(str(items)))
