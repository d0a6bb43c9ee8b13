"""Evaluate by generating: every item of a split is answered and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators import item_data, rouge
from suite.evaluators import items as item_sets
from suite.evaluators.handle import GREEDY, Decoding, Generation, ModelHandle
from suite.evaluators.items import Item
from suite.evaluators.scorers import MEDIANS, SCORERS
from suite.trial import Score

THUMBNAIL = 256  # pixels a side


@dataclass(frozen=True)
class Sample:
    """One answer, for people to read; `picture` is the data URI of a thumbnail."""

    prompt: str
    reply: str
    expected: str
    outcome: dict[str, float]
    picture: str | None = None


class GenerationEvaluator:
    """Replies to every item of a split through `scorer`; several figures share the generations.

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
        scorer: str = "",
        max_new_tokens: int = 0,
        template: str = "{prompt}\n",
        decoding: Decoding | Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        where = f"evaluator {name!r}"
        if scorer not in SCORERS:
            raise BadInput(f"{where}: no scorer {scorer!r}; there are {', '.join(SCORERS)}")
        if max_new_tokens < 1:
            raise BadInput(f"{where}: max_new_tokens {max_new_tokens} must be positive")
        if "{prompt}" not in template:
            raise BadInput(f"{where}: template {template!r} lacks {{prompt}}")
        self.name = name
        self.max_new_tokens = max_new_tokens
        self.template = template
        self.decoding = _decoding(decoding, where)
        self.splits = _splits(items, data, where)
        self._scorer = SCORERS[scorer]
        self._medians = MEDIANS.get(scorer, {})
        example = next(iter(self.splits.values()))[0]
        self.figures = (*self._scorer("", example), *self._medians, "tokens")

    def evaluate(self, handle: ModelHandle, split: str) -> dict[str, Score]:
        """Scores by figure on the items of `split`, in the items' order."""
        items = self.splits[split]
        replies = self._reply(handle, items)
        outcomes = [
            self._scorer(reply.text, item) for reply, item in zip(replies, items, strict=True)
        ]
        scores = {figure: Score.mean([row[figure] for row in outcomes]) for figure in outcomes[0]}
        for figure, mean in self._medians.items():
            of = scores[mean]
            median = rouge.published_median(of.items, rouge.EARLIER[mean])
            scores[figure] = Score(median, of.stderr, of.n)
        tokens = Score.mean([reply.tokens for reply in replies])
        return {**scores, "tokens": Score(tokens.value, tokens.stderr, tokens.n)}

    def samples(self, handle: ModelHandle, split: str, count: int) -> list[Sample]:
        """The first `count` items of `split` with the model's replies."""
        items = self.splits[split][:count]
        replies = self._reply(handle, items)
        return [
            Sample(
                item.prompt,
                reply.text,
                item.expected,
                self._scorer(reply.text, item),
                item.picture.uri(THUMBNAIL) if item.picture else None,
            )
            for item, reply in zip(items, replies, strict=True)
        ]

    def _reply(self, handle: ModelHandle, items: Sequence[Item]) -> list[Generation]:
        prompts = [self.template.replace("{prompt}", item.prompt) for item in items]
        pictures = [item.picture for item in items]
        seen = pictures if any(pictures) else None
        return handle.generate(prompts, self.max_new_tokens, pictures=seen, decoding=self.decoding)


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
    return item_sets.read_splits(Path(str(items)))
