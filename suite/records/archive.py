"""Archives of results: one file per task and version, made, checked and unpacked beside what is there.

What is in an archive is untrusted: it is opened only when its sum is the manifest's, each member must be
a plain file that the manifest names, of the size and sum that stand there, and no more is decompressed
than the manifest announces. Nothing is written before all of it was checked, and nothing is overwritten.
"""

from __future__ import annotations

import io
import itertools
import lzma
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Self

from suite.errors import BadInput, Busy
from suite.records import files, packed
from suite.records import manifest as manifests
from suite.records.manifest import File, Manifest

END = ".tar.xz"
MEMORY = 256 << 20  # bytes that decompressing may take; preset 6 takes 9 MiB
LEFT_OUT = ("report",)  # folders of a task that are made from its results


def path(root: Path, name: str) -> Path:
    """Where the archive `name` lies below a folder of archives."""
    task, version = manifests.parse(name)
    return root / task / f"{version}{END}"


def manifest_path(file: Path) -> Path:
    """Where the manifest of the archive `file` lies."""
    return file.with_name(file.name.removesuffix(END) + ".json")


def make(results: Path, name: str, out: Path) -> Manifest:
    """Write the results of a task as the archive `name` below the folder `out`.

    Compressed journals are archived as the lines that they hold, so that an archive says the same of
    both forms. The same results give the same bytes.

    Parameters
    ----------
    results : Path
        Folder of results; the task's folder lies in it.
    name : str
        ``<task>/<version>``.
    out : Path
        Folder of archives.

    Returns
    -------
    Manifest
        What was archived.

    Raises
    ------
    BadInput
        When there are no results, a file cannot be archived, a journal's last line is torn, or another
        archive of this name is there.
    """
    task, version = manifests.parse(name)
    found, file = _files(results / task), path(out, name)
    files.make_writable(file.parent)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    members: dict[str, File] = {}
    try:
        with (
            lzma.open(draft, "wb", preset=6) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for member, source in found.items():
                content = _content(source)
                members[member] = File.of(content)
                tar.addfile(_entry(f"{task}/{member}", len(content)), io.BytesIO(content))
        made = Manifest(task, version, File.at(draft), members)
        _publish(draft, file, made)
    except OSError as error:
        raise BadInput(f"{file}: cannot be written ({error.strerror})") from None
    finally:
        draft.unlink(missing_ok=True)
    return made


def check(file: Path, manifest: Manifest) -> None:
    """Refuse an archive whose size or sum is not the manifest's."""
    try:
        found = File.at(file)
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None
    if found != manifest.archive:
        raise BadInput(
            f"{file}: its sha256 is not the manifest's; it is damaged or came short: get it again"
        )


def contents(file: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """The members of a checked archive, one after the other, as they stand in it.

    Parameters
    ----------
    file : Path
        The archive.
    manifest : Manifest
        Which members there must be.

    Yields
    ------
    name, content : str, bytes
        Path below the task's folder, and what the file holds; its sum is the manifest's.

    Raises
    ------
    BadInput
        At the first member that is no plain file, is not named or named differently, and at the end when
        one is missing.
    """
    left = dict(manifest.members)
    most = manifest.size + 1024 * len(left) + (1 << 16)  # a header and a filled block each
    try:
        with (
            file.open("rb") as stream,
            tarfile.open(fileobj=_Bounded(stream, most), mode="r|", tarinfo=_Plain) as tar,
        ):
            for entry in tar:
                name = entry.name.removeprefix(f"{manifest.task}/")
                expected = left.pop(name, None)
                if expected is None or entry.name == name:
                    raise BadInput(
                        f"{file}: holds {entry.name!r}, which its manifest does not name"
                    )
                if entry.size != expected.size:
                    raise BadInput(f"{file}: {name} has {entry.size} bytes, not {expected.size}")
                content = tar.extractfile(entry).read()  # type: ignore[union-attr]
                if File.of(content) != expected:
                    raise BadInput(f"{file}: the sha256 of {name} is not the manifest's")
                yield name, content
    except _NotPlain as error:
        raise BadInput(f"{file}: {error} is a link or a device; only plain files may be") from None
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError, ValueError) as error:
        raise BadInput(f"{file}: no archive that can be read ({type(error).__name__})") from None
    if left:
        raise BadInput(f"{file}: {min(left)} is missing, which its manifest names")


def place(file: Path, manifest: Manifest, results: Path) -> int:
    """Unpack a checked archive to `results`, beside what is there.

    A folder of a run appears whole. What is interrupted goes on when it is asked for again.

    Parameters
    ----------
    file : Path
        The archive; `check` has passed it.
    manifest : Manifest
        What is in it.
    results : Path
        Folder of results.

    Returns
    -------
    int
        How many files are new; the others lay there with the same bytes.

    Raises
    ------
    BadInput
        When a member is not what the manifest says, or a file lies there that differs. Nothing was
        changed then.
    Busy
        When another process is unpacking to `results`.
    """
    files.make_writable(results)
    root = results / manifest.task
    with files.alone(results) as alone:
        if not alone:
            raise Busy(f"{results}: another process is unpacking an archive to it")
        new = {name for name, content in contents(file, manifest) if _is_new(root / name, content)}
        by_folder = itertools.groupby(
            contents(file, manifest), key=lambda member: (root / member[0]).parent
        )
        for folder, members in by_folder:
            _write(folder, {(root / n).name: content for n, content in members if n in new})
    return len(new)


class _NotPlain(Exception):
    """A member that is no plain file."""


class _Plain(tarfile.TarInfo):
    """A header of a plain file; others are refused before what belongs to them is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        entry = super().frombuf(buf, encoding, errors)
        if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise _NotPlain(repr(entry.name))
        return entry


class _Bounded(io.RawIOBase):
    """The decompressed bytes of an xz file, of which no more than `most` may come."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._left = stream, most
        self._xz = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; empty at the end."""
        found = b""
        while not found and not self._xz.eof:
            more = self._stream.read(1 << 16) if self._xz.needs_input else b""
            if self._xz.needs_input and not more:
                raise EOFError
            found = self._xz.decompress(more, max_length=size)
        self._left -= len(found)
        if self._left < 0:
            raise ValueError("more than the manifest announces")
        return found


def _files(folder: Path) -> dict[str, Path]:
    """The files below a task's folder by their names in an archive, a folder's together."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no results to archive")
    found: dict[str, Path] = {}
    for at, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if Path(at) == folder:
            inner[:] = [name for name in inner if name not in LEFT_OUT]
        for file in (Path(at) / name for name in sorted(names) if not name.startswith(".")):
            if file.name.removesuffix(packed.END) in packed.NAMES:
                file = file.with_name(file.name.removesuffix(packed.END))
            name = PurePosixPath(file.relative_to(folder)).as_posix()
            if packed.form(file).is_symlink() or not manifests.is_member(name):
                raise BadInput(
                    f"{file}: is a link, or has a name that may not stand in an archive"
                    " (letters, digits and _.=+,@- are allowed)"
                )
            found[name] = file
    if not found:
        raise BadInput(f"{folder}: no results to archive")
    return found


def _content(file: Path) -> bytes:
    content = packed.content(file)
    if file.name in packed.NAMES and content and not content.endswith(b"\n"):
        raise BadInput(f"{file}: its last line is torn; let the run go on to its end first")
    return content


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)  # its times and owners stay 0
    entry.size, entry.mode = size, 0o644
    return entry


def _publish(draft: Path, file: Path, made: Manifest) -> None:
    """Put the archive and then its manifest in place, or refuse to change what is there."""
    there = manifest_path(file)
    if there.exists() and manifests.read(there, made.name) != made:
        raise BadInput(
            f"{there}: another archive of this name; a version never changes, name a new one"
        )
    draft.replace(file)
    files.write_whole(there, made.text())


def _is_new(target: Path, content: bytes) -> bool:
    """Whether nothing lies at `target`; `BadInput` when something else than `content` does."""
    if target.is_dir() or any(p.exists() and not p.is_dir() for p in target.parents):
        raise BadInput(f"{target}: not a file, or below one; {_UNCHANGED}")
    if not packed.exists(target):
        return True
    if packed.content(target) != content:
        raise BadInput(f"{packed.form(target)}: differs from the archive's; {_UNCHANGED}")
    return False


_UNCHANGED = "nothing was changed: unpack it elsewhere with results=FOLDER"


def _write(folder: Path, new: dict[str, bytes]) -> None:
    """Write files that are new: a new folder whole or not at all, in another one file by file."""
    if not new:
        return
    draft = folder.with_name(f".{folder.name}.unpacked")
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a process that was stopped
        draft.mkdir(parents=True)
        for name, content in new.items():
            (draft / name).write_bytes(content)
        if not folder.exists():
            draft.rename(folder)
            return
        for name in new:
            (draft / name).rename(folder / name)
        draft.rmdir()
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(draft)
        raise BadInput(
            f"{folder}: cannot be written ({error.strerror}); the same command goes on"
        ) from None
