"""The one interface to a model: evaluators generate and score text through a handle.

`TransformersHandle` drives a live transformers model whose weights the merge engine replaces in
place; an engine with its own weights implements the same two methods. `suite.evaluators.models.vision` has
the handle that takes pictures as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from suite.checkpoints import local
from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models.stops import Stops

Pictures = Sequence[Picture | None] | None  # one to a prompt; None where a prompt has none


@dataclass(frozen=True)
class Generation:
    """A reply and the number of tokens it took, those of its end included.

    The end is the token of the end of sequence, or the one that completed a stop string.
    """

    text: str
    tokens: int


@dataclass(frozen=True)
class Decoding:
    """How replies are chosen: by beam search over `num_beams` (1 is greedy), never by sampling.

    Logits of tokens that the prompt or the reply already holds are divided by `repetition_penalty`
    where positive and multiplied by it where negative (Keskar et al. 2019, arXiv 1909.05858, as
    transformers has it); 1 changes nothing. A reply ends as soon as its own text, not the prompt,
    holds one of the strings `stop`, and is cut before it; a beam ends likewise.
    """

    num_beams: int = 1
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given: object = self.stop
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise BadInput(f"decoding: stop {given!r} must be a list of strings")
        object.__setattr__(self, "stop", tuple(given))
        if wrong := [each for each in self.stop if not isinstance(each, str) or not each]:
            raise BadInput(f"decoding: stop {wrong[0]!r} must be a string that is not empty")
        if self.num_beams < 1:
            raise BadInput(f"decoding: num_beams {self.num_beams} must be at least 1")
        if not self.repetition_penalty > 0:
            raise BadInput(
                f"decoding: repetition_penalty {self.repetition_penalty} must be positive"
            )


GREEDY = Decoding()


class ModelHandle(Protocol):
    """What an evaluator may ask of a model."""

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        pictures: Pictures = None,
        decoding: Decoding = GREEDY,
    ) -> list[Generation]:
        """Replies to `prompts`, in order; `BadInput` for `pictures` that it cannot look at."""
        ...

    def loglikelihood(
        self, prompts: Sequence[str], replies: Sequence[str], pictures: Pictures = None
    ) -> list[float]:
        """Log-probability (nats) of each reply after its prompt."""
        ...


@dataclass(frozen=True)
class Row:
    """One row of a batch: its token ids, and the pictures that they refer to, in their order."""

    ids: list[int]
    pictures: tuple[Picture, ...] = ()


class TransformersHandle:
    """A causal language model of transformers on one device.

    Prompts are sorted by length into batches, padded on the left, of at most `batch_size` rows, of
    which a prompt takes as many as it has beams; encodings are kept, since every candidate of a
    search reads the same prompts.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int = 256) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self._encoded: dict[str, list[int]] = {}
        self._stops: dict[tuple[str, ...], Stops] = {}

    def encode(self, texts: Sequence[str], special: bool = True) -> list[list[int]]:
        """Token ids of each text; the ids of prompts (`special`) are kept for the next candidate."""
        if not special:
            ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False).input_ids
            return ids
        new = [text for text in dict.fromkeys(texts) if text not in self._encoded]
        if new:
            self._encoded.update(zip(new, self.tokenizer(new).input_ids, strict=True))
        return [self._encoded[text] for text in texts]

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        pictures: Pictures = None,
        decoding: Decoding = GREEDY,
    ) -> list[Generation]:
        """Replies; one ends at the end of sequence, a stop string, or after `max_new_tokens`."""
        rows = self._rows(prompts, pictures)
        order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
        size = max(1, self.batch_size // decoding.num_beams)
        replies: dict[int, Generation] = {}
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            ids = self._decode([rows[row] for row in batch], max_new_tokens, decoding)
            for row, reply in zip(batch, self._texts(ids, decoding), strict=True):
                replies[row] = reply
        return [replies[row] for row in range(len(prompts))]

    def loglikelihood(
        self, prompts: Sequence[str], replies: Sequence[str], pictures: Pictures = None
    ) -> list[float]:
        """Summed log-probability (nats) of each reply's tokens given its prompt."""
        heads, tails = self._rows(prompts, pictures), self.encode(replies, special=False)
        totals: list[float] = []
        for start in range(0, len(heads), self.batch_size):
            pairs = list(zip(heads, tails, strict=True))[start : start + self.batch_size]
            inputs = self.inputs([Row(head.ids + tail, head.pictures) for head, tail in pairs])
            longest = max(1, *(len(tail) for _, tail in pairs))
            with torch.inference_mode():
                logits = self.model(**inputs, logits_to_keep=longest + 1).logits[:, :-1].float()
            following = inputs["input_ids"][:, -longest:, None]
            chosen = torch.log_softmax(logits, -1).gather(-1, following)[..., 0]
            for row, (_, tail) in enumerate(pairs):
                totals.append(float(chosen[row, longest - len(tail) :].sum()))
        return totals

    def _rows(self, prompts: Sequence[str], pictures: Pictures) -> list[Row]:
        """The prompts as they enter a batch; here, without pictures."""
        if any(picture is not None for picture in pictures or ()):
            raise BadInput(
                "the task's items have pictures and its model no eyes; name the vision-language"
                " model that lends them as task.vlm"
            )
        return [Row(ids) for ids in self.encode(prompts)]

    def inputs(self, rows: Sequence[Row]) -> dict[str, Any]:
        """What the model is called with: `rows` padded on the left and masked.

        A row is padded with an id of its own, so that a repetition penalty, which in transformers
        5.20 sees no mask, finds in it what it would find in the row alone.
        """
        length = max(len(row.ids) for row in rows)
        missing = [length - len(row.ids) for row in rows]
        ids = [[self._filler(r)] * gap + r.ids for r, gap in zip(rows, missing, strict=True)]
        mask = [[0] * gap + [1] * (length - gap) for gap in missing]
        device = self.model.device
        return {
            "input_ids": torch.tensor(ids, device=device),
            "attention_mask": torch.tensor(mask, device=device),
        }

    def _filler(self, row: Row) -> int:
        """The id to pad `row` with."""
        return row.ids[0] if row.ids else int(self.tokenizer.pad_token_id)

    def _decode(
        self, rows: Sequence[Row], max_new_tokens: int, decoding: Decoding
    ) -> list[list[int]]:
        """The ids of each row's reply, up to and including the end of sequence."""
        inputs, ends = self.inputs(rows), self.ends()
        start = inputs["input_ids"].shape[1]
        watch = [self.stops(decoding.stop).criterion(start)] if decoding.stop else None
        with torch.inference_mode():
            out = self.model.generate(
                **inputs,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=decoding.num_beams,
                repetition_penalty=float(decoding.repetition_penalty),
                pad_token_id=self.tokenizer.pad_token_id,
                eos_token_id=ends or None,
                stopping_criteria=watch,
            )
        replies = out[:, start:].tolist()
        lengths = [next((n for n, i in enumerate(r, 1) if i in ends), len(r)) for r in replies]
        return [reply[:length] for reply, length in zip(replies, lengths, strict=True)]

    def _texts(self, ids: list[list[int]], decoding: Decoding) -> list[Generation]:
        if decoding.stop:
            stops = self.stops(decoding.stop)
            return [Generation(*stops.cut(reply)) for reply in ids]
        texts = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [Generation(text, len(reply)) for text, reply in zip(texts, ids, strict=True)]

    def stops(self, strings: tuple[str, ...]) -> Stops:
        """Finds `strings` in replies; made once, as it looks at every token of the vocabulary."""
        if strings not in self._stops:
            size = self.model.get_input_embeddings().weight.shape[0]
            self._stops[strings] = Stops(self.tokenizer, strings, size)
        return self._stops[strings]

    def ends(self) -> list[int]:
        """The ids that end a reply: the tokenizer's and the checkpoint's own, which may be several."""
        own = self.model.generation_config.eos_token_id
        own = own if isinstance(own, list) else [own]
        return sorted({*own, self.tokenizer.eos_token_id} - {None})


def load(
    folder: Path, device: str, batch_size: int = 256, dtype: str = "float32"
) -> TransformersHandle:
    """A handle on the checkpoint in `folder`: safetensors only, every tensor accounted for.

    The model is made `dtype`: float32, bfloat16 or float16. `BadInput` when the checkpoint or its
    tokenizer is missing, incomplete or needs its own code.
    """
    tokenizer = local.read_tokenizer(folder)
    model = local.read_model(folder, "AutoModelForCausalLM", dtype)
    return TransformersHandle(model.to(device), tokenizer, batch_size)
