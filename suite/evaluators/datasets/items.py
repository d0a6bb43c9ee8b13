"""Item sets: what evaluators ask, split into search, select and report items, disjoint and hashed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture

SPLITS = ("search", "select", "report")


@dataclass(frozen=True)
class Item:
    """One question: `prompt` is what the model reads, `expected` the reference answer.

    `picture` is what the question is about, where there is something to see.
    """

    id: str
    prompt: str
    expected: str
    picture: Picture | None = None


def read(path: Path) -> list[Item]:
    """The items of a JSON-lines file with the keys id, prompt, expected and, optionally, picture.

    A picture is a base64 data URI or a path relative to the file, inside its folder; each is
    decoded once, to know that it can be. `BadInput` names a bad line and a bad picture.
    """
    items, album = [], Album()
    for number, data in _lines(path):
        where = f"items {path}, line {number}"
        try:
            item = Item(str(data["id"]), str(data["prompt"]), str(data["expected"]))
            seen = data.get("picture")
        except (AttributeError, KeyError, TypeError):
            raise BadInput(f"{where}: not a JSON object with id, prompt, expected") from None
        if seen is not None:
            origin = f"{where}, item {item.id!r}"
            parsed = Picture.parse(str(seen), path.parent, origin)
            item = Item(item.id, item.prompt, item.expected, album.checked(parsed))
        items.append(item)
    if not items:
        raise BadInput(f"items {path}: no items")
    return items


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The numbered JSON values of a file, one a line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"items {path}: cannot be read ({error})") from None
    for number, line in enumerate(lines, start=1):
        try:
            yield number, json.loads(line)
        except ValueError:
            raise BadInput(
                f"items {path}, line {number}: not a JSON object with id, prompt, expected"
            ) from None


class Album:
    """Keeps each picture once, however many questions are asked about it, and decodes it once."""

    def __init__(self) -> None:
        self._known: dict[str, Picture] = {}

    def checked(self, picture: Picture) -> Picture:
        """`picture`, or an equal one met before; `BadInput` when it cannot be decoded."""
        if picture.digest not in self._known:
            picture.image()
            self._known[picture.digest] = picture
        return self._known[picture.digest]


def write(path: Path, items: list[Item]) -> None:
    """Write items as JSON lines; pictures are written into them."""
    lines = [json.dumps(_plain(item), ensure_ascii=False) for item in items]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plain(item: Item) -> dict[str, str]:
    plain = {"id": item.id, "prompt": item.prompt, "expected": item.expected}
    return plain if item.picture is None else {**plain, "picture": item.picture.uri()}


def read_splits(folder: Path) -> dict[str, list[Item]]:
    """The three splits in `folder` (search.jsonl, select.jsonl, report.jsonl), proved disjoint."""
    splits = {split: read(folder / f"{split}.jsonl") for split in SPLITS}
    check_disjoint(splits, where=str(folder))
    return splits


def files(folder: Path) -> dict[str, Path]:
    """What an item folder consists of, by name: its .jsonl files, and the pictures they name.

    Hashing these tells whether two folders ask the same. Pictures are named by their paths in the
    folder; those that are written into the .jsonl files are hashed with them.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.jsonl")):
        found.update(files_of(path))
    return dict(sorted(found.items()))


def files_of(path: Path) -> dict[str, Path]:
    """As `files`, of one .jsonl file."""
    found = {path.name: path}
    for _, data in _lines(path):
        named = data.get("picture") if isinstance(data, dict) else None
        if isinstance(named, str) and not named.startswith("data:"):
            found[named] = path.parent / named
    return found


def check_disjoint(splits: dict[str, list[Item]], where: str) -> None:
    """Refuse splits that share an item, within or between them.

    No two items have the same id, nor the same normalised prompt about the same picture: the prompt
    alone may repeat if the pictures differ. Nor is a picture in two splits, whatever is asked about
    it, since what a search has seen would leak; within one split several questions about one
    picture are fine. Pictures are the same if their files are, byte by byte.
    """
    seen: dict[tuple[str, ...], str] = {}
    for split, items in splits.items():
        for item in items:
            picture = item.picture.digest if item.picture else ""
            keys = [("id", item.id), ("prompt", normalised(item.prompt), picture)]
            for key in keys:
                if key in seen:
                    raise _shared(where, key, seen[key], split)
                seen[key] = split
            if picture and seen.setdefault(("picture", picture), split) != split:
                raise _shared(
                    f"{where}, item {item.id!r}",
                    ("picture", picture[:12]),
                    seen["picture", picture],
                    split,
                )


def _shared(where: str, key: tuple[str, ...], first: str, second: str) -> BadInput:
    return BadInput(
        f"items {where}: {key[0]} {key[1]!r} is in {first} and in {second}; splits must be disjoint"
    )


def normalised(text: str) -> str:
    """`text` without what does not distinguish questions: width, case and white space (NFKC)."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def digest(items: list[Item]) -> str:
    """sha256 of the items' content, pictures included, independent of file formatting."""
    content = json.dumps([_content(item) for item in items], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _content(item: Item) -> list[str]:
    seen = [item.picture.digest] if item.picture else []
    return [item.id, item.prompt, item.expected, *seen]


def indices(given: Any, what: str, count: int, of: str) -> range | list[int]:
    """Indices below `count`, ascending, from ``start:stop`` or a list; None is all of them.

    `what` and `of` (``the data set's 50 rows``) name them in `BadInput`; none at all is refused too.
    """
    if given is None:
        return range(count)
    try:
        if isinstance(given, str):
            start, stop = (int(bound) for bound in given.split(":"))
            found: range | list[int] = range(start, stop)
        else:
            found = sorted({int(index) for index in given})
    except (TypeError, ValueError):
        raise BadInput(f"{what} {given!r} is neither a list nor 'start:stop'") from None
    if not found or found[0] < 0 or found[-1] >= count:
        raise BadInput(f"{what} {given!r} must lie within {of}")
    return found
