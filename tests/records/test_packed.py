"""Journals at rest: equal in both forms, and never lost, wherever packing or unpacking is stopped."""

from __future__ import annotations

import fcntl
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput, Busy
from suite.records import packed
from suite.records.journal import Journal, records
from tests.records.test_journal import filled, trial

CALLS = ("os.fsync", "pathlib.Path.replace", "pathlib.Path.unlink")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@given(st.binary(max_size=300))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("packed") / "trials.jsonl"
    path.write_bytes(content)
    before, after = packed.pack(path)
    stored = path.with_name("trials.jsonl.gz")
    assert names(path.parent) == {stored.name} and before == len(content)
    assert gzip.decompress(stored.read_bytes()) == content and stored.stat().st_size == after
    assert packed.content(path) == content and packed.form(path) == stored
    packed.unpack(path)
    assert names(path.parent) == {path.name} and path.read_bytes() == content


def test_the_same_lines_are_the_same_bytes(tmp_path: Path) -> None:
    stored = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        packed.pack(filled(tmp_path / name, 3).path)
        stored.append((tmp_path / name / "trials.jsonl.gz").read_bytes())
    assert stored[0] == stored[1]


def test_a_packed_journal_reads_and_goes_on(tmp_path: Path) -> None:
    journal = filled(tmp_path, 2)
    packed.pack(journal.path)
    assert journal.read() == [trial(0), trial(1)]
    journal.append(trial(2))
    assert names(tmp_path) == {"trials.jsonl"}
    assert Journal(journal.path).read() == [trial(0), trial(1), trial(2)]


def test_a_torn_last_line_stays_torn(tmp_path: Path) -> None:
    journal = filled(tmp_path, 2)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-9])
    packed.pack(journal.path)
    assert journal.read() == [trial(0)]
    journal.append(trial(1))
    assert journal.path.read_bytes() == whole


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def killed_at(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[int, Callable[[], object]], bool]]:
    """Call something and stop before its k-th change of the disk; whether it got that far."""

    def call(k: int, what: Callable[[], object]) -> bool:
        left = [k]

        def stopping(real: Callable[..., object]) -> Callable[..., object]:
            def one(*arguments: object, **options: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return real(*arguments, **options)

            return one

        with monkeypatch.context() as patch:
            for name in CALLS:
                owner, _, method = name.rpartition(".")
                target = Path if owner == "pathlib.Path" else packed.os
                patch.setattr(target, method, stopping(getattr(target, method)))
            try:
                what()
            except Killed:
                return True
            return False

    yield call


@pytest.mark.parametrize("way", ["pack", "unpack"])
def test_it_may_be_killed_anywhere(tmp_path: Path, killed_at, way: str) -> None:  # type: ignore[no-untyped-def]
    for k in range(20):
        folder = tmp_path / str(k)
        folder.mkdir()
        journal = filled(folder, 3)
        content = journal.path.read_bytes()
        if way == "unpack":
            packed.pack(journal.path)
        killed = killed_at(k, lambda path=journal.path: getattr(packed, way)(path))
        assert packed.content(journal.path) == content
        assert journal.read() == [trial(0), trial(1), trial(2)]
        journal.append(trial(3))
        assert packed.form(journal.path).name == "trials.jsonl"
        assert journal.read()[3] == trial(3)
        if not killed:
            break
    assert 3 <= k < 19


@pytest.mark.parametrize("size", [0, 5, -9, -1])
def test_damage_is_one_line(tmp_path: Path, size: int) -> None:
    journal = filled(tmp_path, 3)
    packed.pack(journal.path)
    stored = packed.form(journal.path)
    stored.write_bytes(stored.read_bytes()[:size])
    for act in (journal.read, lambda: packed.unpack(journal.path)):
        with pytest.raises(
            BadInput, match=r"trials.jsonl.gz: damaged, no whole gzip file; restore"
        ):
            act()


def test_a_flipped_bit_is_damage(tmp_path: Path) -> None:
    journal = filled(tmp_path, 3)
    packed.pack(journal.path)
    stored = packed.form(journal.path)
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 4
    stored.write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        journal.read()


def test_a_damaged_line_names_the_file_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text('{"a": 1}\n[1]\n')
    packed.pack(path)
    with pytest.raises(BadInput, match=r"judged.jsonl.gz, line 2: damaged"):
        records(path).read()


def test_two_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    journal = filled(tmp_path, 3)
    plain = journal.path.read_bytes()
    packed.pack(journal.path)
    journal.path.write_bytes(plain[:40])
    for act in (
        journal.read,
        lambda: journal.append(trial(3)),
        lambda: packed.pack(journal.path),
        lambda: packed.unpack(journal.path),
    ):
        with pytest.raises(BadInput, match=r"trials.jsonl: differs from trials.jsonl.gz beside it"):
            act()
    assert names(tmp_path) == {"trials.jsonl", "trials.jsonl.gz"}


def test_what_is_being_written_is_left_alone(tmp_path: Path) -> None:
    journal = filled(tmp_path, 1)
    with journal.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Busy, match=r"trials.jsonl: another process is writing to it"):
            packed.pack(journal.path)
    with journal.path.open("rb") as late:  # found before it was packed, locked after
        packed.pack(journal.path)
        with pytest.raises(Busy):
            packed.lock(late, journal.path)


def test_a_disk_that_gives_back_something_else_keeps_the_plain_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = filled(tmp_path, 2)
    real = packed._replace
    monkeypatch.setattr(packed, "_replace", lambda path, content: real(path, content[:-1] + b"?"))
    with pytest.raises(
        BadInput, match=r"gz: does not read back as it was written; trials.jsonl is"
    ):
        packed.pack(journal.path)
    assert names(tmp_path) == {"trials.jsonl"} and len(journal.read()) == 2
