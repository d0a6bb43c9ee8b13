"""Evaluate by generating: every item of a split is answered greedily and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import BadInput
from suite.evaluators import items as item_sets
from suite.evaluators.handle import Generation, ModelHandle
from suite.evaluators.items import Item
from suite.evaluators.scorers import SCORERS
from suite.trial import Score


@dataclass(frozen=True)
class Sample:
    """One answer, for people to read."""

    prompt: str
    reply: str
    expected: str
    outcome: dict[str, float]


class GenerationEvaluator:
    """Replies to every item of a split through `scorer`; several figures share the generations.

    `items` is a folder with search.jsonl, select.jsonl and report.jsonl; `max_new_tokens` bounds a
    reply. Besides the scorer's figures it gives ``tokens``, the generated tokens per item.
    """

    def __init__(self, name: str, items: str | Path, scorer: str, max_new_tokens: int) -> None:
        if scorer not in SCORERS:
            raise BadInput(
                f"evaluator {name!r}: no scorer {scorer!r}; there are {', '.join(SCORERS)}"
            )
        if max_new_tokens < 1:
            raise BadInput(f"evaluator {name!r}: max_new_tokens {max_new_tokens} must be positive")
        self.name = name
        self.splits = item_sets.read_splits(Path(items))
        self.max_new_tokens = max_new_tokens
        self._scorer = SCORERS[scorer]
        example = next(iter(self.splits.values()))[0]
        self.figures = (*self._scorer("", example), "tokens")

    def evaluate(self, handle: ModelHandle, split: str) -> dict[str, Score]:
        """Scores by figure on the items of `split`, in the items' order."""
        items = self.splits[split]
        replies = self._reply(handle, items)
        outcomes = [
            self._scorer(reply.text, item) for reply, item in zip(replies, items, strict=True)
        ]
        scores = {figure: Score.mean([row[figure] for row in outcomes]) for figure in outcomes[0]}
        tokens = Score.mean([reply.tokens for reply in replies])
        return {**scores, "tokens": Score(tokens.value, tokens.stderr, tokens.n)}

    def samples(self, handle: ModelHandle, split: str, count: int) -> list[Sample]:
        """The first `count` items of `split` with the model's replies."""
        items = self.splits[split][:count]
        replies = self._reply(handle, items)
        return [
            Sample(item.prompt, reply.text, item.expected, self._scorer(reply.text, item))
            for item, reply in zip(items, replies, strict=True)
        ]

    def _reply(self, handle: ModelHandle, items: Sequence[Item]) -> list[Generation]:
        return handle.generate([item.prompt + "\n" for item in items], self.max_new_tokens)
