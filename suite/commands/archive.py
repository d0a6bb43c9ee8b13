"""`suite archive`: journals at rest, and results by name: made, published, pulled."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import yaml

from suite import resources
from suite.errors import BadInput, Busy
from suite.records import archive, files, packed
from suite.records import manifest as manifests
from suite.records.manifest import Manifest

ALLOWED = {
    "list": ("from",),
    "pull": ("from", "results"),
    "make": ("results", "out"),
    "push": ("out", "to"),
    "pack": (),
    "unpack": (),
}
USES = "list, pull TASK/VERSION, make TASK/VERSION, push TASK/VERSION, pack FOLDER…, unpack FOLDER…"


def main(words: list[str]) -> None:
    """One use of ``suite archive``, with its options as ``key=value``."""
    use, rest = (words[1], words[2:]) if len(words) > 1 else ("", [])
    if use not in ALLOWED:
        raise BadInput(f"archive: say which: {USES}")
    names, options, flags = _options(use, rest)
    results, out = Path(options.get("results", "results")), Path(options.get("out", "archives"))
    if use in ("pack", "unpack"):
        return _each(use, [Path(name) for name in names])
    if use == "list":
        return _list(options.get("from", _dataset()))
    if use == "pull":
        return _pull(names[0], options.get("from", _dataset()), results)
    if use == "make":
        return _say(archive.make(results, names[0], out), f"in {archive.path(out, names[0])}")
    return _push(names[0], out, options.get("to", _dataset().partition("@")[0]), flags)


def _options(use: str, words: list[str]) -> tuple[list[str], dict[str, str], set[str]]:
    """Names, options and flags that were given to `use`."""
    flags = {word for word in words if word.startswith("--")}
    options = dict[str, str]()
    names = []
    for word in (word for word in words if word not in flags):
        key, mark, value = word.partition("=")
        if mark and key in ALLOWED[use]:
            options[key] = value
        else:
            names.append(word)  # seed=0 may be the name of a folder, or the beginning of one
    wanted = {"list": len(names) == 0, "pack": len(names) > 0, "unpack": len(names) > 0}
    unknown = flags - ({"--yes", "--private"} if use == "push" else set())
    if unknown or not wanted.get(use, len(names) == 1):
        keys = ", ".join(f"{key}=…" for key in ALLOWED[use])
        raise BadInput(
            f"archive {use}: {' '.join(sorted(unknown) or names) or 'no name'}: allowed are {USES}"
            + (f", and with {use} {keys}" if keys else "")
            + (", --private, --yes" if use == "push" else "")
        )
    return names, options, flags


def _dataset() -> str:
    """``org/name@revision`` of ``conf/archive/default.yaml``."""
    path = resources.data("conf") / "archive" / "default.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return f"{found['dataset']}@{found['revision']}"


def _each(use: str, folders_: list[Path]) -> None:
    """Compress the journals below each folder, or the other way round."""
    for folder in folders_:
        if not folder.is_dir():
            raise BadInput(f"archive {use}: {folder}: no such folder")
        end = packed.END if use == "unpack" else ""
        found = sorted(f for name in packed.NAMES for f in folder.rglob(name + end))
        before, after, done = 0, 0, 0
        for file in found:
            size = file.stat().st_size
            try:
                after += _convert(use, file)
            except Busy as busy:
                print(f"{busy}: passed over")
                continue
            before, done = before + size, done + 1
        print(f"{folder}: {use}ed {done} files, {before / 1e6:.2f} MB are now {after / 1e6:.2f}")


def _convert(use: str, file: Path) -> int:
    """Convert one file; its size afterwards, in bytes."""
    plain = file.with_name(file.name.removesuffix(packed.END))
    with files.alone(file.parent) as alone:  # as a judge has it
        if not alone:
            raise Busy(f"{file}: another process is judging this run")
        if use == "pack":
            packed.pack(plain)
        else:
            packed.unpack(plain)
    return packed.form(plain).stat().st_size


def _list(where: str) -> None:
    """A line per archive of a folder or a data set."""
    root = _local(where, ["*/*.json"])
    found = sorted(root.glob("*/*.json"))
    if not found:
        raise BadInput(f"archive list: {where} has no archives")
    for path in found:
        _say(manifests.read(path, f"{path.parent.name}/{path.stem}"), "")


def _say(made: Manifest, where: str) -> None:
    sizes = f"{made.archive.size / 1e6:.2f} MB, unpacked {made.size / 1e6:.2f}"
    print(f"{made.name}: {made.runs} runs, {len(made.members)} files, {sizes} {where}".rstrip())


def _pull(name: str, where: str, results: Path) -> None:
    """Unpack an archive of a folder, a file or a data set beside what is in `results`."""
    task, version = manifests.parse(name)
    if Path(where).is_file():
        file = Path(where)
    else:
        ends = [f"{task}/{version}.json", f"{task}/{version}{archive.END}"]
        file = archive.path(_local(where, ends), name)
        if not file.is_file():
            raise BadInput(
                f"archive {name}: not in {where}; suite archive list from={where} shows what is"
            )
    manifest = manifests.read(archive.manifest_path(file), name)
    try:
        archive.check(file, manifest)
    except BadInput:
        if file.is_symlink():  # the Hub's cache would give the same again
            for each in (file, archive.manifest_path(file)):
                _forget(each)
        raise
    new = archive.place(file, manifest, results)
    there = len(manifest.members) - new
    _say(manifest, f"in {results / task}: {new} files new, {there} were there")


def _local(where: str, patterns: list[str]) -> Path:
    """The folder of archives that `where` names, downloaded when it is a data set of the Hub."""
    if Path(where).is_dir():
        return Path(where)
    repo, _, revision = where.partition("@")
    if repo.count("/") != 1 or repo.startswith((".", "/")):
        raise BadInput(
            f"archive: from={where}: no such folder or file; allowed are a folder of archives, a"
            f" TASK/VERSION{archive.END}, or a data set of the Hub as org/name[@revision]"
        )
    from suite.checkpoints import download

    return download.fetch(repo, repo, revision or "main", patterns, "dataset")


def _forget(link: Path) -> None:
    """Remove a file from the Hub's cache, so that it is downloaded anew."""
    with suppress(OSError):
        (link.parent / os.readlink(link)).unlink(missing_ok=True)
        link.unlink()


def _push(name: str, out: Path, repo: str, flags: set[str]) -> None:
    """Publish an archive in a data set, unless it has another one of this name."""
    from suite.export import push

    push.check(repo, "--yes" in flags, "archive push to=…")
    file = archive.path(out, name)
    there = archive.manifest_path(file)
    manifest = manifests.read(there, name)
    archive.check(file, manifest)
    _say(manifest, f"to {repo}")
    if _published(repo, there, manifest):
        print(f"{repo} has {name} already")
        return
    both = {f"{manifest.task}/{path.name}": path for path in (file, there)}
    if "--yes" not in flags and not push.agreed(repo):
        print("not uploaded")
        return
    print(push.add(both, repo, "--private" in flags, f"Results {name}"))


def _published(repo: str, there: Path, manifest: Manifest) -> bool:
    """Whether the data set has this very archive; `BadInput` when it has another of its name."""
    from suite.checkpoints import download

    name = f"{manifest.task}/{there.name}"
    if not download.has(repo, name, "dataset"):
        return False
    folder = download.fetch(repo, repo, "main", [name], "dataset")
    if manifests.read(folder / name, manifest.name) != manifest:
        raise BadInput(
            f"{repo}: has another archive {manifest.name}; a version never changes, name a new one"
        )
    return True
