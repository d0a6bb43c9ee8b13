from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import BadInput
from suite.evaluators.items import Item, check_disjoint, digest, read, read_splits, write

ITEMS = [Item("a", "1+1?", "2"), Item("b", "日本語", "答え")]


def test_written_items_read_back(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", ITEMS)
    assert read(tmp_path / "x.jsonl") == ITEMS


@pytest.mark.parametrize("line", ["{", '{"id": 1}', "[]", "3"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    write(path, ITEMS)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(BadInput, match="line 3"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"search\.jsonl"):
        read_splits(tmp_path)


@pytest.mark.parametrize(
    "twin", [Item("a", "another", "2"), Item("c", "１＋１？", "2"), Item("c", " 1 + 1 ? ", "2")]
)
def test_splits_that_share_an_item_are_refused(twin: Item) -> None:
    with pytest.raises(BadInput, match="search and in report"):
        check_disjoint({"search": ITEMS, "report": [twin]}, "here")


def test_the_digest_sees_content_and_order() -> None:
    assert digest(ITEMS) != digest(ITEMS[::-1])
    assert digest(ITEMS) != digest([ITEMS[0], Item("b", "日本語", "別")])
