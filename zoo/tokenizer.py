"""A unigram tokenizer fitted to the zoo's corpus, able to split unsegmented Japanese.

The unigram language model (Kudo 2018, arXiv 1804.10959) is estimated by maximum likelihood from the
corpus in its known segmentation: a piece's score is the log of its relative frequency, and the
tokenizer finds the most likely segmentation of running text. Numbers 0-99 are single pieces in
both languages; anything else falls back to bytes, so every string has an encoding.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
SPACE = "▁"
_ENGLISH = re.compile(r"[A-Za-z]")


def pieces(words: str) -> list[str]:
    """The pieces a string of space-separated words contributes to the vocabulary."""
    found = []
    for word in words.split():
        if word.isdigit():
            found.append(word)
        elif _ENGLISH.match(word):
            found += [SPACE + word, word]
        else:
            found.append(word)
    return found


def build(corpus: list[str]) -> PreTrainedTokenizerFast:
    """Fit the tokenizer to `corpus`, a list of space-separated texts in both languages."""
    counts: Counter[str] = Counter()
    for words in corpus:
        counts.update(pieces(words))
    for number in range(100):
        counts[str(number)] += 1
    counts.update([SPACE, "\n", "=", ";", "+", "-", "×", "÷"])
    total = sum(counts.values())
    vocabulary = [(token, 0.0) for token in SPECIAL]
    vocabulary += [(f"<0x{byte:02X}>", -100.0) for byte in range(256)]
    vocabulary += sorted(
        ((piece, math.log(count / total)) for piece, count in counts.items()),
        key=lambda item: (-item[1], item[0]),
    )
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="never", split=True),
            pre_tokenizers.Split(Regex(r"[0-9]{1,2}|\n|[-=;+×÷]"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement=SPACE, prepend_scheme="never")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", SPECIAL.index("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
