"""Archives: what was put in comes out; what was tampered with does not, and changes nothing."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import BadInput, Busy
from suite.records import archive, packed
from suite.records import manifest as manifests
from suite.records.manifest import File, Manifest

NAME = "task/v1"
FILES = {
    "families.json": b"{}\n",
    "nsga2/seed=0/config.yaml": b"seed: 0\n",
    "nsga2/seed=0/trials.jsonl": b'{"number":0}\n{"number":1}\n',
    "nsga2/seed=0/judged.jsonl": b'{"number":1}\n',
    "random/seed=10/config.yaml": b"seed: 10\n",
    "random/seed=10/trials.jsonl": b'{"number":0}\n' * 2000,
}
Change = Callable[[tarfile.TarInfo], None]


def fill(results: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        path = results / "task" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return results


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected(files: dict[str, bytes] = FILES) -> dict[str, bytes]:
    return {f"task/{name}": content for name, content in files.items()}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The archive of `FILES`."""
    archive.make(fill(tmp_path / "from"), NAME, tmp_path / "archives")
    return tmp_path / "archives" / "task" / "v1.tar.xz"


def pull(file: Path, results: Path) -> int:
    manifest = manifests.read(archive.manifest_path(file), NAME)
    archive.check(file, manifest)
    return archive.place(file, manifest, results)


def test_what_went_in_comes_out(made: Path, tmp_path: Path) -> None:
    assert pull(made, tmp_path / "to") == len(FILES)
    assert tree(tmp_path / "to") == expected()
    assert pull(made, tmp_path / "to") == 0
    assert tree(tmp_path / "to") == expected()


def test_the_manifest_has_every_sum(made: Path) -> None:
    data = json.loads(archive.manifest_path(made).read_text())
    whole = made.read_bytes()
    assert data["archive"] == {"bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    assert data["members"] == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in FILES.items()
    }
    assert manifests.read(archive.manifest_path(made), NAME).runs == 2


def test_tar_alone_unpacks_it(made: Path, tmp_path: Path) -> None:
    with tarfile.open(made) as tar:
        assert next(iter(tar)).name == "task/families.json"
        tar.extractall(tmp_path / "by_hand", filter="data")
    assert tree(tmp_path / "by_hand") == expected()


def test_both_forms_of_a_journal_give_the_same_archive(made: Path, tmp_path: Path) -> None:
    results = fill(tmp_path / "again")
    for path in results.rglob("*.jsonl"):
        packed.pack(path)
    (results / "task" / "report").mkdir()
    (results / "task" / "report" / "index.html").write_text("made from the rest")
    archive.make(results, NAME, tmp_path / "second")
    assert tree(tmp_path / "second") == tree(made.parents[1])
    before = tree(results)
    assert pull(made, results) == 0  # and it lies there already
    assert tree(results) == before


def test_other_runs_stay_and_missing_ones_come(made: Path, tmp_path: Path) -> None:
    results = tmp_path / "to"
    own = {"nsga2/seed=7/config.yaml": b"mine\n", "nsga2/seed=0/config.yaml": b"seed: 0\n"}
    fill(results, own)
    assert pull(made, results) == len(FILES) - 1
    assert tree(results) == expected() | expected(own)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("form", ["plain", "packed"])
def test_a_file_that_differs_is_never_overwritten(
    made: Path, tmp_path: Path, name: str, form: str
) -> None:
    results = fill(tmp_path / "to", {name: b"mine\n"})
    if form == "packed" and name.endswith(".jsonl"):
        packed.pack(results / "task" / name)
    before = tree(results)
    with pytest.raises(
        BadInput, match=r"differs from the archive's; nothing was changed: unpack it"
    ):
        pull(made, results)
    assert tree(results) == before


def test_a_folder_where_a_file_belongs_is_refused(made: Path, tmp_path: Path) -> None:
    for k, name in enumerate(("nsga2/seed=0/config.yaml/x", "nsga2")):
        results = fill(tmp_path / str(k), {name: b"mine\n"})
        before = tree(results)
        with pytest.raises(BadInput, match="not a file, or below one; nothing was changed"):
            pull(made, results)
        assert tree(results) == before


def test_it_may_be_stopped_anywhere(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every run is there whole or not at all, and the same call goes on."""
    for k in range(40):
        results, left = tmp_path / str(k), [k]

        def stopping(real: Callable[..., object], left: list[int] = left) -> Callable[..., object]:
            def one(*arguments: object, **options: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
                return real(*arguments, **options)

            return one

        with monkeypatch.context() as patch:
            for method in ("write_bytes", "rename", "rmdir"):
                patch.setattr(Path, method, stopping(getattr(Path, method)))
            try:
                pull(made, results)
            except KeyboardInterrupt:
                pass
            else:
                break
        for run in (results / "task").glob("*/seed=*"):
            own = {name for name in FILES if name.startswith(f"{run.parent.name}/{run.name}/")}
            assert {f"{run.parent.name}/{run.name}/{f.name}" for f in run.iterdir()} == own
        pull(made, results)
        assert tree(results) == expected()
    assert 5 <= k < 39


def test_only_one_unpacks_at_a_time(made: Path, tmp_path: Path) -> None:
    results = tmp_path / "to"
    results.mkdir()
    folder = os.open(results, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(Busy, match="another process is unpacking"):
        pull(made, results)
    os.close(folder)
    assert pull(made, results) == len(FILES)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"x" + b[1:]])
def test_an_archive_that_came_wrong_is_not_opened(
    made: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    made.write_bytes(change(made.read_bytes()))
    with pytest.raises(BadInput, match=r"v1.tar.xz: its sha256 is not the manifest's"):
        pull(made, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def forged(
    folder: Path,
    entries: list[tuple[tarfile.TarInfo, bytes]],
    members: dict[str, File] | None = None,
    format: int = tarfile.USTAR_FORMAT,
) -> Path:
    """An archive of any entries whose manifest vouches for its sum, as who means harm would write it."""
    file = folder / "forged" / "task" / "v1.tar.xz"
    file.parent.mkdir(parents=True)
    with (
        lzma.open(file, "wb") as stream,
        tarfile.open(fileobj=stream, mode="w", format=format) as tar,
    ):
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    if members is None:
        members = {e.name.removeprefix("task/"): File.of(content) for e, content in entries}
    text = Manifest("task", "v1", File.at(file), members).text()
    archive.manifest_path(file).write_text(text)
    return file


def entry(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


GOOD = entry("task/a.json", b"{}")
SUM = {"a.json": File.of(b"{}")}


@pytest.mark.parametrize(
    "name",
    ["../a", "task/../../a", "/etc/a", "task//a", "task/./a", "task/.git/a", "task/a\\b", "task/a b",
     "task/c:a", "task/a/", "task/-a", "task/ü", "task/" + "a" * 300, "task/a\n"],
)  # fmt: skip
def test_a_path_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    file = forged(tmp_path, [GOOD, entry(name, b"x")], format=tarfile.PAX_FORMAT)
    with pytest.raises(BadInput, match="would not lie below the task's folder"):
        pull(file, tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE,
                                  tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE,
                                  tarfile.CONTTYPE])  # fmt: skip
def test_only_plain_files_may_be_in_it(tmp_path: Path, kind: bytes) -> None:
    link = entry("task/b.json", type=kind, linkname="/etc/passwd")
    file = forged(tmp_path, [GOOD, link], {**SUM, "b.json": File.of(b"")})
    with pytest.raises(
        BadInput, match=r"'task/b.json' is a link or a device; only plain files may"
    ):
        pull(file, tmp_path / "to")
    assert tree(tmp_path / "to") == {}


@pytest.mark.parametrize(
    ("entries", "members", "said"),
    [
        (
            [GOOD, entry("task/b.json", b"x")],
            SUM,
            "'task/b.json', which its manifest does not name",
        ),
        ([GOOD, GOOD], SUM, "'task/a.json', which its manifest does not name"),
        ([entry("a.json", b"{}")], SUM, "holds 'a.json', which its manifest does not name"),
        ([entry("other/a.json", b"{}")], SUM, "holds 'other/a.json'"),
        ([GOOD], {**SUM, "b.json": File.of(b"x")}, "b.json is missing"),
        ([entry("task/a.json", b"{}x")], SUM, "a.json has 3 bytes, not 2"),
        ([entry("task/a.json", b"[]")], SUM, "the sha256 of a.json is not the manifest's"),
    ],
)
def test_only_what_the_manifest_names_may_be_in_it(
    tmp_path: Path,
    entries: list[tuple[tarfile.TarInfo, bytes]],
    members: dict[str, File],
    said: str,
) -> None:
    file = forged(tmp_path, entries, members)
    with pytest.raises(BadInput, match=said):
        pull(file, tmp_path / "to")
    assert tree(tmp_path / "to") == {}


def test_a_bomb_is_not_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more bytes come out than the manifest announces, whatever the headers say."""
    zeros = bytes(64 << 20)
    file = forged(tmp_path, [GOOD, entry("task/b.json", zeros)], SUM)
    taken = [0]
    real = archive._Bounded.read

    def counted(self: archive._Bounded, size: int) -> bytes:
        found = real(self, size)
        taken[0] += len(found)
        return found

    monkeypatch.setattr(archive._Bounded, "read", counted)
    with pytest.raises(BadInput, match=r"no archive that can be read|does not name"):
        pull(file, tmp_path / "to")
    assert taken[0] < 1 << 20
    with pytest.raises(ValueError, match="more than the manifest announces"):
        stream = archive._Bounded(io.BytesIO(lzma.compress(zeros)), 1 << 20)
        while stream.read(1 << 16):
            pass


def test_an_extended_header_is_refused_unread(tmp_path: Path) -> None:
    """Which tarfile would take into memory at any length."""
    long = entry("task/a.json", b"{}", pax_headers={"comment": "x" * (8 << 20)})
    file = forged(tmp_path, [long], SUM, format=tarfile.PAX_FORMAT)
    with pytest.raises(BadInput, match="is a link or a device"):
        pull(file, tmp_path / "to")


def test_memory_that_an_archive_asks_for_is_bounded(tmp_path: Path) -> None:
    file = forged(tmp_path, [GOOD])
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 30}]
    data = lzma.decompress(file.read_bytes())
    file.write_bytes(lzma.compress(data, filters=filters))
    archive.manifest_path(file).write_text(Manifest("task", "v1", File.at(file), SUM).text())
    with pytest.raises(BadInput, match=r"no archive that can be read \(LZMAError\)"):
        pull(file, tmp_path / "to")


def test_something_else_under_the_right_sum_is_one_line(tmp_path: Path) -> None:
    file = forged(tmp_path, [GOOD])
    for content in (
        b"",
        b"not an archive",
        lzma.compress(b"no tar" * 500),
        file.read_bytes()[:80],
    ):
        file.write_bytes(content)
        archive.manifest_path(file).write_text(Manifest("task", "v1", File.at(file), SUM).text())
        with pytest.raises(BadInput, match="no archive that can be read"):
            pull(file, tmp_path / "to")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("members"), "damaged"),
        (lambda d: d.update(members=[]), "damaged"),
        (lambda d: d["archive"].update(bytes="1"), "damaged"),
        (lambda d: d["archive"].update(bytes=True), "damaged"),
        (lambda d: d["archive"].update(bytes=-1), "damaged"),
        (lambda d: d["archive"].update(sha256="0"), "damaged"),
        (lambda d: d.update(task="other"), "the manifest of 'other/v1', not of 'task/v1'"),
        (lambda d: d["members"]["a.json"].update(bytes=(1 << 30) + 1), "member a.json of"),
        (lambda d: d["members"].update({"A.json": d["members"]["a.json"]}), "twice, but for capital"),
        (lambda d: d["members"].update({f"{k}": {"bytes": 1 << 30, "sha256": "0" * 64}
                                        for k in range(9)}), "10 members of 9663676418 bytes"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_one_line(
    tmp_path: Path, change: Callable[[dict[str, object]], object], said: str
) -> None:
    file = forged(tmp_path, [GOOD])
    path = archive.manifest_path(file)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(BadInput, match=said):
        manifests.read(path, NAME)


def test_a_manifest_that_is_no_json_or_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "v1.json"
    with pytest.raises(BadInput, match="missing"):
        manifests.read(path, NAME)
    for content in (b"", b"\xff", b"[]", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="damaged"):
            manifests.read(path, NAME)


def test_a_version_never_changes(made: Path, tmp_path: Path) -> None:
    before = tree(made.parents[1])
    archive.make(tmp_path / "from", NAME, made.parents[1])
    assert tree(made.parents[1]) == before
    fill(tmp_path / "from", {"new/seed=1/config.yaml": b"x"})
    with pytest.raises(BadInput, match="another archive of this name; a version never changes"):
        archive.make(tmp_path / "from", NAME, made.parents[1])
    assert tree(made.parents[1]) == before


def test_what_cannot_be_archived_is_said(tmp_path: Path) -> None:
    out = tmp_path / "archives"
    with pytest.raises(BadInput, match="task: no results to archive"):
        archive.make(tmp_path, NAME, out)
    fill(tmp_path, {"nsga2/seed=0/trials.jsonl": b'{"number":0}\n{"num'})
    with pytest.raises(BadInput, match=r"trials.jsonl: its last line is torn"):
        archive.make(tmp_path, NAME, out)
    fill(tmp_path, {"nsga2/seed=0/trials.jsonl": b"{}\n", "nsga2/seed=0/my notes": b"x"})
    with pytest.raises(BadInput, match="my notes: is a link, or has a name"):
        archive.make(tmp_path, NAME, out)
    (tmp_path / "task/nsga2/seed=0/my notes").unlink()
    (tmp_path / "task/nsga2/seed=0/link").symlink_to("trials.jsonl")
    with pytest.raises(BadInput, match="link: is a link"):
        archive.make(tmp_path, NAME, out)
    assert list(out.rglob("*.*")) == []


@pytest.mark.parametrize("name", ["task", "task/", "/v1", "a/b/c", "../v1", "task/..", "task/.v1"])
def test_a_name_is_a_task_and_a_version(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="name it TASK/VERSION"):
        archive.make(fill(tmp_path), name, tmp_path)
