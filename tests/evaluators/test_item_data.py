from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as arrow

from suite.errors import BadInput
from suite.evaluators.datasets.item_data import files, read_splits
from suite.evaluators.datasets.items import Item, digest, write

COLUMNS = {"picture": "image", "prompt": "question", "expected": "answer", "id": "number"}


def make(path: Path, start: int, count: int) -> Path:
    """A data set of `count` rows whose pictures are all different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".png")
    images = []
    for number in range(start, start + count):
        Image.new("RGB", (2, 2), (number, 0, 0)).save(scratch)
        images.append({"bytes": scratch.read_bytes(), "path": None})
    scratch.unlink()
    table = {
        "image": images,
        "question": ["何色？"] * count,
        "answer": [f"赤{number}" for number in range(start, start + count)],
        "number": list(range(count)),
    }
    arrow.write_table(pa.table(table), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    """Search and select on one data set, report on another."""
    make(tmp_path / "a" / "train-0.parquet", 0, 6)
    make(tmp_path / "a" / "train-1.parquet", 6, 4)
    make(tmp_path / "b" / "test.parquet", 10, 5)
    (tmp_path / "b" / "data_per_image.txt").write_text("beside")
    return {
        "path": str(tmp_path / "a"),
        "files": "train-*",
        "columns": {key: name for key, name in COLUMNS.items() if key != "id"},
        "search": {"rows": "0:7"},
        "select": {"rows": [9, 8, 7]},
        "report": {"path": str(tmp_path / "b" / "test.parquet"), "columns": COLUMNS, "name": "b"},
    }


def answers(items: list[Item]) -> list[str]:
    return [item.expected.removeprefix("赤") for item in items]


def test_each_split_may_come_from_another_data_set(data: dict[str, Any]) -> None:
    splits = read_splits(data, "evaluator 'e'")
    assert {split: answers(items) for split, items in splits.items()} == {
        "search": [*"0123456"],
        "select": [*"789"],
        "report": ["10", "11", "12", "13", "14"],
    }
    assert [item.id for item in splits["report"]] == [f"b/{row}" for row in range(5)]
    again = read_splits(data, "x")
    assert [digest(again[s]) for s in again] == [digest(splits[s]) for s in splits]


def test_items_do_not_depend_on_where_the_data_lies(data: dict[str, Any], tmp_path: Path) -> None:
    before = read_splits(data, "e")
    moved = {**data, "path": str(tmp_path / "a").replace("/a", "/elsewhere")}
    (tmp_path / "a").rename(tmp_path / "elsewhere")
    assert read_splits(moved, "e") == before


def test_the_files_can_be_hashed(data: dict[str, Any], tmp_path: Path) -> None:
    assert files(data, "e") == {
        "search/train-0.parquet": tmp_path / "a" / "train-0.parquet",
        "search/train-1.parquet": tmp_path / "a" / "train-1.parquet",
        "select/train-0.parquet": tmp_path / "a" / "train-0.parquet",
        "select/train-1.parquet": tmp_path / "a" / "train-1.parquet",
        "report/test.parquet": tmp_path / "b" / "test.parquet",
    }


def test_ids_and_json_lines(data: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", [Item(f"x{n}", f"何{n}", "赤") for n in range(4)])
    lines = {"path": str(tmp_path / "x.jsonl"), "format": "jsonl"}
    splits = read_splits(
        {
            **data,
            "search": {**lines, "ids": ["x3", "x0"]},
            "select": {**lines, "rows": "1:3"},
            "report": {**data["report"], "ids": [1, 4]},
        },
        "e",
    )
    ids = {split: [item.id for item in items] for split, items in splits.items()}
    assert ids == {"search": ["x0", "x3"], "select": ["x1", "x2"], "report": ["b/1", "b/4"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"select": {"rows": "6:9"}},
            "item .*: picture .* is in search and in select|is in search",
        ),
        ({"select": {}}, "is in search and in select"),
        ({"select": {"rows": "7:11"}}, "split select: rows '7:11' must lie within .* 10 rows"),
        ({"select": {"rows": "0:99999999999999"}}, "must lie within"),
        ({"select": {"rows": "8:7"}}, "must lie within"),
        ({"select": {"rows": "seven"}}, "neither a list nor 'start:stop'"),
        ({"select": {"rows": "7:9", "ids": ["a"]}}, "either rows or ids"),
        ({"select": {"ids": ["gone"]}}, "no item has the id 'gone'"),
        ({"select": {"ids": []}}, "split select: no items"),
        ({"select": {"row": "7:9"}}, "split select: unknown key 'row'; allowed are path"),
        ({"select": {"rows": "7:9", "format": "csv"}}, "no format 'csv'; there are parquet, jsonl"),
        ({"select": {"rows": "7:9", "files": "dev-*"}}, "no file dev-"),
        ({"select": {"rows": "7:9", "path": ""}}, "split select: no path"),
        ({"columns": {"prompt": "question"}}, "split search: columns must name that of expected"),
        ({"columns": None}, "split search: columns must name that of prompt"),
        ({"columns": "question"}, "split search: columns 'question' is not of the form"),
        ({"select": None}, "data must describe select"),
    ],
)
def test_a_bad_description_is_named(data: dict[str, Any], change: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_splits({**data, **change}, "evaluator 'e'")


def test_a_missing_split_is_named(data: dict[str, Any]) -> None:
    del data["report"]
    with pytest.raises(BadInput, match="evaluator 'e': data must describe report"):
        read_splits(data, "evaluator 'e'")


def test_ids_of_two_data_sets_collide_without_a_name(data: dict[str, Any]) -> None:
    del data["report"]["name"]
    data["columns"] = COLUMNS
    with pytest.raises(BadInput, match="id '0' is in search"):
        read_splits(data, "e")


def test_pictures_of_json_lines_are_files_too(data: dict[str, Any], tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), "blue").save(tmp_path / "p.png")
    line = {"id": "1", "prompt": "?", "expected": "青", "picture": "p.png"}
    (tmp_path / "x.jsonl").write_text(json.dumps(line))
    data["report"] = {"path": str(tmp_path / "x.jsonl"), "format": "jsonl"}
    assert files(data, "e")["report/p.png"] == tmp_path / "p.png"
    assert read_splits(data, "e")["report"][0].picture is not None


ROWS = [("何本？", "1,200"), ("何個？", "3"), ("いくら？", "-4")]


def tables(folder: Path) -> dict[str, dict[str, Any]]:
    """The same rows in every layout, with what describes each."""
    (folder / "t").mkdir(parents=True)
    (folder / "t" / "x.tsv").write_text("".join(f"{q}\t{a}\n" for q, a in ROWS))
    (folder / "t" / "h.tsv").write_text("q\ta\n" + "".join(f"{q}\t{a}\n" for q, a in ROWS))
    objects = [json.dumps({"question": q, "answer_number": a}, ensure_ascii=False) for q, a in ROWS]
    (folder / "t" / "x.jsonl").write_text("\n".join(objects))
    questions, answers = zip(*ROWS, strict=True)
    table = pa.table({"question": questions, "answer_number": answers})
    arrow.write_table(table, folder / "t" / "x.parquet")
    where, named = str(folder / "t"), {"prompt": "question", "expected": "answer_number"}
    return {
        "tsv": {
            "path": where,
            "format": "tsv",
            "files": "x.tsv",
            "columns": {"prompt": 0, "expected": 1},
        },
        "header": {
            "path": where + "/h.tsv",
            "format": "tsv",
            "header": True,
            "columns": {"prompt": "q", "expected": "a"},
        },
        "json": {"path": where, "format": "json", "columns": named},
        "parquet": {"path": where, "columns": named},
    }


def thirds(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "search": {"rows": "0:1"}, "select": {"rows": [1]}, "report": {"rows": "2:3"}}


def test_every_layout_has_the_same_items(tmp_path: Path) -> None:
    found = {name: read_splits(thirds(spec), "e") for name, spec in tables(tmp_path).items()}
    first = found["parquet"]
    assert [(i.prompt, i.expected) for split in first.values() for i in split] == ROWS
    assert len({item.id for split in first.values() for item in split}) == 3
    assert all(splits == first for splits in found.values())


def test_files_of_every_layout_can_be_hashed(tmp_path: Path) -> None:
    names = {"tsv": "x.tsv", "header": "h.tsv", "json": "x.jsonl", "parquet": "x.parquet"}
    for name, spec in tables(tmp_path).items():
        found = files(thirds(spec), "e")
        path = tmp_path / "t" / names[name]
        assert found == {f"{split}/{path.name}": path for split in ("search", "select", "report")}


def test_layouts_may_be_mixed_and_a_question_may_not_be_in_two(tmp_path: Path) -> None:
    """As MGSM-JA is searched on one data set and reported on another."""
    layouts = tables(tmp_path)
    table, lines = layouts["tsv"], layouts["json"]
    rest = tmp_path / "rest.tsv"
    rest.write_text("いくつ？\t7\n")
    report = {**table, "path": str(rest)}
    lines = {"search": {**lines, "rows": "0:2"}, "select": {**lines, "rows": "2:3"}}
    splits = read_splits({**lines, "report": report}, "e")
    assert [len(items) for items in splits.values()] == [2, 1, 1]
    rest.write_text(" 何本?\t7\n")  # other width, other white space, another answer
    with pytest.raises(BadInput, match="prompt '何本\\?' is in search and in report"):
        read_splits({**lines, "report": report}, "e")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": {"prompt": 0, "expected": 2}}, "no column '2'; there are 0, 1"),
        ({"files": "*.jsonl"}, "cells|no column"),
        ({"files": "y.tsv"}, "no file y.tsv"),
        ({"search": {"rows": "0:4"}}, "split search: rows '0:4' must lie within .* 3 rows"),
    ],
)
def test_a_bad_table_is_named(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=said):
        read_splits({**thirds(tables(tmp_path)["tsv"]), **change}, "evaluator 'e'")
