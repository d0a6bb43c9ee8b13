"""Item sets: what evaluators ask, split into search, select and report items, disjoint and hashed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from suite.errors import BadInput

SPLITS = ("search", "select", "report")


@dataclass(frozen=True)
class Item:
    """One question: `prompt` is what the model reads, `expected` the reference answer."""

    id: str
    prompt: str
    expected: str


def read(path: Path) -> list[Item]:
    """The items of a JSON-lines file with the keys id, prompt, expected; `BadInput` names a bad line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"items {path}: cannot be read ({error})") from None
    items = []
    for number, line in enumerate(lines, start=1):
        try:
            data = json.loads(line)
            item = Item(str(data["id"]), str(data["prompt"]), str(data["expected"]))
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                f"items {path}, line {number}: not a JSON object with id, prompt, expected"
            ) from None
        items.append(item)
    if not items:
        raise BadInput(f"items {path}: no items")
    return items


def write(path: Path, items: list[Item]) -> None:
    """Write items as JSON lines."""
    lines = [json.dumps(item.__dict__, ensure_ascii=False) for item in items]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_splits(folder: Path) -> dict[str, list[Item]]:
    """The three splits in `folder` (search.jsonl, select.jsonl, report.jsonl), proved disjoint."""
    splits = {split: read(folder / f"{split}.jsonl") for split in SPLITS}
    check_disjoint(splits, where=str(folder))
    return splits


def check_disjoint(splits: dict[str, list[Item]], where: str) -> None:
    """Refuse splits that share an item, by id or by normalised prompt, within or between them."""
    seen: dict[tuple[str, str], str] = {}
    for split, items in splits.items():
        for item in items:
            for key in (("id", item.id), ("prompt", normalised(item.prompt))):
                if key in seen:
                    raise BadInput(
                        f"items {where}: {key[0]} {key[1]!r} is in {seen[key]} and in {split};"
                        " splits must be disjoint"
                    )
                seen[key] = split


def normalised(text: str) -> str:
    """`text` without what does not distinguish questions: width, case and white space (NFKC)."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def digest(items: list[Item]) -> str:
    """sha256 of the items' content, independent of file formatting."""
    content = json.dumps([[i.id, i.prompt, i.expected] for i in items], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
