"""Stop strings: where in a row's tokens one is complete, and the text before it.

A string may be spread over tokens, begin or end within one, or hang on the bytes of one character, so
that texts are compared, never ids. As vLLM has it, a reply ends with the first token after which its
decoded text (special tokens aside) holds a stop string, and is cut before that; the prompt's text does
not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

Criterion = Callable[..., torch.Tensor]

_BROKEN = "\N{REPLACEMENT CHARACTER}"  # what bytes that are no whole character decode to
_MARGIN = 4  # tokens before a stop string: the bytes of a character


class Stops:
    """Finds the `strings`, all non-empty, in rows of ids of `tokenizer`, below `size`."""

    def __init__(self, tokenizer: Any, strings: Sequence[str], size: int) -> None:
        self._tokenizer = tokenizer
        self._strings = tuple(strings)
        texts = _texts(tokenizer, size)
        self._spoken = [text != "" for text in texts]
        self._may_end = [_may_end(text, self._strings) for text in texts]
        # Every token that is spoken adds a byte at least, so that this many hold any stop string.
        self._window = max(len(string.encode()) for string in strings) + _MARGIN

    def reached(self, ids: Sequence[int]) -> bool:
        """Whether the text of `ids` holds a stop string; it is known that ``ids[:-1]`` does not."""
        if not self._may_end[ids[-1]]:
            return False
        spoken = [each for each in ids if self._spoken[each]]
        tail = self._text(spoken[-self._window :])
        # A window that begins within a character may spoil what follows.
        if _BROKEN not in tail and not self._inside(tail):
            return False
        return self._inside(self._text(ids))

    def cut(self, ids: Sequence[int]) -> tuple[str, int]:
        """The text of `ids` before the first stop string, and how many ids it took to complete it.

        Without a stop string, all of both. Of several that one token completes, the one that begins
        first counts.
        """
        for count, last in enumerate(ids, start=1):
            if self._may_end[last] and self.reached(ids[:count]):
                text = self._text(ids[:count])
                found = [place for s in self._strings if (place := text.find(s)) >= 0]
                return text[: min(found)], count
        return self._text(ids), len(ids)

    def criterion(self, start: int) -> Criterion:
        """For ``generate(stopping_criteria=…)``: ends rows whose ids from `start` on reached a stop."""
        may_end = torch.tensor(self._may_end)

        def reached(input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            nonlocal may_end
            may_end = may_end.to(input_ids.device)
            done = may_end[input_ids[:, -1]]
            for row in done.nonzero()[:, 0].tolist():
                done[row] = self.reached(input_ids[row, start:].tolist())
            return done

        return reached

    def _inside(self, text: str) -> bool:
        return any(string in text for string in self._strings)

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.batch_decode([list(ids)], skip_special_tokens=True)[0]
        return text


def _texts(tokenizer: Any, size: int) -> list[str]:
    """What each id below `size` adds to a text: decoded behind another token, lest a space be lost."""
    ahead = list(tokenizer("a", add_special_tokens=False).input_ids)
    rows = [ahead, *([*ahead, token] for token in range(size))]
    first, *texts = tokenizer.batch_decode(rows, skip_special_tokens=True)
    return [text.removeprefix(first) for text in texts]


def _may_end(text: str, strings: Sequence[str]) -> bool:
    """Whether a token with this text can be the one that completes one of `strings`."""
    return _BROKEN in text or any(
        string in text or any(text.startswith(string[at:]) for at in range(len(string)))
        for string in strings
    )
