"""Local files instead of a task's data set, in every format; what the Hub is asked otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.errors import BadInput
from suite.evaluators.lm_eval import data as lm_eval_data
from suite.evaluators.lm_eval_task import LmEvalTask
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators.small_task import ROWS, lines, task

pytest.importorskip("lm_eval")


Writer = Callable[[Path], None]


def _parquet(path: Path) -> None:
    import datasets

    names = datasets.ClassLabel(names=["x", "y", "z"])
    types = {"id": datasets.Value("string"), "q": datasets.Value("string"), "a": names}
    datasets.Dataset.from_list(ROWS, features=datasets.Features(types)).to_parquet(str(path))


def _tsv(path: Path) -> None:
    path.write_text("".join("\t".join(map(str, r.values())) + "\n" for r in ROWS), encoding="utf-8")


FORMATS: dict[str, tuple[str, Writer, dict[str, Any]]] = {
    "parquet": ("dev.parquet", _parquet, {}),
    "json": ("dev.json", lambda path: path.write_text(json.dumps(ROWS)), {}),  # type: ignore[dict-item, return-value]
    "tsv": ("dev.tsv", _tsv, {"columns": {"id": "0", "q": "1", "a": "2"}}),
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_reads_alike(small_tasks: Path, llava: VisionHandle, form: str) -> None:
    usual = task(small_tasks, {"search": {"ids": "0:4"}})
    name, write, more = FORMATS[form]
    (small_tasks / "data" / "dev.jsonl").unlink()
    write(small_tasks / "data" / name)
    before = sorted(small_tasks.rglob("*"))
    data = {"path": small_tasks / "data", "files": {"dev": name}, **more}
    other = task(small_tasks, {"search": {"ids": "0:4"}}, data=data)
    assert other.samples(llava, "search", 9) == usual.samples(llava, "search", 9)
    assert other.evaluate(llava, "search") == usual.evaluate(llava, "search")
    assert sorted(small_tasks.rglob("*")) == before, "nothing is written"
    assert list(lm_eval_data.files(data, "x").values()) == [small_tasks / "data" / name]


def test_words_become_labels_and_files_follow_each_other(
    small_tasks: Path, llava: VisionHandle
) -> None:
    words = [{**row, "a": "abc"[row["a"]]} for row in ROWS]
    lines(small_tasks / "data" / "dev-0.jsonl", words[:5])
    lines(small_tasks / "data" / "dev-1.jsonl", words[5:])
    data = {
        "path": small_tasks / "data",
        "files": {"dev": "dev-*.jsonl"},
        "values": {"a": [*"abc"]},
    }
    made_of = task(small_tasks, {"search": {}}, data=data, num_fewshot=0)
    assert made_of.evaluate(llava, "search") == task(
        small_tasks, {"search": {}}, num_fewshot=0
    ).evaluate(llava, "search")
    del data["values"]
    with pytest.raises(
        BadInput, match="document 0 of choice: the answer 'a' is neither one of the"
    ):
        task(small_tasks, {"search": {}}, data=data, num_fewshot=0)
    with pytest.raises(BadInput, match="column 'a' has 'c'; values lists a, b"):
        task(small_tasks, {"search": {}}, data={**data, "values": {"a": ["a", "b"]}}, num_fewshot=0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "/nowhere"}, "data: no folder /nowhere; fetch it"),
        ({"files": {"dev": "*.parquet"}}, r"no file \*\.parquet in this folder"),
        ({"files": {"dev": "*.py"}}, "files must be of one format: .parquet, .jsonl, .json, .tsv"),
        ({"files": None}, "data must have path and files"),
        ({"script": "x.py"}, "data: unknown 'script'; allowed are path"),
        ({"columns": {"q": "question"}}, "no column 'question'; there are id, q, a"),
        ({"form": "xml"}, "no form 'xml'; there are squad, jaqket"),
        ({"form": "squad"}, "cannot be read"),
        (
            {"columns": {"text": "q"}},
            "the lm-eval task choice cannot be made of the files in .*'q' is un",
        ),
    ],
)
def test_bad_data_is_told(small_tasks: Path, change: dict[str, Any], said: str) -> None:
    (small_tasks / "data" / "code.py").write_text("raise SystemExit", encoding="utf-8")
    data = {
        "path": small_tasks / "data",
        "get": "fetch it",
        "files": {"dev": "dev.jsonl"},
        **change,
    }
    with pytest.raises(BadInput, match=said) as error:
        task(small_tasks, {"search": {}}, data=data)
    assert "\n" not in str(error.value)


def test_a_row_that_does_not_fit_is_named(small_tasks: Path) -> None:
    lines(small_tasks / "data" / "dev.jsonl", [*ROWS, {**ROWS[0], "q": None, "a": 7}])
    with pytest.raises(BadInput, match="document 12 of choice: the answer 7 is neither"):
        task(small_tasks, {"search": {}}, num_fewshot=0)


def test_the_hubs_data_is_pinned_and_its_absence_told(
    small_tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    asked: dict[str, Any] = {}

    def unreachable(**options: Any) -> None:
        asked.update(options)
        raise ConnectionError("Couldn't reach\nthe Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(
        BadInput, match=r"made of someone/choice; give local files as data"
    ) as error:
        task(small_tasks, {"search": {}}, data=None, revision="abc")
    assert "\n" not in str(error.value)
    assert asked == {"path": "someone/choice", "name": None, "token": "none", "revision": "abc"}
    with pytest.raises(BadInput, match="revision is of the Hub's data set"):
        task(small_tasks, {"search": {}}, revision="abc")
    with pytest.raises(BadInput, match="items replace the task's data"):
        LmEvalTask("x", "choice", {"m": "acc"}, items=small_tasks, revision="abc")
