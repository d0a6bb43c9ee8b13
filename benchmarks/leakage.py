"""Which items of a task stand in what its models were trained on.

    python benchmarks/leakage.py [ja_math_micro ja_vlm_micro] [--json]

The training documents of every model are written again from the recipe's seeds (`zoo.reading`; a
minute a family) and compared with every item of every split, by normalised text (width, case and white space
aside):

- *solved*: the whole question, about the same picture if there is one, with a completion that the item
  set's own scorer takes for right.
- *read*: the whole question stands in a text, perhaps without its answer, say to be translated. Of items
  with pictures: the same picture, pixel by pixel, stands there.

Problems that are alike but for a name or a number do not count; the generator makes both from the
same patterns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import yaml

from suite import resources
from suite.evaluators.datasets.items import SPLITS, Item, normalised, read_splits
from suite.evaluators.scorers.by_name import SCORERS
from zoo import reading
from zoo.documents import TRANSLATE

Row = dict[str, Any]
Key = tuple[str, str]  # digest of the picture's pixels or nothing, normalised question

RULES = {  # the scorer of an item set, and the outcome that says right
    "ja_math": ("maths", "acc"),
    "en_math": ("maths", "acc"),
    "ja_general": ("exact", "em"),
    "ja_vqa": ("vqa_en", "em"),
    "ja_wild": ("vqa_en", "em"),
    "en_vqa": ("vqa_en", "em"),
}
ASKS = tuple(normalised(text) for text in TRANSLATE.values())  # what stands before a translation


def turns(document: Any) -> Iterator[tuple[Key, str]]:
    """The questions of a document, each with its picture, and what follows it."""
    texts = getattr(document, "turns", document)
    seen = pixels(document.picture) if hasattr(document, "picture") else ""
    for prompt, completion in zip(texts[::2], texts[1::2], strict=True):
        yield (seen, normalised(prompt)), completion


def pixels(image: Any) -> str:
    """A digest of a picture's pixels."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()


def texts(key: Key, completion: str) -> Iterator[str]:
    """Where a question may stand unsolved: the prompt, what it asks to translate, the completion."""
    yield key[1]
    for ask in ASKS:
        if key[1].startswith(ask):
            yield key[1].removeprefix(ask)
    yield normalised(completion)


def key(item: Item) -> Key:
    """What an item is looked up by."""
    return (pixels(item.picture.image()) if item.picture else "", normalised(item.prompt))


def sets(family: str) -> dict[str, dict[str, list[Item]]]:
    """Every item set of a family, by split."""
    folder = resources.ZOO / family / "items"
    return {path.name: read_splits(path) for path in sorted(folder.iterdir())}


def met(
    spec: Row, known: dict[str, dict[str, list[Item]]]
) -> tuple[Row, dict[str, dict[str, Row]]]:
    """Documents and seconds of each model; of each, the ids of items that it met *solved* or *read*."""
    entries = [(name, item) for name, splits in known.items() for s in SPLITS for item in splits[s]]
    asked: dict[Key, list[tuple[str, Item]]] = {}
    seen: dict[str, list[str]] = {}
    for name, item in entries:
        own = key(item)
        asked.setdefault(own, []).append((name, item))
        seen.setdefault(own[0] or own[1], []).append(item.id)
    cost: Row = {}
    found: dict[str, dict[str, Any]] = {}
    for stage_name, stage in reading.stages(spec).items():
        model = stage_name.partition("/")[0]
        ids = found.setdefault(model, {"solved": set(), "read": set()})
        spent = cost.setdefault(model, {"documents": 0, "seconds": 0.0})
        began = time.process_time()
        for document in reading.documents(spec, stage_name, stage):
            spent["documents"] += 1
            for own, completion in turns(document):
                for name, item in asked.get(own, ()):
                    scorer, outcome = RULES[name]
                    if SCORERS[scorer](completion, item)[outcome]:
                        ids["solved"].add(item.id)
                for text in [own[0]] if own[0] else texts(own, completion):
                    ids["read"].update(seen.get(text, ()))
        spent["seconds"] += time.process_time() - began
    return cost, found


def measured(family: str) -> Row:
    """Everything of one family of models."""
    recipe = resources.data("conf") / "zoo" / f"{family}.yaml"
    spec = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    known = sets(family)
    cost, found = met(spec, known)
    rows = []
    for name, splits in known.items():
        for split in SPLITS:
            ids = {item.id for item in splits[split]}
            solved = {model: sorted(ids & {*each["solved"]}) for model, each in found.items()}
            once = ids & set().union(*(each["solved"] for each in found.values()))
            read = ids & set().union(*(each["read"] for each in found.values()))
            row = {"set": name, "split": split, "items": len(ids), "solved": len(once)}
            row |= {"share": len(once) / len(ids), "read": len(read)}
            rows.append(row | {"by_model": {model: len(each) for model, each in solved.items()}})
            rows[-1]["ids"] = sorted(once)
    return {"family": family, "cost": cost, "rows": rows}


def show(found: Row) -> None:
    """One family's tables."""
    print(f"\n{found['family']}")
    for model, spent in found["cost"].items():
        print(f"{model:10}{spent['documents']:>8} documents in {spent['seconds']:.0f} s of CPU")
    print(f"{'items':12}{'split':8}{'':>6}{'solved':>8}{'share':>8}{'read':>7}  solved in")
    for row in found["rows"]:
        models = ", ".join(f"{model} {count}" for model, count in row["by_model"].items() if count)
        print(
            f"{row['set']:12}{row['split']:8}{row['items']:>6}{row['solved']:>8}{row['share']:>8.1%}"
            f"{row['read']:>7}  {models}"
        )


def main() -> int:
    """Read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["ja_math_micro", "ja_vlm_micro"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = []
    for family in options.tasks:
        every.append(measured(family))
        if not options.json:
            show(every[-1])
    if options.json:
        print(json.dumps(every, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
