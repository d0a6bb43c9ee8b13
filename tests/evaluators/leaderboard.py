"""The data sets of lm-eval's japanese_leaderboard in miniature: as published, and as its tasks read them.

`reader` is a model for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from suite.evaluators.models.handle import TransformersHandle
from tests.evaluators import random_model

Row = dict[str, Any]
SPLITS = {"train": 16, "validation": 8}
SHOTS = {
    "jaqket_v2": 1,
    "jcommonsenseqa": 3,
    "jnli": 3,
    "jsquad": 2,
    "marc_ja": 3,
    "mgsm": 5,
    "xlsum": 1,
    "xwinograd": 0,
}
METRICS = {"jaqket_v2": "exact_match", "jsquad": "exact_match", "xlsum": "rouge2"}
LABELS = {"jnli": ["entailment", "contradiction", "neutral"], "marc_ja": ["positive", "negative"]}


def rows(task: str, split: str) -> list[Row]:
    """What the task's data set gives for a split, in the columns that its YAML reads."""
    if task == "mgsm" and split == "train":
        return [_mgsm(f"{n}と{n + 1}の和は？", n, f"足すと{2 * n + 1}です。") for n in range(8)]
    count = SPLITS.get(split, 12)
    return [_ROWS[task](f"{split[:2]}{n}", n) for n in range(count)]


def _mgsm(question: str, n: int, answer: str | None) -> Row:
    steps = None if answer is None else f"ステップごとの答え：{answer}"
    return {"question": f"問題：{question}", "answer": steps, "answer_number": 2 * n + 1}


def _contexts(name: str) -> dict[str, list[Any]]:
    return {
        "id": [f"{name}/{k}" for k in range(5)],
        "title": ["東京"] * 5,
        "text": [f"{name}の文{k}" for k in range(5)],
        "has_answer": [k == 3 for k in range(5)],
    }


_ROWS = {
    "jcommonsenseqa": lambda name, n: {
        "q_id": 100 + n,
        "question": f"{name}はどれか",
        **{f"choice{k}": f"{'赤青緑黒白'[k]}{n}" for k in range(5)},
        "label": n % 5,
    },
    "jnli": lambda name, n: {
        "sentence_pair_id": f"{n}",
        "yjcaptions_id": f"{n}-1",
        "sentence1": f"{name}の人",
        "sentence2": "人がいる",
        "label": n % 3,
    },
    "marc_ja": lambda name, n: {
        "review_id": f"R{n}",
        "sentence": f"{name}は良い。",
        "label": n % 2,
    },
    "jsquad": lambda name, n: {
        "id": f"a{n}",
        "title": f"題{n // 4}",
        "context": f"題 [SEP] {name[:2]}の話{n // 2}",
        "question": f"{name}は何か",
        "answers": {"text": [f"話{n // 2}"], "answer_start": [n]},
    },
    "jaqket_v2": lambda name, n: {
        "qid": f"QA{n}",
        "question": f"{name}とは",
        "answers": {"text": [f"{name}", "他"]},
        "ctxs": _contexts(name),
    },
    "xlsum": lambda name, n: {
        "id": f"x{n}",
        "text": f"{name}の長い記事です。" * (1 + n % 3),
        "summary": f"{name}の記事",
    },
    "xwinograd": lambda name, n: {
        "sentence1": f"{name}の猫は赤いので、猫が鳴く。 ",
        "sentence2": f"{name}の猫は赤いので、犬が鳴く。",
        "answer": str(1 + n % 2),
    },
    "mgsm": lambda name, n: _mgsm(f"{name}個と{n}個で？", n, None),
}


def splits(task: str) -> tuple[str, ...]:
    return {
        "xlsum": ("train", "validation", "test"),
        "xwinograd": ("test",),
        "mgsm": ("train", "test"),
    }.get(task, ("train", "validation"))


def converted(where: Path) -> Path:
    """Every split as lm-eval can load it by itself: ``<task>/<split>.json``, JSON lines."""
    for task in SHOTS:
        for split in splits(task):
            _lines(where / task / f"{split}.json", rows(task, split))
    return where


def published(where: Path) -> Path:
    """The files as they are published, in the folders that conf/evaluator/ja_leaderboard.yaml names."""
    glue = where / "JGLUE" / "datasets"
    for split, called in (("train", "train"), ("validation", "valid")):
        for task in ("jcommonsenseqa", "jnli", "marc_ja"):
            found = [{**row, **_label(task, row)} for row in rows(task, split)]
            version = "1.0" if task == "marc_ja" else "1.1"
            _lines(glue / f"{task}-v1.1" / f"{called}-v{version}.json", found)
        _whole(glue / "jsquad-v1.1" / f"{called}-v1.1.json", _squad(rows("jsquad", split)))
        raw = "train" if split == "train" else "dev"
        _whole(where / "JAQKET" / f"{raw}_jaqket_59.350.json", _jaqket(rows("jaqket_v2", split)))
    for folder, task, config in (
        ("xlsum_ja", "xlsum", "default"),
        ("xwinograd-ja", "xwinograd", "default"),
        ("mgsm-parquet", "mgsm", "ja"),
    ):
        for split in splits(task):
            _parquet(where / folder / config / split / "0000.parquet", rows(task, split))
    return where


def _label(task: str, row: Row) -> Row:
    return {"label": LABELS[task][row["label"]]} if task in LABELS else {}


def _squad(found: Sequence[Row]) -> Any:
    articles: dict[str, dict[str, list[Row]]] = {}
    for row in found:
        answers = [
            {"text": text, "answer_start": start}
            for text, start in zip(*row["answers"].values(), strict=True)
        ]
        question = {"id": row["id"], "question": row["question"], "answers": answers}
        paragraphs = articles.setdefault(row["title"], {})
        paragraphs.setdefault(row["context"], []).append({**question, "is_impossible": False})
    return {
        "version": "1.1",
        "data": [
            {"title": title, "paragraphs": [{"context": c, "qas": q} for c, q in found.items()]}
            for title, found in articles.items()
        ],
    }


def _jaqket(found: Sequence[Row]) -> Any:
    """With more contexts than are read, and a question none of whose first five holds the answer."""
    raw = []
    for row in found:
        contexts = [
            dict(zip(row["ctxs"], values, strict=True), score="81.5")
            for values in zip(*row["ctxs"].values(), strict=True)
        ]
        more = {**contexts[0], "text": "読まれない", "has_answer": True}
        entry = {"qid": row["qid"], "question": row["question"], "answers": row["answers"]["text"]}
        raw.append({**entry, "ctxs": [*contexts, more]})
    hopeless = [{**context, "has_answer": False} for context in raw[0]["ctxs"][:5]]
    raw.insert(1, {**raw[0], "qid": "none", "question": "無", "ctxs": [*hopeless, more]})
    return raw


def _lines(path: Path, found: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    path.write_text(text, encoding="utf-8")


def _whole(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _parquet(path: Path, found: Sequence[Row]) -> None:
    import datasets

    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_list(list(found)).to_parquet(str(path))


def reader() -> TransformersHandle:
    """A Mistral that knows the characters of the data, with a context that holds every prompt."""
    texts = [str(row) for task in SHOTS for s in splits(task) for row in rows(task, s)]
    characters = sorted(
        {*"".join(texts), *"指示入力応答与えられた文脈質問以下選択ください含意矛盾中立#：\n"}
    )
    tokenizer = random_model.tokenizer([*characters, "ポジティブ"])
    config = transformers.MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )
    model = transformers.MistralForCausalLM(config).float().eval()
    random_model.randomise(model, 0)
    with torch.no_grad():
        model.lm_head.weight[2] *= 4  # most replies end soon
    return TransformersHandle(model, tokenizer, batch_size=4)
