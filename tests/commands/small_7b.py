"""What ja_vlm_7b needs, in miniature and laid out as the Hub has it: three checkpoints, two data sets.

Random weights; everything else is as in the real ones: LLaVA-NeXT's classes, tensor names and processor
files, shards, rotary bases that differ, 64 more rows than the plain models have, photographs as JPEG.
"""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from suite.assembly import assemble
from suite.assembly.compose import compose
from tests.evaluators import tiny_vlm
from tests.export import towers

EXTRA = 64
SIZES = [(640, 480), (500, 375), (480, 640), (333, 500)]
_ASKED = [
    "何が写っていますか？",
    "車の色は何色ですか？",
    "人は何人いますか？",
    "どこで撮影されましたか？",
]
_SAID = ["赤い車", "青色です", "二人", "公園の中で撮影された写真です"]

# What is smaller than in the real task, and nothing else: rows to search on, and tokens of a reply.
FEW = [
    f"task.evaluators.{name}.{key}"
    for name, parts in (("ja_vg_vqa", ("0:3", "3:6")), ("ja_wild", ("6:8", "8:11")))
    for key in (
        f"data.search.rows={parts[0]!r}",
        f"data.select.rows={parts[1]!r}",
        "max_new_tokens=6",
    )
]


@dataclass(frozen=True)
class Small:
    """Folders of the models by their names in the task, and the folder of the data sets."""

    models: dict[str, Path]
    data: Path

    def words(self, *more: str) -> list[str]:
        """What a user says to have these in the place of the real ones."""
        models = [f"task.models.{name}={folder}" for name, folder in self.models.items()]
        return [*models, f"task.data={self.data}", *more]


def make(root: Path) -> Small:
    """All of it, below `root`."""
    seeing, processor = tiny_vlm.make("llava_next")
    _models(root / "models", seeing, processor)
    names = {
        "base": "Mistral-7B-v0.1",
        "vlm": "llava-v1.6-mistral-7b-hf",
        "japanese": "shisa-gamma-7b-v1",
    }
    _vg(root / "data" / "JA-VG-VQA-500" / "data")
    _wild(root / "data" / "JA-VLM-Bench-In-the-Wild" / "data")
    return Small({each: root / "models" / folder for each, folder in names.items()}, root / "data")


def _models(root: Path, seeing: Any, processor: Any) -> None:
    import transformers

    folder = root / "llava-v1.6-mistral-7b-hf"
    rows = len(processor.tokenizer)
    seeing.resize_token_embeddings(rows - 1 + EXTRA)  # the image token's row and 63 to spare
    seeing.config.text_config.rope_parameters = {"rope_type": "default", "rope_theta": 1e6}
    seeing.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    towers.age(folder)
    _split(folder)
    text = seeing.config.text_config.to_dict()
    text |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}, "vocab_size": rows - 1}
    for seed, name in enumerate(("Mistral-7B-v0.1", "shisa-gamma-7b-v1"), 1):
        transformers.set_seed(seed)
        model: Any = transformers.MistralForCausalLM(transformers.MistralConfig(**text))
        model.bfloat16().save_pretrained(root / name, max_shard_size="20KB")
        processor.tokenizer.save_pretrained(root / name)


def _split(folder: Path) -> None:
    """The processor's settings in files as transformers 4 wrote them."""
    path = folder / "processor_config.json"
    settings = json.loads(path.read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings.pop("image_processor")))
    path.write_text(json.dumps({"processor_class": "LlavaNextProcessor", "image_token": "<image>"}))


def photograph(number: int) -> dict[str, Any]:
    """A JPEG as `datasets` keeps it."""
    rng = np.random.default_rng(number)
    blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = blocks.resize(SIZES[number % len(SIZES)], Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return {"bytes": buffer.getvalue(), "path": f"{number}.jpg"}


def _vg(folder: Path) -> None:
    """JA-VG-VQA-500: 16 rows of train and 4 of test, one to three questions a picture."""
    import datasets

    text, number = datasets.Value("string"), datasets.Value("int64")
    qas = [{"qa_id": number, "question": text, "answer": text}]
    kinds = {"image_id": number, "url": text, "qas": qas, "image": datasets.Image()}
    folder.mkdir(parents=True)
    for name, rows in (("train", range(16)), ("test", range(100, 104))):
        table = [
            {
                "image_id": row,
                "url": "",
                "qas": [_qa(row, k) for k in range(1 + row % 3)],
                "image": photograph(row),
            }
            for row in rows
        ]
        whole = datasets.Dataset.from_list(table, features=datasets.Features(kinds))
        whole.to_parquet(folder / f"{name}-00000-of-00001.parquet")


def _qa(row: int, k: int) -> dict[str, Any]:
    at = (row + k) % len(_ASKED)
    return {"qa_id": 10 * row + k, "question": _ASKED[at], "answer": _SAID[at]}


def _wild(folder: Path) -> None:
    """JA-VLM-Bench-In-the-Wild: 3 questions about 2 pictures."""
    import datasets

    text = datasets.Value("string")
    columns = ("page_url", "image_url", "image", "question", "answer")
    features = datasets.Features({**dict.fromkeys(columns, text), "image": datasets.Image()})
    asked = [
        "この写真について詳しく説明してください。",
        "季節はいつですか？",
        "何という建物ですか？",
    ]
    table = [
        {
            "page_url": "",
            "image_url": "",
            "image": photograph(200 + k // 2),
            "question": asked[k],
            "answer": f"答えは{k}番の写真に写っている古い神社です。",
        }
        for k in range(3)
    ]
    folder.mkdir(parents=True)
    whole = datasets.Dataset.from_list(table, features=features)
    whole.to_parquet(folder / "test-00000-of-00001.parquet")


def copied(small: Small, name: str, to: Path) -> Path:
    """A copy of one model's folder, to break."""
    return Path(shutil.copytree(small.models[name], to))


def live(small: Small, *words: str, task: str = "ja_vlm_7b") -> Any:
    """The task over these models and data sets, ready to measure, with `FEW` items."""
    return assemble.task(compose([f"task={task}", *small.words(*FEW), "device=cpu", *words]))
