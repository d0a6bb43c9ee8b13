"""Features are computed once, spilt to disk when there are many, and made again when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models.features import Encoded, Features, digest_of

PICTURES = [Picture(bytes([number])) for number in range(6)]
ROW = 5 * 4  # bytes of one row of features


class Tower:
    """Encodes a picture of byte n as n + 2 rows, and remembers what it has looked at."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.seen: list[int] = []
        self.dtype = dtype

    def __call__(self, picture: Picture) -> Encoded:
        number = picture.data[0]
        self.seen.append(number)
        features = torch.arange((number + 2) * 5, dtype=self.dtype).reshape(-1, 5) + number
        return {"features": features, "grid": torch.tensor([1, number, 2])}


def same(found: Encoded, number: int, dtype: torch.dtype = torch.float32) -> bool:
    wanted = Tower(dtype)(PICTURES[number])
    return found.keys() == wanted.keys() and all(
        torch.equal(found[key], wanted[key]) and found[key].dtype == wanted[key].dtype
        for key in wanted
    )


def files(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file())


def test_a_small_set_stays_in_memory(tmp_path: Path) -> None:
    tower = Tower()
    features = Features(tower, lambda: "key", tmp_path)
    features.learn([PICTURES[3], PICTURES[1], PICTURES[3], Picture(bytes([1]))])
    features.learn(PICTURES[:4])
    assert tower.seen == [3, 1, 0, 2]  # in the order of first sight
    assert all(same(features.get(PICTURES[number]), number) for number in range(4))
    assert [features.rows(picture) for picture in PICTURES[:4]] == [2, 3, 4, 5]
    assert tower.seen == [3, 1, 0, 2] and files(tmp_path) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_large_set_goes_to_disk_whole(tmp_path: Path, dtype: torch.dtype) -> None:
    tower = Tower(dtype)
    features = Features(tower, lambda: "key", tmp_path, memory=9 * ROW)
    features.learn(PICTURES)
    assert tower.seen == list(range(6))
    names = [f"{picture.digest}.safetensors" for picture in PICTURES]
    assert [path.name for path in files(tmp_path)] == sorted(names)
    assert {path.parent for path in files(tmp_path)} == {tmp_path / "key"}
    assert all(same(features.get(PICTURES[number]), number, dtype) for number in range(6))

    second = Tower(dtype)  # another process, whose first pictures would fit into memory
    later = Features(second, lambda: "key", tmp_path, memory=9 * ROW)
    later.learn(PICTURES[::-1])
    assert all(same(later.get(PICTURES[number]), number, dtype) for number in range(6))
    assert [later.rows(picture) for picture in PICTURES] == [2, 3, 4, 5, 6, 7]
    assert second.seen == []

    other = Tower(dtype)  # another tower
    Features(other, lambda: "other", tmp_path).learn(PICTURES[:1])
    assert other.seen == [0]


@pytest.mark.parametrize("damage", ["empty", "short", "bit", "alien"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: str) -> None:
    Features(Tower(), lambda: "key", tmp_path, memory=0).learn(PICTURES[:2])
    path = tmp_path / "key" / f"{PICTURES[1].digest}.safetensors"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "short": whole[:-3],
            "bit": whole[:-1] + bytes([whole[-1] ^ 1]),
            "alien": b"not safetensors at all",
        }[damage]
    )
    tower = Tower()
    features = Features(tower, lambda: "key", tmp_path, memory=0)
    features.learn(PICTURES[:2])
    assert tower.seen == [1]
    assert same(features.get(PICTURES[1]), 1)
    assert path.read_bytes() == whole


def test_a_file_that_vanishes_during_a_run_is_made_again(tmp_path: Path) -> None:
    tower = Tower()
    features = Features(tower, lambda: "key", tmp_path, memory=5 * ROW)  # no more than the first
    features.learn(PICTURES[:2])
    (tmp_path / "key" / f"{PICTURES[0].digest}.safetensors").unlink()
    assert same(features.get(PICTURES[0]), 0) and same(features.get(PICTURES[1]), 1)
    assert tower.seen == [0, 1, 0] and len(files(tmp_path)) == 2


def test_no_half_written_file_is_ever_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(_: Encoded, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        assert list(tmp_path.rglob("*.safetensors")) == []
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", torn)
    features = Features(Tower(), lambda: "key", tmp_path, memory=0)
    with pytest.raises(BadInput, match=r"cannot be written .*No space left.*MERGE_SUITE_CACHE"):
        features.learn(PICTURES[:1])
    assert files(tmp_path) == []


def test_the_users_cache_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGE_SUITE_CACHE", str(tmp_path))
    features = Features(Tower(), lambda: "key", memory=0)
    features.learn(PICTURES[:1])
    assert features.folder == resources.cache("features") / "key"
    assert [path.parent for path in files(tmp_path)] == [tmp_path / "features" / "key"]


def test_digests_tell_names_types_shapes_and_bits_apart() -> None:
    base = torch.arange(6, dtype=torch.int32)
    sets = [
        [("a", base)],
        [("b", base)],
        [("a", base.view(2, 3))],
        [("a", base.view(torch.float32))],
        [("a", base + 1)],
        [("a", base), ("b", base)],
        [],
    ]
    digests = [digest_of(tensors) for tensors in sets] + [digest_of([("a", base)], "more")]
    assert len(set(digests)) == len(digests)
    assert digest_of([("b", base), ("a", base)]) == digest_of(sets[5])
