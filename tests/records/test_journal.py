from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.records.journal import Journal, records
from suite.records.trial import Trial


def trial(number: int) -> Trial:
    return Trial(
        number, (0.25, number / 7), {"method": "ties", "名": "語"}, "ok", None, {}, (0.5,), {}
    )


def filled(folder: Path, count: int) -> Journal:
    journal = Journal(folder / "trials.jsonl")
    for number in range(count):
        journal.append(trial(number))
    return journal


def test_reads_back_what_was_appended(tmp_path: Path) -> None:
    assert filled(tmp_path, 3).read() == [trial(0), trial(1), trial(2)]


def test_no_file_is_an_empty_journal(tmp_path: Path) -> None:
    assert Journal(tmp_path / "trials.jsonl").read() == []


@given(torn=st.integers(1, 400))
@settings(max_examples=40)
def test_a_torn_last_line_is_dropped_and_overwritten(tmp_path_factory, torn: int) -> None:  # type: ignore[no-untyped-def]
    journal = filled(tmp_path_factory.mktemp("journal"), 3)
    whole = journal.path.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    journal.path.write_bytes(whole[: max(start, len(whole) - torn)])
    assert journal.read() == [trial(0), trial(1)]
    journal.append(trial(2))
    assert journal.path.read_bytes() == whole


def test_damage_in_the_middle_is_refused_by_line(tmp_path: Path) -> None:
    journal = filled(tmp_path, 3)
    lines = journal.path.read_text().splitlines()
    lines[1] = lines[1][:20]
    journal.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadInput, match="line 2: damaged"):
        journal.read()


def test_a_missing_line_is_refused(tmp_path: Path) -> None:
    journal = filled(tmp_path, 3)
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(BadInput, match="line 2: trial 2 where 1 belongs"):
        journal.read()


def test_a_line_twice_is_refused(tmp_path: Path) -> None:
    journal = filled(tmp_path, 3)
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([*lines[:2], *lines[1:]]) + "\n")
    with pytest.raises(BadInput, match="line 3: trial 1 where 2 belongs"):
        journal.read()


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = filled(tmp_path, 2)
    before = journal.path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("suite.records.journal.os.fsync", full)
    with pytest.raises(BadInput, match="No space left on device"):
        journal.append(trial(2))
    assert journal.path.read_bytes() == before


def test_records_must_be_objects(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text('{"a": 1}\n[1]\n')
    with pytest.raises(BadInput, match="line 2"):
        records(path).read()
