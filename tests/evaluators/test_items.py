from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets.items import (
    Item,
    check_disjoint,
    digest,
    files,
    read,
    read_splits,
    write,
)
from suite.evaluators.datasets.pictures import Picture
from tests.nonempty import some

ITEMS = [Item("a", "1+1?", "2"), Item("b", "日本語", "答え")]


def picture(level: int) -> Picture:
    buffer = BytesIO()
    Image.new("RGB", (4, 4), (level, 0, 0)).save(buffer, "PNG")
    return Picture(buffer.getvalue())


RED, DARK = picture(255), picture(40)
SEEN = [Item("a", "What?", "red", RED), Item("b", "Where?", "here", RED), Item("c", "Who?", "I")]


@pytest.mark.parametrize("items", [ITEMS, SEEN])
def test_written_items_read_back(tmp_path: Path, items: list[Item]) -> None:
    write(tmp_path / "x.jsonl", items)
    again = read(tmp_path / "x.jsonl")
    assert again == items and digest(again) == digest(items)


def test_a_picture_may_lie_beside_the_items(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "red.png").write_bytes(RED.data)
    write(tmp_path / "x.jsonl", ITEMS)
    line = {"id": "c", "prompt": "?", "expected": "red", "picture": "pictures/red.png"}
    with (tmp_path / "x.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert read(tmp_path / "x.jsonl") == [*ITEMS, Item("c", "?", "red", RED)]
    assert files(tmp_path) == {
        "pictures/red.png": tmp_path / "pictures" / "red.png",
        "x.jsonl": tmp_path / "x.jsonl",
    }


def test_questions_about_one_picture_share_it(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", SEEN)
    first, second, third = read(tmp_path / "x.jsonl")
    assert first.picture is second.picture and third.picture is None


@pytest.mark.parametrize("line", ["{", '{"id": 1}', "[]", "3"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    write(path, ITEMS)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(BadInput, match="line 3"):
        read(path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("../x.png", "not inside"),
        ("gone.png", "no such file"),
        ("x.jsonl", "not a picture"),
        (RED.uri()[:-40], "damaged"),
        (7, "no such file"),
    ],
)
def test_a_bad_picture_is_named_with_its_item_and_file(
    tmp_path: Path, value: object, said: str
) -> None:
    path = tmp_path / "x.jsonl"
    line = {"id": "7b", "prompt": "?", "expected": "red", "picture": value}
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(BadInput, match=rf"x\.jsonl, line 1, item '7b'.*{said}"):
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


def test_one_question_about_several_pictures_and_several_about_one() -> None:
    other = [Item("x", "What?", "dark", DARK), Item("y", "Where?", "there", DARK)]
    check_disjoint({"search": SEEN, "report": other}, "here")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Item("x", "How many?", "1", RED), "item 'x': picture .* search and in report"),
        (Item("x", "who ?", "you"), "prompt 'who\\?' is in search and in report"),
        (Item("a", "How many?", "1", DARK), "id 'a' is in search and in report"),
    ],
)
def test_a_picture_is_in_one_split_only(item: Item, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check_disjoint({"search": SEEN, "report": [item]}, "here")


def test_the_same_question_about_the_same_picture_is_refused_within_a_split() -> None:
    with pytest.raises(BadInput, match="search and in search"):
        check_disjoint({"search": [*SEEN, Item("x", "ＷＨＡＴ？", "red", RED)]}, "here")


def test_the_digest_sees_content_and_order() -> None:
    assert digest(ITEMS) != digest(ITEMS[::-1])
    assert digest(ITEMS) != digest([ITEMS[0], Item("b", "日本語", "別")])


def test_the_digest_sees_pictures_and_is_as_ever_without() -> None:
    plain = json.dumps([["a", "1+1?", "2"], ["b", "日本語", "答え"]], ensure_ascii=False)
    assert digest(ITEMS) == hashlib.sha256(plain.encode()).hexdigest()
    one, other, none = ([Item("a", "?", "x", seen)] for seen in (RED, DARK, None))
    assert len({digest(one), digest(other), digest(none)}) == 3


def test_shipped_sets_still_have_their_published_digests() -> None:
    folder = resources.ZOO / "ja_math_micro"
    published = json.loads((folder / "provenance.json").read_text())["items"]
    for name in ("ja_math", "en_math", "ja_general"):
        for split, items in some(read_splits(folder / "items" / name).items()):
            assert digest(items) == published[f"{name}/{split}"]
