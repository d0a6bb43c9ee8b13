"""Data sets in the form their authors publish them, as the rows that loading scripts made of them.

The library `datasets` runs such scripts no more. What they did to the two that follow is known from
their code: shunk031/huggingface-datasets_JGLUE and kumapo/JAQKET-dataset, both on GitHub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]

CONTEXTS = 5  # of JAQKET's hundred, the best first


def squad(content: Any) -> list[Row]:
    """SQuAD's articles, paragraphs and questions (JSQuAD's too): a row for each question."""
    return [
        {
            "id": question["id"],
            "title": article["title"],
            "context": paragraph["context"],
            "question": question["question"],
            "answers": _columns(question["answers"], ("text", "answer_start")),
        }
        for article in content["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def jaqket(content: Any) -> list[Row]:
    """JAQKET v2.0, ``train_jaqket_59.350.json`` and its like: questions and what was found for them.

    Questions whose first five contexts hold no answer are left out, as published.
    """
    rows = []
    for entry in content:
        contexts = entry["ctxs"][:CONTEXTS]
        if any(context["has_answer"] for context in contexts):
            rows.append(
                {
                    "qid": entry["qid"],
                    "question": entry["question"],
                    "answers": {"text": list(entry["answers"])},
                    "ctxs": _columns(contexts, ("id", "title", "text", "has_answer")),
                }
            )
    return rows


FORMS: Mapping[str, Callable[[Any], list[Row]]] = {"squad": squad, "jaqket": jaqket}


def _columns(entries: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """A list of structs as `datasets` has it: a struct of lists."""
    return {name: [entry[name] for entry in entries] for name in names}
