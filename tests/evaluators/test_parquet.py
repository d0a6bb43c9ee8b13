"""Files as `datasets` writes them, read without it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as arrow

from suite.errors import BadInput
from suite.evaluators.datasets.columns import Layout, find
from suite.evaluators.datasets.parquet import count, read

WILD = {"picture": "image", "prompt": "question", "expected": "answer"}
VG = {"picture": "image", "prompt": "qas.question", "expected": "qas.answer"}


def png(level: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (4, 4), (level % 256, level // 256, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def image(level: int) -> dict[str, Any]:
    return {"bytes": png(level), "path": f"{level}.png"}


def qas(row: int) -> list[dict[str, Any]]:
    """As many questions as the row's number says, one at least."""
    return [
        {"qa_id": 10 * row + k, "question": f"何{row}.{k}", "answer": f"赤{row}.{k}"}
        for k in range(max(1, row))
    ]


@pytest.fixture(scope="module")
def vg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of JA-VG-VQA-500: two files of test, one of train."""
    import datasets

    folder = tmp_path_factory.mktemp("vg")
    features = datasets.Features(
        {
            "image_id": datasets.Value("int64"),
            "url": datasets.Value("string"),
            "qas": [
                {
                    "qa_id": datasets.Value("int64"),
                    "question": datasets.Value("string"),
                    "answer": datasets.Value("string"),
                }
            ],
            "image": datasets.Image(),
        }
    )
    for name, rows in (("test-0", range(4)), ("test-1", range(4, 7)), ("train-0", range(100, 105))):
        table = [
            {"image_id": row, "url": "", "qas": qas(row % 7), "image": image(row)} for row in rows
        ]
        whole = datasets.Dataset.from_list(table, features=features)
        whole.to_parquet(folder / f"{name}.parquet", batch_size=2)
    return folder


def wild(path: Path, **columns: list[Any]) -> Path:
    table = {
        "image": [image(1), image(2), image(3)],
        "question": ["何色？", "何個？", "どこ？"],
        "answer": ["赤", "3", "左"],
        "page_url": ["", "", ""],
        **columns,
    }
    arrow.write_table(pa.table(table), path)
    return path


def test_datasets_reads_what_we_read(vg: Path) -> None:
    import datasets

    paths = find(vg, "test-*.parquet")
    theirs = datasets.Dataset.from_parquet(
        [str(path) for path in paths], cache_dir=str(vg / "cache")
    )
    ours = read(paths, Layout(VG, first_question=True))
    assert count(paths) == len(ours) == len(theirs) == 7
    for row, item in zip(theirs, ours, strict=True):
        assert (item.prompt, item.expected) == (row["qas"][0]["question"], row["qas"][0]["answer"])
        assert item.picture is not None
        assert item.picture.image().tobytes() == row["image"].convert("RGB").tobytes()


def test_every_question_or_the_first_of_each_picture(vg: Path) -> None:
    paths = find(vg, "test-*.parquet")
    whole = read(paths, Layout({**VG, "id": "image_id"}))
    assert [i.id for i in whole[:4]] == ["0", "1", "2/0", "2/1"]
    assert [i.prompt for i in whole] == [q["question"] for row in range(7) for q in qas(row)]
    assert whole[2].picture is whole[3].picture
    first = read(paths, Layout({**VG, "id": "image_id"}, first_question=True))
    assert [(i.id, i.prompt) for i in first] == [(str(r), f"何{r}.0") for r in range(7)]
    own = read(paths, Layout({**VG, "id": "qas.qa_id"}))
    assert [i.id for i in own] == [str(q["qa_id"]) for row in range(7) for q in qas(row)]


@pytest.mark.parametrize("rows", [range(7), range(3, 5), {0, 6}, {4}, {1, 2, 5}])
def test_rows_run_on_through_all_files(vg: Path, rows: Any) -> None:
    layout = Layout({**VG, "id": "image_id"}, first_question=True)
    found = read(find(vg, "test-*.parquet"), layout, rows)
    assert [int(item.id) for item in found] == sorted(rows)


def test_ids_pick_items(vg: Path) -> None:
    found = read(find(vg, "test-*.parquet"), Layout({**VG, "id": "image_id"}), ids={"2/1", "6/0"})
    assert [item.prompt for item in found] == ["何2.1", "何6.0"]


def test_ids_of_content_depend_on_prompt_and_picture_alone(tmp_path: Path) -> None:
    items = read([wild(tmp_path / "a.parquet")], Layout(WILD))
    swapped = read(
        [wild(tmp_path / "b.parquet", image=[image(2), image(1), image(3)])], Layout(WILD)
    )
    assert len({i.id for i in items} | {i.id for i in swapped}) == 5
    assert items[2].id == swapped[2].id


def test_structs_of_lists_and_plain_lists_are_lists_too(tmp_path: Path) -> None:
    pairs = [{"q": ["a", "b"], "a": ["1", "2"]}, {"q": ["c"], "a": ["3"]}, {"q": ["d"], "a": ["4"]}]
    path = wild(tmp_path / "x.parquet", qas=pairs, asked=[["a", "b"], ["c"], ["d"]])
    for prompt in ("qas.q", "asked"):
        items = read([path], Layout({"prompt": prompt, "expected": "qas.a"}))
        assert [(i.prompt, i.expected) for i in items] == [*zip("abcd", "1234", strict=True)]


def test_pictures_may_be_bytes_or_files_beside(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png(1))
    for cells in (
        [png(1)] * 3,
        ["1.png"] * 3,
        [{"bytes": None, "path": "1.png"}] * 3,
    ):
        items = read([wild(tmp_path / "x.parquet", image=cells)], Layout(WILD))
        assert [i.picture and i.picture.data for i in items] == [png(1)] * 3


def test_a_data_set_without_the_named_columns_says_what_it_has(tmp_path: Path) -> None:
    path = wild(tmp_path / "x.parquet")
    for name in ("photo", "photo.bytes"):
        with pytest.raises(
            BadInput, match=f"no column '{name}'; there are image, question, answer"
        ):
            read([path], Layout({**WILD, "picture": name}))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({**WILD, "reply": "answer"}, "unknown 'reply'; allowed are id, picture, prompt, expected"),
        ({"picture": "image", "prompt": "question"}, "must name that of expected"),
    ],
)
def test_columns_must_be_named(columns: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Layout(columns)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"answer": ["赤", None, "左"]}, "row 1: column 'answer' holds no text"),
        ({"question": [["a"], [], ["c"]]}, "row 1: 0 entries in column 'question'"),
        ({"question": [["a"], ["b", "c"], ["d"]]}, "row 1: 2 entries in column 'question', 1 in"),
        ({"image": [image(1), None, image(3)]}, "row 1: column 'image' holds no picture"),
        ({"image": [png(1), b"none", png(3)]}, r"x\.parquet, row 1: not a picture"),
        ({"image": [png(1), png(2)[:-30], png(3)]}, r"x\.parquet, row 1: the picture is damaged"),
        ({"image": ["../a.png"] * 3}, "row 0: picture '../a.png' is not inside"),
        ({"image": [[png(1)]] * 3}, "row 0: column 'image' holds no picture"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, cells: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read([wild(tmp_path / "x.parquet", **cells)], Layout(WILD))


def test_a_missing_field_is_named(vg: Path) -> None:
    with pytest.raises(BadInput, match="no field 'reply'; there are qa_id, question, answer"):
        read(find(vg, "test-*"), Layout({**VG, "expected": "qas.reply"}))


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(BadInput, match=r"x\.parquet: not a parquet file") as caught:
        count(find(tmp_path, "*.parquet"))
    assert "\n" not in str(caught.value)
    whole = wild(tmp_path / "y.parquet").read_bytes()
    (tmp_path / "y.parquet").write_bytes(whole[:40] + bytes(60) + whole[100:])
    with pytest.raises(BadInput, match=r"y\.parquet"):
        read([tmp_path / "y.parquet"], Layout(WILD))
    with pytest.raises(BadInput, match=r"no file test-\* in this folder"):
        find(tmp_path, "test-*")
