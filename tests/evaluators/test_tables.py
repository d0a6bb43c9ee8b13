"""Tab-separated values and JSON lines as rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.evaluators.datasets.columns import Layout
from suite.evaluators.datasets.tables import json_lines, tsv

NUMBERED = Layout({"prompt": "0", "expected": "1"})
NAMED = Layout({"prompt": "question", "expected": "answer_number"})
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\ufeff"))


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_a_row_is_what_stands_between_tabs(rows: list[tuple[str, str]], end: str) -> None:
    import tempfile

    rows = [row for row in rows if "".join(row).strip()] or [("x", "1")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tsv"
        path.write_bytes("".join("\t".join(row) + end for row in rows).encode())
        found = tsv([path], NUMBERED)
    assert found == [(path, at, {"0": row[0], "1": row[1]}) for at, row in enumerate(rows)]


def test_rows_of_several_files_are_counted_through(tmp_path: Path) -> None:
    for name, text in (("a", "何？\t1\n\nなぜ？\t2"), ("b", '\ufeff"誰"？\t3\u2028\n')):
        (tmp_path / f"{name}.tsv").write_text(text, encoding="utf-8")
    found = tsv([tmp_path / "a.tsv", tmp_path / "b.tsv"], NUMBERED)
    assert [(path.name, index, *row.values()) for path, index, row in found] == [
        ("a.tsv", 0, "何？", "1"),
        ("a.tsv", 1, "なぜ？", "2"),
        ("b.tsv", 2, '"誰"？', "3\u2028"),
    ]


def test_a_header_names_the_columns_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("question\tanswer_number\nA\t1\n")
    (tmp_path / "b.tsv").write_text("answer_number\tquestion\n2\tB\n")
    found = tsv([tmp_path / "a.tsv", tmp_path / "b.tsv"], NAMED, header=True)
    assert [row for _, _, row in found] == [
        {"question": "A", "answer_number": "1"},
        {"question": "B", "answer_number": "2"},
    ]


def test_json_lines_keep_their_values(tmp_path: Path) -> None:
    rows = [{"question": "A\u2028\n", "answer_number": 1, "more": [1]}]
    rows.append({"question": "B", "answer_number": "2"})
    text = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")
    assert [row for _, _, row in json_lines([tmp_path / "x.jsonl"], NAMED)] == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\t1\nb\n", "line 2: 1 cells, the first has 2"),
        ("a\t1\nb\t2\t3\n", "line 2: 3 cells, the first has 2"),
        ("a\n", "no column '1'; there are 0"),
    ],
)
def test_a_bad_table_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text(text)
    with pytest.raises(BadInput, match=rf"x\.tsv.*{said}"):
        tsv([tmp_path / "x.tsv"], NUMBERED)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not a JSON object"),
        ("[1]", "line 2: not a JSON object"),
        ('{"question": "B"}', "line 2: no column 'answer_number'; there are question"),
    ],
)
def test_a_bad_line_is_named(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"question": "A", "answer_number": 1}\n' + line)
    with pytest.raises(BadInput, match=rf"x\.jsonl, {said}"):
        json_lines([tmp_path / "x.jsonl"], NAMED)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "x.tsv", tmp_path / "gone.tsv"):
        with pytest.raises(BadInput, match="cannot be read"):
            tsv([path], NUMBERED)
