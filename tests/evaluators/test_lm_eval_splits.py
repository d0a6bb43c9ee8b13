"""Documents of lm-eval's tasks by index, by a column's values and by draw; none shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.errors import BadInput
from tests.evaluators.small_task import ROWS, lines, questions, task

pytest.importorskip("lm_eval")


def test_documents_by_a_columns_values(small_tasks: Path) -> None:
    (small_tasks / "ids.txt").write_text("q7\n\nq2\n", encoding="utf-8")
    parts = {
        "search": {"ids": {"column": "id", "values": ["q5", "q1"]}},
        "report": {"ids": {"column": "id", "file": str(small_tasks / "ids.txt")}},
    }
    evaluator = task(small_tasks, parts)
    assert questions(evaluator, "search") == ["q1", "q5"]
    assert questions(evaluator, "report") == ["q2", "q7"]
    assert evaluator.splits == {
        "search": ["choice/1", "choice/5"],
        "report": ["choice/2", "choice/7"],
    }
    answers = task(small_tasks, {"search": {"ids": {"column": "a", "values": [1]}}})
    assert questions(answers, "search") == ["q1", "q4", "q7", "q10"]


def test_draws_share_nothing_and_take_no_copy(small_tasks: Path) -> None:
    copies = [{**row, "id": f"copy of {row['id']}", "q": row["q"].upper()} for row in ROWS]
    lines(small_tasks / "data" / "dev.jsonl", [*ROWS, *copies])
    drawn = {"ids": {"draw": 5, "seed": 3}}
    parts = {"search": drawn, "select": drawn, "report": {"ids": [0, 1]}}
    evaluator = task(small_tasks, parts, num_fewshot=0)
    found = {split: questions(evaluator, split) for split in parts}
    names = [name.removeprefix("copy of ") for ids in found.values() for name in ids]
    assert sorted(names) == sorted(row["id"] for row in ROWS)
    assert found["report"] == ["q0", "q1"]
    again = task(small_tasks, parts, num_fewshot=0)
    assert again.splits == evaluator.splits
    few = task(small_tasks, {"search": {"ids": {"draw": 3, "of": "2:6"}}}, num_fewshot=0)
    assert set(questions(few, "search")) < {"q2", "q3", "q4", "q5"}
    assert questions(few, "search") != ["q2", "q3", "q4"], "not the first ones"
    with pytest.raises(BadInput, match="draw 13: only 12 documents are left that no other asks"):
        task(small_tasks, {"search": {"ids": {"draw": 13}}}, num_fewshot=0)


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"search": {"ids": {"column": "id"}}}, "must have column and either values or file"),
        ({"search": {"ids": {"column": "id", "values": ["q99"]}}}, "no document's id is 'q99'"),
        (
            {"search": {"ids": {"column": "no", "values": [1]}}},
            "no column 'no'; there are id, q, a",
        ),
        ({"search": {"ids": {"column": "id", "file": "/no"}}}, "file /no: cannot be read"),
        (
            {"search": {"ids": {"draw": 2, "of": "0:99"}}},
            "ids: of '0:99' must lie within the task's",
        ),
        (
            {"search": {"ids": {"draw": 2, "first": 2}}},
            "unknown key 'first'; allowed are draw, seed",
        ),
        ({"search": {"ids": {"draw": 0}}}, "draw 0 of seed 0: whole numbers"),
        ({"search": {"from": "train"}}, "split 'train'; data has files for dev"),
    ],
)
def test_bad_choices_are_told(small_tasks: Path, splits: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as error:
        task(small_tasks, splits, num_fewshot=0)
    assert "\n" not in str(error.value)


def test_two_splits_do_not_ask_the_same(small_tasks: Path) -> None:
    lines(small_tasks / "data" / "dev.jsonl", [*ROWS, {**ROWS[3], "q": "RED  3 blue"}])
    with pytest.raises(
        BadInput, match="what is asked by document 12 of choice is in search and in"
    ):
        task(small_tasks, {"search": {"ids": "0:4"}, "report": {"ids": [12]}}, num_fewshot=0)
