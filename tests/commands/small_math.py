"""What ja_math_7b and its like need, in miniature and laid out as the Hub has it.

Random weights and tiny widths; everything else is as in the real checkpoints: Mistral's tensor names, 32
layers, 32000 rows of which Abel has 32 more, shards with an index, bfloat16 but for Abel's float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from suite import resources
from suite.assembly.compose import compose
from suite.assembly.spec import RunSpec

ROWS, EXTRA, LAYERS = 32000, 32, 32
MODELS = {
    "base": "mistralai/Mistral-7B-v0.1",
    "japanese": "augmxnt/shisa-gamma-7b-v1",
    "wizard": "WizardLMTeam/WizardMath-7B-V1.1",
    "abel": "GAIR/Abel-7B-002",
    "evolved": "SakanaAI/EvoLLM-JP-v1-7B",
}
# What is smaller than in the real task, and nothing else: rows, and tokens of a reply.
FEW = [
    f"{'+' * (key == 'data.report.rows')}task.evaluators.mgsm_ja.{key}={value}"
    for key, value in {
        "data.search.rows": "'0:4'",
        "data.select.rows": "'869:873'",
        "data.report.rows": "'0:4'",
        "data.report.sha256": "null",
        "max_new_tokens": 2,
    }.items()
]


@dataclass(frozen=True)
class Small:
    """Folders of the models by their names in the tasks, and the folder of the data sets."""

    models: dict[str, Path]
    data: Path


def make(root: Path) -> Small:
    """All of it, below `root`."""
    words = tokenizer()
    folders = {name: root / "models" / hub for name, hub in MODELS.items()}
    for number, (name, folder) in enumerate(folders.items()):
        _model(folder, number, name == "abel")
        words.save_pretrained(folder)
    _problems(root / "data")
    return Small(folders, root / "data")


def _problems(folder: Path) -> None:
    """As many as there are, in the data sets' own files and columns."""
    searched, reported = folder / "gsm8k-ja-test_250-1319", folder / "mgsm"
    for each in (searched, reported):
        each.mkdir(parents=True)
    rows = [
        {
            "question": f"林檎が{k}個あり、{k}個買うと何個ですか？",
            "answer": "…",
            "answer_number": 2 * k,
        }
        for k in range(250, 1319)
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (searched / "test.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = [f"{k}円の本を三冊買うといくらですか？\t{3 * k:,}" for k in range(250)]
    (reported / "mgsm_ja.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")


def tokenizer() -> Any:
    """A token for each character, 32000 in all: whatever a model of random weights says is a text."""
    import tokenizers
    import transformers

    blocks = (range(0x0A, 0x0B), range(0x20, 0x7F), range(0x3041, 0x3100), range(0x4E00, 0xD000))
    known = ["<unk>", "<s>", "</s>", *(chr(code) for block in blocks for code in block)][:ROWS]
    assert len(known) == ROWS
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({token: row for row, token in enumerate(known)}, "<unk>")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    made.decoder = tokenizers.decoders.Fuse()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **special)


def _model(folder: Path, number: int, longer: bool) -> None:
    """Base and experts near it; of Abel's kind if `longer`."""
    import torch
    import transformers

    config = transformers.MistralConfig(
        vocab_size=ROWS + EXTRA * longer,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32768,
        sliding_window=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4},
    )
    transformers.set_seed(0)
    model: Any = transformers.MistralForCausalLM(config)
    generator = torch.Generator().manual_seed(number)
    with torch.no_grad():
        for tensor in model.parameters() if number else ():
            tensor += 0.02 * torch.randn(tensor.shape, generator=generator)
    model = model if longer else model.bfloat16()
    model.save_pretrained(folder, max_shard_size="600KB")


def qwen(folder: Path, number: int) -> None:
    """A checkpoint of Qwen2.5-1.5B's kind: 151936 rows that are both embeddings and head."""
    import torch
    import transformers

    config = transformers.Qwen2Config(
        vocab_size=151936,
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )
    torch.manual_seed(number)
    model: Any = transformers.Qwen2ForCausalLM(config)
    model.bfloat16().save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def named(task: str) -> dict[str, str]:
    """The models that a task's file names."""
    file = resources.data("conf") / "task" / f"{task}.yaml"
    return dict(yaml.safe_load(file.read_text(encoding="utf-8"))["models"])


def pickled(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same checkpoint as its authors left it on main."""
    kept = {name: content for name, content in files.items() if "safetensors" not in name}
    return {**kept, "pytorch_model-00001-of-00002.bin": b"a pickle"}


def configured(small: Small, *words: str) -> RunSpec:
    """The run of a task or experiment over these data sets, with `FEW` items."""
    return compose([f"task.data={small.data}", "device=cpu", *FEW, *words])
