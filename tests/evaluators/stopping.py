"""Where a reply stops, by the plain definition, for tokenizers of several kinds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tokenizers
from tokenizers import decoders, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.evaluators import tiny_vlm

TEXTS = [
    "Instruction: red circle\n",
    "### Response: 赤い まる です。\n",
    "Instructions 12 + 30 = 42",
]


def byte_level() -> Any:
    """As GPT-2's: tokens of bytes, a space belongs to the word behind it."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def stripping() -> Any:
    """As Llama's: bytes for what it lacks, and a text loses the space it begins with."""
    made = tiny_vlm.tokenizer("llava")
    made.backend_tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return made


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "bytes": byte_level,
    "unigram": lambda: tiny_vlm.tokenizer("llava"),
    "stripping": stripping,
    "spelt": lambda: tiny_vlm.Spelt(tiny_vlm.tokenizer("llava")),
}


@functools.cache
def words(name: str) -> Any:
    return TOKENIZERS[name]()


def cut(tokenizer: Any, ids: Sequence[int], strings: Sequence[str]) -> tuple[str, int]:
    """The definition: decode after every token, look for every string, cut at the first."""
    for count in range(1, len(ids) + 1):
        (text,) = tokenizer.batch_decode([list(ids[:count])], skip_special_tokens=True)
        places = [text.index(string) for string in strings if string in text]
        if places:
            return text[: min(places)], count
    return tokenizer.batch_decode([list(ids)], skip_special_tokens=True)[0], len(ids)
