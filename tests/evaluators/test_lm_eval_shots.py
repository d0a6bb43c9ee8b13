"""Few-shot examples of lm-eval's tasks: how many, from where, and never what is scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import BadInput
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators.small_task import CHOICE, ROWS, lines, task
from tests.nonempty import some

pytest.importorskip("lm_eval")


def test_examples_are_never_what_is_scored(small_tasks: Path, llava: VisionHandle) -> None:
    """Where they come from the evaluated split: others than this split's and the later ones'."""
    parts = {"search": {"ids": "0:4"}, "report": {"ids": "4:9"}}
    evaluator = task(small_tasks, parts)
    for split, allowed in (("search", {9, 10, 11}), ("report", {0, 1, 2, 3, 9, 10, 11})):
        samples = evaluator.samples(llava, split, 99)
        for sample in samples:
            *shown, _ = sample.prompt.split("\n\n")
            numbers = {int(text.split()[1]) for text in shown}
            assert len(shown) == 2 and numbers <= allowed
        assert evaluator.samples(llava, split, 99) == samples, "the same for every candidate"
    with pytest.raises(
        BadInput, match=r"2 few-shot examples are wanted, and there are [01] documents"
    ):
        task(small_tasks, {"search": {"ids": "0:4"}, "report": {"ids": "4:11"}})
    whole = task(small_tasks, {"report": {}}, num_fewshot=0)
    assert {s.prompt for s in whole.samples(llava, "report", 99)} == {r["q"] for r in ROWS}


def test_a_copy_of_a_scored_question_is_no_example(small_tasks: Path, llava: VisionHandle) -> None:
    copies = [{**row, "q": row["q"].upper()} for row in ROWS[:4]]
    lines(small_tasks / "data" / "dev.jsonl", [*ROWS[:4], *ROWS[9:12], *copies])
    evaluator = task(small_tasks, {"search": {"ids": "0:4"}})
    for sample in some(evaluator.samples(llava, "search", 99)):
        assert not [row for row in copies if row["q"] in sample.prompt]


def test_another_number_of_examples_from_another_split(
    small_tasks: Path, llava: VisionHandle
) -> None:
    text = CHOICE.replace("fewshot_split: dev", "fewshot_split: shots")
    (small_tasks / "choice.yaml").write_text(text, encoding="utf-8")
    data = {"path": small_tasks / "data", "files": {"dev": "dev.jsonl", "shots": "shots.jsonl"}}
    for count in (1, 4):
        evaluator = task(small_tasks, {"search": {}}, num_fewshot=count, data=data)
        for sample in some(evaluator.samples(llava, "search", 99)):
            assert sample.prompt.count("\n\n") == count
    with pytest.raises(BadInput, match=r"data set's split 'shots'; data has files for dev$"):
        task(small_tasks, {"search": {}})
    assert len(task(small_tasks, {"search": {}}, num_fewshot=0).splits["search"]) == 12
    with pytest.raises(BadInput, match="num_fewshot -1 must be"):
        task(small_tasks, {"search": {}}, num_fewshot=-1)
