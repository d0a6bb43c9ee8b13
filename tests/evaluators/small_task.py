"""Two small tasks as a user of lm-eval writes them, and a data set in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from suite.evaluators.lm_eval_task import LmEvalTask

CHOICE = """task: choice
dataset_path: someone/choice
dataset_kwargs: {token: none}
validation_split: dev
fewshot_split: dev
num_fewshot: 2
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: [red, blue, "12"]
doc_to_target: a
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
WRITE = """task: write
dataset_path: someone/choice
test_split: dev
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
generation_kwargs: {do_sample: false, max_gen_toks: 3, until: []}
process_results: !function marks.each
metric_list:
  - {metric: pair, aggregation: !function marks.all, higher_is_better: false}
  - {metric: length, aggregation: mean, higher_is_better: true}
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
"""
MARKS = """
def each(doc, replies):
    return {"pair": (doc["a"], len(replies[0])), "length": len(replies[0]), "perplexity": -1.0}
def all(pairs):
    return sum(3 * number + length for number, length in pairs) / len(pairs)
"""
ROWS = [{"id": f"q{n}", "q": f"red {n} blue", "a": n % 3} for n in range(12)]


def written(where: Path) -> Path:
    """The tasks in `where`, their data set in ``data``."""
    for name, text in (("choice.yaml", CHOICE), ("write.yaml", WRITE), ("marks.py", MARKS)):
        (where / name).write_text(text, encoding="utf-8")
    lines(where / "data" / "dev.jsonl", ROWS)
    lines(where / "data" / "shots.jsonl", [{**ROWS[0], "q": f"blue {n}"} for n in range(6)])
    return where


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def task(folder: Path, splits: Any, **options: Any) -> LmEvalTask:
    data = {"path": folder / "data", "files": {"dev": "dev.jsonl"}}
    given = {"task": "choice", "metrics": {"m": "acc"}, "path": folder, "data": data, **options}
    return LmEvalTask("x", splits=splits, **given)


def questions(evaluator: LmEvalTask, split: str) -> list[str]:
    return [doc["id"] for doc in evaluator._tasks[split].eval_docs]
