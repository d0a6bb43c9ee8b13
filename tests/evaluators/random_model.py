"""A tiny model of random weights, items that expect what it replies, and a task file over them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from suite.evaluators.datasets.items import Item, write
from suite.evaluators.lm_eval_task import SHIPPED
from suite.evaluators.models.handle import TransformersHandle
from suite.evaluators.scorers.arithmetic import last_number

NEW_TOKENS = 12
WORDS = [*"0123456789", *"りんごみかんは全部で何個ですか答え", "\n", "sum", "of", "is", " "]
METRICS = {"acc_ja": "acc_ja", "acc": "acc", "ja": "ja"}


def tokenizer(known: Sequence[str] = WORDS) -> Any:
    """One token for each word that is known, which the decoder joins as they are."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    words = dict.fromkeys(["<unk>", "<s>", "</s>", "<pad>", *known])
    fast = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    fast.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    fast.decoder = decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=fast,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


def randomise(model: Any, seed: int) -> None:
    """New weights in place, far from each other in logits, the end of sequence likely."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * (0.4 if parameter.ndim > 1 else 0.1) + (parameter.ndim == 1))


def made() -> TransformersHandle:
    """A Mistral of two layers whose replies are digits and words; its context holds every prompt."""
    tok = tokenizer()
    config = transformers.MistralConfig(
        vocab_size=len(tok),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=96,
        bos_token_id=tok.bos_token_id,
        eos_token_id=None,  # the trap: nothing but the tokenizer knows where a reply ends
        pad_token_id=tok.pad_token_id,
    )
    model = transformers.MistralForCausalLM(config).float()
    randomise(model, 0)
    return TransformersHandle(model, tok, batch_size=7)


def asked(handle: TransformersHandle, where: Path) -> Path:
    """Items of many lengths; half of them expect the number the first model answers with."""
    randomise(handle.model, 0)
    rng = random.Random(1)
    for split, count in (("search", 24), ("select", 5), ("report", 9)):
        prompts = [
            f"{split[2:4]}{i:02d}" + "".join(rng.choices(WORDS[:27], k=rng.randint(3, 30)))
            for i in range(count)
        ]
        replies = [r.text for r in handle.generate([p + "\n" for p in prompts], NEW_TOKENS)]
        numbers = [last_number(reply) if i % 2 else 7 for i, reply in enumerate(replies)]
        expected = [str(7 if number is None else number) for number in numbers]
        ids = [f"{split}/{i}" for i in range(count)]
        items = [Item(*fields) for fields in zip(ids, prompts, expected, strict=True)]
        write(where / f"{split}.jsonl", items)
    return where


def task_file(where: Path) -> Path:
    """A user's own task file in `where`: the shipped one with the replies' length."""
    text = (SHIPPED / "ja_math_micro.yaml").read_text(encoding="utf-8")
    assert "max_gen_toks: 24" in text
    (where / "mine.yaml").write_text(
        text.replace("max_gen_toks: 24", f"max_gen_toks: {NEW_TOKENS}").replace(
            "task: ja_math_micro", "task: mine"
        ),
        encoding="utf-8",
    )
    return where
