from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from suite.errors import BadInput
from suite.evaluators.datasets.item_data import files, read_splits
from suite.evaluators.datasets.items import Item, write
from suite.evaluators.datasets.pictures import Picture


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    """Two files of 20 items each to draw from, and one to report on."""
    for number, name in enumerate(("search", "select", "report")):
        found = [Item(f"{name}/{n}", f"問{20 * number + n}", "赤") for n in range(20)]
        write(tmp_path / f"{name}.jsonl", found)
    return {
        "path": str(tmp_path),
        "format": "jsonl",
        "files": "se*.jsonl",
        "search": {"rows": {"draw": 7, "seed": 3}},
        "select": {"rows": {"draw": 12, "seed": 3}},
        "report": {"files": "report.jsonl"},
    }


def asked(items: list[Item]) -> list[int]:
    return [int(item.prompt.strip().removeprefix("問")) for item in items]


def test_splits_of_one_seed_share_one_shuffle(data: dict[str, Any]) -> None:
    splits = {split: asked(items) for split, items in read_splits(data, "e").items()}
    shuffled = random.Random(3).sample(range(40), 40)
    assert list(splits) == ["search", "select", "report"]
    assert splits["search"] == sorted(shuffled[:7])
    assert splits["select"] == sorted(shuffled[7:19])
    assert splits["report"] == list(range(40, 60))


def test_other_seeds_draw_other_items(data: dict[str, Any]) -> None:
    found = []
    for seed in range(4):
        data["search"] = {"rows": {"draw": 7, "seed": seed}}
        splits = read_splits(data, "e")  # select keeps its own seed, and leaves these out
        assert not set(asked(splits["search"])) & set(asked(splits["select"]))
        found.append(tuple(asked(splits["search"])))
    assert len(set(found)) == 4
    data["search"] = {"rows": {"draw": 7}}
    assert tuple(asked(read_splits(data, "e")["search"])) == found[0]  # the seed is 0 without


def test_a_draw_leaves_out_what_a_listed_split_has(data: dict[str, Any]) -> None:
    data["search"] = {"rows": {"draw": 4, "of": "0:10"}}
    data["select"] = {"rows": [0, 2, 4, 6, 8, 9]}
    splits = read_splits(data, "e")
    assert asked(splits["search"]) == [1, 3, 5, 7]  # drawn last, though first in order


def test_what_is_asked_twice_is_drawn_once(data: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "select.jsonl", [Item(f"x/{n}", f" 問{n} ", "赤") for n in range(20)])
    data["search"], data["select"] = {"rows": {"draw": 9}}, {"rows": {"draw": 11}}
    splits = read_splits(data, "e")
    found = asked([*splits["search"], *splits["select"]])
    assert sorted(found) == list(range(20))
    data["select"] = {"rows": {"draw": 12}}
    with pytest.raises(BadInput, match="split select: rows: draw 12: only 11 items are left"):
        read_splits(data, "e")


def test_a_picture_is_drawn_once(data: dict[str, Any], tmp_path: Path) -> None:
    pictures = []
    for colour in ("red", "blue"):
        Image.new("RGB", (2, 2), colour).save(tmp_path / "p.png")
        pictures.append(Picture((tmp_path / "p.png").read_bytes(), colour))
    found = [Item(str(n), f"問{n}", "赤", pictures[n % 2]) for n in range(20)]
    write(tmp_path / "select.jsonl", found)
    data["files"] = "select.jsonl"
    data["search"], data["select"] = {"rows": {"draw": 1}}, {"rows": {"draw": 1}}
    splits = read_splits(data, "e")
    seen = {splits[split][0].picture.digest for split in ("search", "select")}  # type: ignore[union-attr]
    assert seen == {picture.digest for picture in pictures}
    data["search"] = {"rows": {"draw": 2}}
    with pytest.raises(BadInput, match="split select: rows: draw 1: only 0 items are left"):
        read_splits(data, "e")


def test_the_files_of_a_draw_can_be_hashed(data: dict[str, Any], tmp_path: Path) -> None:
    assert files(data, "e") == {
        f"{split}/{name}.jsonl": tmp_path / f"{name}.jsonl"
        for split, names in (
            ("search", ("search", "select")),
            ("select", ("search", "select")),
            ("report", ("report",)),
        )
        for name in names
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"draw": 0}, "rows: draw 0 of seed 0: whole numbers, 1 or more"),
        ({"draw": True}, "rows: draw True of seed 0"),
        ({"seed": 1}, "rows: draw None of seed 1"),
        ({"draw": 3, "seed": 0.5}, "rows: draw 3 of seed 0.5"),
        ({"draw": 3, "from": "0:9"}, "rows: unknown key 'from'; allowed are draw, seed, of"),
        ({"draw": 3, "of": "0:41"}, "rows '0:41' must lie within the data set's 40 rows"),
        ({"draw": 41}, "rows: draw 41: only 28 items are left"),
    ],
)
def test_a_bad_draw_is_named(data: dict[str, Any], rows: Any, said: str) -> None:
    data["select"], data["search"] = {"rows": {"draw": 12}}, {"rows": list(range(28, 40))}
    with pytest.raises(BadInput, match=f"evaluator 'e', split select: {said}"):
        read_splits({**data, "select": {"rows": rows}}, "evaluator 'e'")


def test_a_draw_excludes_ids(data: dict[str, Any]) -> None:
    data["search"] = {"rows": {"draw": 3}, "ids": ["search/1"]}
    with pytest.raises(BadInput, match="split search: give either rows or ids"):
        read_splits(data, "e")
